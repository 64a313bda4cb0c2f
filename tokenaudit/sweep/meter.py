"""Counts what all tasks of one process have read so far, while they are still reading."""

from __future__ import annotations

import threading


class Meter:
    """A `Progress` that only counts. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.objects = self.bytes = 0

    def start(self, what: str, total: int | None = None) -> None:
        """Stages of single places are not told."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Counts."""
        with self._lock:
            self.objects += objects
            self.bytes += size

    def note(self, message: str) -> None:
        """What one place has to say is part of its outcome."""
