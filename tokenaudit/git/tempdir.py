"""Temporary folders that are removed however the program ends."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

if sys.platform != "win32":
    import fcntl

_LOCK = "lock"


@contextmanager
def scratch_folder(purpose: str, parent: Path | None = None) -> Iterator[Path]:
    """Create a folder that only its owner can read, and remove it at exit, including on SIGTERM and SIGHUP.

    It is created in `parent`, which must exist, or in the system's folder for temporary files.

    SIGKILL prevents removal, so each folder is locked while in use, and the next run removes the user's folders that
    are not locked. Windows has no such locks: what is killed there leaves its folder.
    """
    prefix = f"tokenaudit-{purpose}-"
    _remove_abandoned(parent or Path(tempfile.gettempdir()), prefix)
    with _signals_as_exits():
        # Renamed only after it is locked, so that no other thread or process removes it as abandoned.
        folder = Path(tempfile.mkdtemp(prefix="tokenaudit.new-", dir=parent))
        try:
            if sys.platform == "win32":  # a folder that contains an open file can't be renamed there
                yield folder
                return
            held = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                _lock(held)
                folder = folder.rename(folder.with_name(prefix + folder.name.partition("-")[2]))
                yield folder
            finally:
                os.close(held)
        finally:
            _remove(folder)


def _remove(folder: Path) -> None:
    if sys.platform == "win32":  # what git marks as read-only can't be deleted there
        for path in folder.rglob("*"):
            with suppress(OSError):
                if not path.is_symlink():
                    path.chmod(stat.S_IWRITE)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    if sys.platform == "win32":
        return
    for folder in parent.glob(f"{prefix}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            held = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:  # being created, already removed, or owned by another user
            continue
        try:
            abandoned = _lock(held)
        finally:
            os.close(held)
        if abandoned:
            _remove(folder)


def _lock(descriptor: int) -> bool:
    """Return whether the lock was acquired."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


@contextmanager
def _signals_as_exits() -> Iterator[None]:
    """Convert signals that would end the program without cleanup to `SystemExit`."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    changed = {}
    for name in names:
        number = signal.Signals[name]
        if signal.getsignal(number) is signal.SIG_DFL:
            changed[number] = signal.signal(number, _exit)
    try:
        yield
    finally:
        for number, before in changed.items():
            signal.signal(number, before)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)
