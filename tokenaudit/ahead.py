"""Something that will be needed, worked out while this process waits for others."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """What `work` gives, which is told how many processes it may use: one if it was begun ahead, `jobs` if not.

    Any exception of `work` is raised by `result`.
    """

    def __init__(self, work: Callable[[int], T], jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._thread: Thread | None = None
        self._outcome: Callable[[], T] | None = None

    def begin(self) -> None:
        """Starts in a thread, once; not where this process has no others to wait for."""
        if self._thread is None and self._jobs > 1:
            self._thread = Thread(target=self._run, args=(1,), daemon=True)
            self._thread.start()

    def result(self) -> T:
        """Waits for it, or works it out now."""
        if self._thread is not None:
            self._thread.join()
        elif self._outcome is None:
            self._run(self._jobs)
        if self._outcome is None:
            raise AssertionError
        return self._outcome()

    def _run(self, jobs: int) -> None:
        try:
            found = self._work(jobs)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            failure = error

            def raising() -> T:
                raise failure

            self._outcome = raising
        else:
            self._outcome = lambda: found
