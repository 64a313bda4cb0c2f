"""Atomic changes to a file that stores a value; mode, owner and all other content are preserved."""

from __future__ import annotations

import os
import re
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
        _refuse_hard_links(path, real)
        replace(path, after, mode, expected=before)
    return True


def check_writable(path: Path, *, dry_run: bool, git_lock: bool = False) -> None:
    """Checks that `rewrite` will succeed, by doing all of it except the renaming.

    With `dry_run` no file is created, so only owner, permissions and git's lock are checked.

    Raises:
        ConsumerError: as for `rewrite`.
    """
    real = Path(os.path.realpath(path))
    text = read(path)
    if text is None:
        message = f"{path} does not exist"
        raise ConsumerError(message)
    _refuse_hard_links(path, real)
    if _is_mounted(real):
        message = f"{path} is mounted from elsewhere and can't be replaced; edit it by hand, or name the original"
        raise ConsumerError(message)
    if dry_run:
        _check_permissions(path, real, git_lock=git_lock)
        return
    with _locked(real) if git_lock else _unlocked(), _written(path, text, None):
        pass


def _check_permissions(path: Path, real: Path, *, git_lock: bool) -> None:
    if not os.access(real.parent, os.W_OK | os.X_OK):
        message = f"{path} can't be written: no file can be created in {real.parent}"
        raise ConsumerError(message)
    if sys.platform != "win32" and os.geteuid() not in {0, real.stat().st_uid}:
        raise _of_someone_else(path)
    lock = _lock_of(real)
    if git_lock and lock.exists() and not _is_abandoned(lock, _MARK):
        raise _is_locked(real, lock)


def _is_mounted(real: Path) -> bool:
    """Whether a file is a mount point of its own, as for a file passed to a container: renaming to it fails."""
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:  # not Linux
        return False
    # proc_pid_mountinfo(5): the fifth field, with blanks and backslashes as octal escapes.
    escaped = re.sub(rb"[\s\\]", lambda found: b"\\%03o" % found[0][0], os.fsencode(real))
    return any(fields[4] == escaped for fields in map(bytes.split, mounts) if len(fields) > 4)  # noqa: PLR2004 - as above


def replace(path: Path, text: str, mode: int | None = None, *, expected: str | None = None) -> None:
    """Atomically replaces the file at `path` by `text`; its mode is preserved unless another is given.

    The new text is written to a file of mode 0600 in the same folder, which is then renamed. With `expected` the file
    must contain that text until the rename. Temporary files of an interrupted run are deleted: they contain the new
    value.

    Raises:
        ConsumerError: the file can't be written, its owner can't be preserved, or its content is not the expected one.
    """
    with _written(path, text, mode) as fresh:
        if expected is not None and read(path) != expected:
            message = f"{path} was changed by another process; not changed, try again"
            raise ConsumerError(message)
        fresh.replace(os.path.realpath(path))


@contextmanager
def _written(path: Path, text: str, mode: int | None) -> Iterator[Path]:
    """A temporary file with `text` next to `path`, with its attributes; deleted at the end.

    Raises:
        ConsumerError: as for `replace`.
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
            yield fresh
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
            raise _of_someone_else(path) from None
    shutil.copystat(real, fresh)
    os.utime(fresh)
    if mode is not None:
        fresh.chmod(mode)


def _of_someone_else(path: Path) -> ConsumerError:
    return ConsumerError(f"{path} belongs to another user or group; change it as that user")


def _refuse_hard_links(path: Path, real: Path) -> None:
    if real.stat().st_nlink > 1:
        message = f"{path} has several hard links, and the others would keep the old value; edit it by hand"
        raise ConsumerError(message)


@contextmanager
def _unlocked() -> Iterator[None]:
    yield


@contextmanager
def _locked(real: Path) -> Iterator[None]:
    lock = _lock_of(real)
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
        raise _is_locked(real, lock) from None
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


def _lock_of(real: Path) -> Path:
    return real.with_name(f"{real.name}.lock")


def _is_locked(real: Path, lock: Path) -> ConsumerError:
    message = f"{real} is locked by git ({lock.name} exists); try again, or delete {lock} if no git process is running"
    return ConsumerError(message)


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
