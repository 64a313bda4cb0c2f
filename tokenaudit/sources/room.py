"""Whether there is room for copies of repositories."""

from __future__ import annotations

import shutil
from pathlib import Path

from tokenaudit.git.command import GitError

NO_ROOM = "the disk is full"
_LEAST = 8 << 20
"""Bytes below which a disk counts as full: git needs some room for the smallest repository."""

_SIGNS = ("No space left on device", "Out of diskspace", "Disk quota exceeded")


class NoRoomError(GitError):
    """A copy could not be made because the disk is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{NO_ROOM}: {folder} has no room for a copy of it")


def is_full(folder: Path) -> bool:
    """Whether the disk that holds `folder` has next to nothing left."""
    try:
        return shutil.disk_usage(folder).free < _LEAST
    except OSError:
        return False  # not there: whoever wants to write to it says so


def ran_out(message: str, folder: Path) -> bool:
    """Whether git failed in `folder`, saying `message`, for want of room. It doesn't always say so."""
    return any(sign in message for sign in _SIGNS) or is_full(folder)
