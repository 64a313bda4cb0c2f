"""Temporary folders that don't outlive the program, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

_LOCK = "lock"


@contextmanager
def scratch_folder(purpose: str, parent: Path | None = None) -> Iterator[Path]:
    """A folder only its owner can read, removed at the end, also of a program ended by SIGTERM or SIGHUP.

    It is made in `parent`, which has to exist, or where the system keeps temporary files.

    Nothing can be removed after SIGKILL, so each folder is locked while in use, and the next run removes those of its
    user that nobody holds any more.
    """
    prefix = f"tokenaudit-{purpose}-"
    _remove_abandoned(parent or Path(tempfile.gettempdir()), prefix)
    with _signals_as_exits():
        # It gets its name once it is locked: another thread or program must not take it for an abandoned one.
        folder = Path(tempfile.mkdtemp(prefix="tokenaudit.new-", dir=parent))
        try:
            held = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                _lock(held)
                folder = folder.rename(folder.with_name(prefix + folder.name.partition("-")[2]))
                yield folder
            finally:
                os.close(held)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
                continue
            held = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:  # in the making, gone meanwhile, or none of ours
            continue
        try:
            abandoned = _lock(held)
        finally:
            os.close(held)
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)


def _lock(descriptor: int) -> bool:
    """Whether the lock could be had. Where the system has no such locks nothing counts as abandoned."""
    try:
        import fcntl  # noqa: PLC0415 - only POSIX systems have it
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _signals_as_exits() -> Iterator[None]:
    """Turns the signals that would end the program without any clean-up into an ordinary exit."""
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
