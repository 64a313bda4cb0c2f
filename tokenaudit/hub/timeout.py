"""Calls on threads of their own that can be left behind when they take too long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeAlias, TypeVar

ResultT = TypeVar("ResultT")
_Calls: TypeAlias = "SimpleQueue[Callable[[], None]]"

_IDLE = 1.0
"""Seconds that a thread waits for its next call before it ends."""


class Aside:
    """Runs calls on threads that take another one when they are done, for starting one costs as much as half a request.

    A call that is left behind keeps its thread until it ends by itself, and holds up neither the next call nor the end
    of the program. Any thread may ask.
    """

    def __init__(self) -> None:
        self._idle: list[_Calls] = []

    def run(self, call: Callable[[], ResultT], seconds: float) -> ResultT | None:
        """What `call`, which must not raise, returns; None where that takes longer than `seconds`."""
        results: SimpleQueue[ResultT] = SimpleQueue()
        try:
            calls = self._idle.pop()
        except IndexError:
            calls = SimpleQueue()
            threading.Thread(target=self._work, args=(calls,), daemon=True, name="tokenaudit-hub").start()

        def answer() -> None:
            result = call()
            self._idle.append(calls)
            results.put(result)

        calls.put(answer)
        with suppress(Empty):
            return results.get(timeout=seconds)
        return None

    def _work(self, calls: _Calls) -> None:
        while (call := self._next(calls)) is not None:
            call()

    def _next(self, calls: _Calls) -> Callable[[], None] | None:
        try:
            return calls.get(timeout=_IDLE)
        except Empty:
            try:
                self._idle.remove(calls)
            except ValueError:
                return calls.get()  # somebody has just taken this thread off the list, so a call is coming
            return None
