"""The three standard streams, of which a caller may have closed any."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Literal


def open_closed() -> None:
    """Puts something in the place of closed streams, so that no other file ever gets their numbers.

    Reading then finds nothing, messages are lost, and writing a report fails as on any file that can't be written.
    """
    if sys.stdin is None:
        sys.stdin = _null(os.O_RDONLY, "r")
    if sys.stdout is None:
        sys.stdout = _null(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _null(os.O_WRONLY, "w")


def _null(flags: int, mode: Literal["r", "w"]) -> TextIOWrapper:
    return os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8")


def settle() -> None:
    """Empties stdout for good; what nobody takes is dropped, so that Python doesn't complain of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
