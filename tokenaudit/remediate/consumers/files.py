"""Changing a file that holds a value: whole or not at all, its mode kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tokenaudit.remediate.consumers.interface import ConsumerError


def read(path: Path) -> str | None:
    """The text of `path`, line ends as they are; None where there is no such file.

    Raises:
        ConsumerError: it can't be read.
    """
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise ConsumerError(message) from None


def replace(path: Path, text: str, mode: int | None = None) -> None:
    """Puts `text` in the place of the file behind `path`, in one step; its mode stays unless another is given.

    Raises:
        ConsumerError: it can't be written.
    """
    real = Path(os.path.realpath(path))
    try:
        kept = mode if mode is not None else real.stat().st_mode & 0o777
        handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            fresh.chmod(kept)
            fresh.replace(real)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}"
        raise ConsumerError(message) from None
