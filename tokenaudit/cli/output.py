"""Where a report goes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tokenaudit.errors import UsageError


def emit(text: str, output: Path | None) -> None:
    """Writes `text` to stdout, or whole or not at all to `output`.

    Raises:
        UsageError: the file can't be written.
    """
    if not text.endswith("\n"):
        text += "\n"
    if output is None:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
        return
    if output.exists() and not output.is_file():
        # A device or a pipe, such as /dev/stderr, can't be replaced, only written to.
        with output.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(output)
    except OSError as error:
        message = f"can't write the report to {output}: {error.strerror}; choose another --output"
        raise UsageError(message) from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def color_wanted(output: Path | None, *, no_color: bool) -> bool:
    """Whether the text report should have colour: only on a terminal, and not where NO_COLOR asks for none."""
    return output is None and not no_color and not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def width(output: Path | None) -> int | None:
    """The terminal's columns where the report goes to one, else None."""
    if output is not None or not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns
