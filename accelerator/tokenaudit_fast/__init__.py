"""Compiled part of tokenaudit, which uses it if it is installed. It has no other purpose and no stable interface."""

from __future__ import annotations

from pathlib import Path

import deflate

from tokenaudit_fast._fast import INTERFACE, Walk, use_libdeflate

__all__ = ["INTERFACE", "Walk"]


def _load() -> None:
    """Load libdeflate from the extension module of `deflate`, which exports it, or else from the system.

    Raises:
        ImportError: neither has it.
    """
    modules = sorted(Path(deflate.__file__).parent.glob("_deflate*.so"))
    libraries = [*map(str, modules), "libdeflate.so.0", "libdeflate.0.dylib"]
    if not any(map(_is_loaded, libraries)):
        message = f"none of these exports libdeflate: {', '.join(libraries)}"
        raise ImportError(message)


def _is_loaded(library: str) -> bool:
    try:
        use_libdeflate(library)
    except ImportError:
        return False
    return True


_load()
