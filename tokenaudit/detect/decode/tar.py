"""tar archives. Their content stands in them as it is, so this only gives it names and lines of its own."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from tokenaudit.detect.budget import Budget
from tokenaudit.detect.decode.interface import Inner

_MAGIC_AT = 257


def is_tar(data: bytes) -> bool:
    """Whether `data` begins with a tar header (POSIX or GNU)."""
    return data[_MAGIC_AT : _MAGIC_AT + 5] == b"ustar"


def unwrap_tar(data: bytes, budget: Budget) -> Iterator[Inner]:
    """The regular files of the archive. Where it is damaged, the rest is left to be read as it stands."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                if not member.isreg() or member.issparse() or not member.size:
                    continue
                if not budget.entry():
                    return
                start, end = member.offset_data, member.offset_data + member.size
                name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                if end > len(data):
                    budget.skip(f"{name}: cut off")
                yield Inner(data[start:end], ("tar",), start, None, name, (start, end))
    except (tarfile.TarError, ValueError, OSError, EOFError):
        budget.skip("tar archive is damaged or cut off; the rest was read as it stands")
