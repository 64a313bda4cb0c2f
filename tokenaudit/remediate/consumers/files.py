"""Atomic changes to a file that stores a value; mode, owner and all other content are preserved."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from tokenaudit.file_access import NotRegularError, read_regular
from tokenaudit.remediate.consumers import ConsumerError, Content

if sys.platform != "win32":  # on Windows, files of an interrupted run are reported, not deleted
    import fcntl

_MARK = b"tokenaudit\n"
"""The content of tokenaudit's lock files; git's are empty or contain the new text."""


def read(path: Path) -> str | None:
    """The text of `path` with its line endings; None if the file does not exist.

    Raises:
        ConsumerError: the file can't be read, or is not a regular file (a pipe would block).
    """
    try:
        return read_regular(path).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except NotRegularError as error:
        message = f"{path}: {error.strerror}; change it by hand"
        raise ConsumerError(message) from None
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise ConsumerError(message) from None


def whole(path: Path) -> Iterator[Content]:
    """The content of `path`; empty if the file does not exist.

    Raises:
        ConsumerError: as for `read`.
    """
    text = read(path)
    if text is not None:
        yield Content(str(path), text.encode("utf-8", "surrogateescape"))


def rewrite(path: Path, change: Callable[[str], str], *, mode: int | None = None, git_lock: bool = False) -> bool:
    """Replaces the text of the file at `path` by the result of `change`; returns False if it is the same.

    A symbolic link is preserved: its target is replaced. With `git_lock` the file is locked like git does it
    (gitcredentials(7): `git credential-store` writes `FILE.lock` and renames it).

    Raises:
        ConsumerError: the file does not exist, can't be written, its owner can't be preserved, it has several
            hard links (the others would keep the old value), or another process changed it meanwhile.
    """
    real = Path(os.path.realpath(path))
    with _locked(real) if git_lock else _unlocked():
        before = read(path)
        if before is None:
            message = f"{path} no longer exists; not changed"
            raise ConsumerError(message)
        after = change(before)
        if after == before:
            return False
        if real.stat().st_nlink > 1:
            message = f"{path} has several hard links, and the others would keep the old value; edit it by hand"
            raise ConsumerError(message)
        replace(path, after, mode, expected=before)
    return True


def replace(path: Path, text: str, mode: int | None = None, *, expected: str | None = None) -> None:
    """Atomically replaces the file at `path` by `text`; its mode is preserved unless another is given.

    The new text is written to a file of mode 0600 in the same folder, which is then renamed. With `expected` the file
    must contain that text until the rename. Temporary files of an interrupted run are deleted: they contain the new
    value.

    Raises:
        ConsumerError: the file can't be written, its owner can't be preserved, or its content is not the expected one.
    """
    real = Path(os.path.realpath(path))
    prefix = f".{real.name}.tokenaudit-"
    try:
        for left in real.parent.glob(f"{escape(prefix)}*"):
            if _is_abandoned(left):
                left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=prefix, dir=real.parent)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                _hold(handle)
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                _keep_attributes(path, real, fresh, mode)
                os.fsync(file.fileno())
            if expected is not None and read(path) != expected:
                message = f"{path} was changed by another process; not changed, try again"
                raise ConsumerError(message)
            fresh.replace(real)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}"
        raise ConsumerError(message) from None


def _keep_attributes(path: Path, real: Path, fresh: Path, mode: int | None) -> None:
    """Copies mode, extended attributes (including access lists), owner and group, but not the time of change."""
    held, made = real.stat(), fresh.stat()
    if sys.platform != "win32" and (held.st_uid, held.st_gid) != (made.st_uid, made.st_gid):
        try:
            os.chown(fresh, held.st_uid, held.st_gid)
        except OSError:
            message = f"{path} belongs to another user or group; change it as that user"
            raise ConsumerError(message) from None
    shutil.copystat(real, fresh)
    os.utime(fresh)
    if mode is not None:
        fresh.chmod(mode)


@contextmanager
def _unlocked() -> Iterator[None]:
    yield


@contextmanager
def _locked(real: Path) -> Iterator[None]:
    lock = real.with_name(f"{real.name}.lock")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        try:
            handle = os.open(lock, flags, 0o600)
        except FileExistsError:
            if not _is_abandoned(lock, _MARK):
                raise
            lock.unlink()
            handle = os.open(lock, flags, 0o600)
    except FileExistsError:
        message = (
            f"{real} is locked by git ({lock.name} exists); try again, or delete {lock} if no git process is running"
        )
        raise ConsumerError(message) from None
    except OSError as error:
        message = f"{real} can't be locked: {error.strerror}"
        raise ConsumerError(message) from None
    try:
        _hold(handle)
        os.write(handle, _MARK)
        yield
    finally:
        os.close(handle)
        lock.unlink(missing_ok=True)


def _hold(handle: int) -> None:
    """Marks an open file as in use until the process ends, for whatever reason."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_abandoned(path: Path, content: bytes | None = None) -> bool:
    """Whether the process that marked `path` with `_hold` has ended; with `content`, the file must also contain it."""
    if sys.platform != "win32":
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return content is None or file.read(len(content) + 1) == content
    return False
