"""Where a report is written."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

from tokenaudit.cli.streams import ReaderGoneError
from tokenaudit.errors import UsageError
from tokenaudit.file_access import open_pipe_for_writing
from tokenaudit.redaction import mask, mask_shapes

_SMALL = 1 << 18
"""Characters of a document that are searched once more for parts of values; its structure contains none."""


def or_stdout(path: Path | None) -> Path | None:
    """The file that `--output` names; None for stdout, also for `-`.

    Raises:
        UsageError: the file can't be written. Raised before the work is done.
    """
    if path is None or str(path) == "-":
        return None
    if path.is_dir():
        raise _unwritable(path, "it is a folder")
    if not path.parent.is_dir():
        raise _unwritable(path, f"{path.parent} is not a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _unwritable(path, os.strerror(errno.EACCES))
    return path


def _unwritable(path: Path, reason: str) -> UsageError:
    return UsageError(f"can't write to {path}: {reason}; choose another place for it")


def emit(text: str, output: Path | None = None) -> None:
    """Writes `text`, after a final search for credentials, to stdout, or atomically to `output`.

    Raises:
        UsageError: `output` can't be written.
        ReaderGoneError: the reader of stdout, or of the pipe `output`, has closed it.
    """
    text = mask(text) if len(text) <= _SMALL else mask_shapes(text)
    if text and not text.endswith("\n"):
        text += "\n"
    try:
        if output is None:
            if text:  # unbuffered, even nothing would be written
                sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
            sys.stdout.flush()
        else:
            _write(text, output)
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        place = "stdout" if output is None else str(output)
        message = f"can't write to {place}: {error.strerror}; use another --output"
        raise UsageError(message) from None


def _write(text: str, output: Path) -> None:
    if output.exists() and not output.is_file():
        # A device or a pipe, such as /dev/stderr, can't be replaced, only written to.
        with open_pipe_for_writing(output) as pipe:
            pipe.write(text.encode("utf-8", "backslashreplace"))
        return
    output = output.resolve()  # a link stays one: what it leads to is replaced
    handle, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            stream.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(output)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def color_wanted(output: Path | None, *, no_color: bool) -> bool:
    """Whether the text report should have colour: only on a terminal, and not where NO_COLOR asks for none."""
    return output is None and not no_color and not os.environ.get("NO_COLOR") and sys.stdout.isatty()


_USUAL_WIDTH = 80


def width(output: Path | None) -> int | None:
    """The width of the terminal if the report is written to one, else None; 80 for one without a size."""
    if output is not None or not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_WIDTH
