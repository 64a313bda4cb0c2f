"""Many small tasks behind one executor; each result is remembered as it arrives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.hub.answer import Failure
from tokenaudit.hub.paged import needs
from tokenaudit.inventory import Inventory, Outcome
from tokenaudit.sources.room import NO_ROOM, is_full
from tokenaudit.sweep.collect import missed
from tokenaudit.sweep.read import run_task
from tokenaudit.sweep.tally import Screen, Tally
from tokenaudit.sweep.task import Done, Task
from tokenaudit.sweep.workshop import Workshop

_MOST_FAILURES_BEFORE_A_PROBE = 6
_TRIES = 3


@dataclass(frozen=True)
class Crew:
    """Who does the work: an executor, made when it is needed, and how many tasks it takes at a time.

    `remote` says that tasks run in other processes, so that only their results tell what they have read.
    """

    executor: Callable[[], AbstractContextManager[Executor]]
    size: int
    remote: bool = False


@dataclass(frozen=True)
class Stopped:
    """Why a sweep was given up before its end."""

    reason: str


def threads(size: int) -> Crew:
    """Threads of this process.

    Clones are programs of their own and searching leaves the interpreter's lock, so threads use all processors; values
    never leave the process, and one pacer keeps all of them within the Hub's limits.
    """
    return Crew(lambda: ThreadPoolExecutor(size, thread_name_prefix="sweep"), size)


def cluster(address: str) -> Crew:
    """The workers of a Dask cluster. They look for the auditor's token in their own environment.

    Raises:
        ConfigurationError: the extra isn't installed.
        UsageError: no scheduler answers at `address`.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        message = "--cluster needs Dask: pip install 'tokenaudit[cluster]'"
        raise ConfigurationError(message) from None
    try:
        client = Client(address, timeout="4s", set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        message = f"no Dask scheduler answers at {address}"
        raise UsageError(message) from None

    @contextmanager
    def executor() -> Iterator[Executor]:
        with client:
            yield client.get_executor(pure=False)

    return Crew(executor, 2 * max(1, sum(client.nthreads().values())), remote=True)


def work(
    tasks: Sequence[Task],
    shop: Workshop,
    inventory: Inventory,
    sweep: int,
    *,
    states: Mapping[str, str] | None,
    crew: Crew,
    screen: Screen,
    now: Callable[[], datetime],
) -> Stopped | None:
    """Does what of `tasks` is not done yet; None when all were, else why not.

    `states` are the versions that were read last, by place key; None reads everything anew.
    """
    done = inventory.done(sweep)
    known, window = inventory.fingerprints(), lambda: shop.hub.pacer.window
    tally = Tally(tasks, known, done, shop.meter, window, remote=crew.remote)
    waiting = []
    for task in reversed(tasks):
        left = _left(task, done, states)
        if left is None:
            tally.skip(task)
        else:
            waiting.append(left)
    screen.watch(tally)
    doing = _Doing(shop, crew, waiting)
    with crew.executor() as executor:
        try:
            while doing.fill(executor):
                for task, finished in doing.finished():
                    inventory.commit(sweep, finished.outcomes, now())
                    tally.done(task, finished.outcomes, finished.window)
                    if not doing.trouble and doing.judge(task, finished.outcomes):
                        screen.note(doing.trouble)
                        doing.cancel()
        finally:
            doing.cancel()
    return _stopped(doing) if doing.trouble else None


def _left(task: Task, done: set[str], states: Mapping[str, str] | None) -> Task | None:
    places = tuple(place for place in task.places if place.key not in done)
    if not places:
        return None
    if states is None:
        return replace(task, places=places, full=True)
    return replace(task, places=places, states={p.key: states[p.key] for p in places if p.key in states})


def _stopped(doing: _Doing) -> Stopped:
    left = len(doing.waiting)
    return Stopped(
        f"{doing.trouble}; {left} of its tasks were not tried: run the same command again, it continues there"
    )


class _Doing:
    """The tasks in flight. `trouble` says why no more are worth trying."""

    def __init__(self, shop: Workshop, crew: Crew, waiting: list[Task]) -> None:
        self._shop, self._size, self._remote = shop, crew.size, crew.remote
        self.waiting = waiting
        self.running: dict[Future[Done], tuple[Task, int]] = {}
        self.known: set[str] = set()
        self.trouble = ""
        self._failed = 0
        # As many as fail together; of a silent Hub each takes minutes, so a small crew doesn't wait for many.
        self._suspicious = max(2, min(self._size, _MOST_FAILURES_BEFORE_A_PROBE))

    def fill(self, executor: Executor) -> bool:
        """Keeps the executor busy, no more: a long queue would only cost memory. False when nothing is left."""
        while self.waiting and not self.trouble and len(self.running) < 2 * self._size:
            self._submit(executor, self.waiting.pop(), 1)
        self._executor = executor
        return bool(self.running)

    def _submit(self, executor: Executor, task: Task, number: int) -> None:
        future = executor.submit(run_task, self._shop.setup, replace(task, known=frozenset(self.known)))
        self.running[future] = (task, number)

    def finished(self) -> Iterable[tuple[Task, Done]]:
        """Waits for some tasks. One that its worker lost is tried again elsewhere, a few times."""
        ready, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in ready:
            task, number = self.running.pop(future)
            try:
                done = future.result()
            except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever a worker or its machine died of
                if number < _TRIES:
                    self._submit(self._executor, task, number + 1)
                    continue
                reason = f"its worker was lost {number} times ({type(error).__name__})"
                done = Done(tuple(missed(place, reason) for place in task.places))
            self.known |= {mark for outcome in done.outcomes for mark in outcome.inspections}
            yield task, done

    def judge(self, task: Task, outcomes: Sequence[Outcome]) -> bool:
        """Whether to give up: when there is no room, or nothing works and the Hub itself says why, or says nothing."""
        if self._no_room(outcomes):
            return True
        if task.url is not None or not all(outcome.failed for outcome in outcomes):
            self._failed = 0 if task.url is None else self._failed
            return False
        self._failed += 1
        if self._failed < self._suspicious:
            return False
        self._failed = 0
        self.trouble = probe(self._shop)
        return bool(self.trouble)

    def _no_room(self, outcomes: Sequence[Outcome]) -> bool:
        # One repository that is too large for the disk stops no other: its copy is gone again by now.
        folder = self._shop.setup.cache or Path(tempfile.gettempdir())
        missing = any(NO_ROOM in gap.reason for outcome in outcomes if outcome.failed for gap in outcome.skipped)
        if not self._remote and missing and is_full(folder):
            self.trouble = f"{NO_ROOM}: make room in {folder}, or name another place with TMPDIR or --cache-dir"
        return bool(self.trouble)

    def cancel(self) -> None:
        """Takes back what has not been started; what is being read already is still waited for."""
        for future, (task, _) in list(self.running.items()):
            if future.cancel():
                del self.running[future]
                self.waiting.append(task)


def probe(shop: Workshop) -> str:
    """Why the Hub gives no answer to the simplest question; empty where it does."""
    own = shop.secret
    answer = shop.hub.whoami(own) if own is not None else shop.hub.get("/api/models", None, limit=1)
    if not isinstance(answer, Failure):
        return ""
    if answer.trouble == "refused" and shop.secret is not None:
        return f"the Hub no longer accepts your own token: {answer.message}"
    return f"the Hub stopped answering: {needs(answer, 'a token')}"
