"""Zstandard: the standard library's from Python 3.14 on, its backport before. Loaded where a stream is read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import ModuleType

_LARGEST_WINDOW_LOG = 27
"""The largest window is 2**27 bytes (128 MiB), as in the `zstd` program; it is the memory that a stream can demand."""


class ZstdNotBuiltError(Exception):
    """Python 3.14 or newer was built without Zstandard."""


class ZstdDecompressor(Protocol):
    """One frame, as `bz2.BZ2Decompressor` reads one stream."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` needs further data to return more."""

    @property
    def unused_data(self) -> bytes:
        """What follows the frame."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return decompressed bytes, at most `max_length`; the rest of `data` is kept."""


def new_zstd_decompressor() -> ZstdDecompressor:
    """Return a decompressor of one frame that needs at most a window of 128 MiB.

    Raises:
        ZstdNotBuiltError: this Python has no Zstandard.
    """
    zstd = _module()
    options = {zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW_LOG}
    made: ZstdDecompressor = zstd.ZstdDecompressor(options=options)
    return made


def zstd_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions for damaged data, for an `except` clause: it asks only when something is raised."""
    try:
        return (_module().ZstdError,)
    except ZstdNotBuiltError:
        return ()


def _module() -> ModuleType:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 - rarely needed
        else:
            from backports import zstd  # noqa: PLC0415 - rarely needed
    except ImportError as error:
        message = "this Python was built without Zstandard"
        raise ZstdNotBuiltError(message) from error
    return zstd
