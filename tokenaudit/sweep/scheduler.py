"""Runs many small tasks on threads or a Dask cluster; each result is recorded as it arrives."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.git.clone import NO_ROOM, is_full
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.rate_limit import CircuitBreaker
from tokenaudit.hub.result import Failure
from tokenaudit.inventory import Inventory, Outcome
from tokenaudit.sweep.config import Task, TaskResult
from tokenaudit.sweep.progress import ProgressDisplay, SweepProgress
from tokenaudit.sweep.read_task import run_task
from tokenaudit.sweep.worker_context import WorkerContext, missed

_MOST_FAILURES_BEFORE_A_PROBE = 6
_TRIES = 3
_A_WHILE = 5.0
"""Seconds without any result after which the executor is checked."""


@dataclass(frozen=True)
class SweepStopped:
    """Reason why a sweep was stopped early."""

    reason: str


def work(
    tasks: Sequence[Task],
    context: WorkerContext,
    inventory: Inventory,
    sweep: int,
    *,
    states: Mapping[str, str] | None,
    executor_pool: ExecutorPool,
    screen: ProgressDisplay,
    now: Callable[[], datetime],
) -> SweepStopped | None:
    """Run the `tasks` that are not done yet; return None if all were completed, else the reason.

    `states` are the versions that were read last, by place key; None reads everything again.
    """
    done = inventory.done(sweep)
    known, window = inventory.fingerprints(), lambda: context.hub.rate_limiter.window
    progress = SweepProgress(tasks, known, done, context.meter, window, remote=executor_pool.remote)
    waiting = []
    for task in reversed(tasks):
        left = _left(task, done, states)
        if left is None:
            progress.skip(task)
        else:
            waiting.append(left)
    screen.watch(progress)
    doing = _TaskQueue(context, executor_pool, waiting, screen)
    with executor_pool.executor() as executor:
        try:
            while doing.fill(executor):
                for task, finished in doing.finished():
                    inventory.commit(sweep, finished.outcomes, now())
                    progress.done(task, finished.outcomes, finished.window)
                    doing.judge(task, finished.outcomes)
        finally:
            doing.cancel()
    return _stopped(doing) if doing.stop_reason else None


def _left(task: Task, done: set[str], states: Mapping[str, str] | None) -> Task | None:
    places = tuple(place for place in task.places if place.key not in done)
    if not places:
        return None
    if states is None:
        return replace(task, places=places, full=True)
    return replace(task, places=places, states={p.key: states[p.key] for p in places if p.key in states})


def _stopped(doing: _TaskQueue) -> SweepStopped:
    left = len(doing.waiting)
    return SweepStopped(
        f"{doing.stop_reason}; {left} of its tasks were not tried: run the same command again to resume"
    )


class _TaskQueue:
    """The tasks in progress. `stop_reason` is the reason why no more are started."""

    def __init__(
        self, context: WorkerContext, executor_pool: ExecutorPool, waiting: list[Task], screen: ProgressDisplay
    ) -> None:
        self._worker_context, self._executor_pool, self._size, self._screen = (
            context,
            executor_pool,
            executor_pool.size,
            screen,
        )
        self.waiting = waiting
        self.running: dict[Future[TaskResult], tuple[Task, int]] = {}
        self.known: set[str] = set()
        self.stop_reason = ""
        # As many as fail together: without responses each takes minutes, so a small pool waits for few of them.
        self._breaker = CircuitBreaker(threshold=max(2, min(self._size, _MOST_FAILURES_BEFORE_A_PROBE)))

    def fill(self, executor: Executor) -> bool:
        """Submit as many tasks as run at a time: a long queue would only use memory. Return False if none are left."""
        self._executor = executor
        while self.waiting and not self.stop_reason and len(self.running) < 2 * self._size:
            self._submit(self.waiting.pop(), 1)
        return bool(self.running)

    def _submit(self, task: Task, number: int) -> None:
        try:
            future = self._executor.submit(
                run_task, self._worker_context.setup, replace(task, known=frozenset(self.known))
            )
        except Exception as error:  # noqa: BLE001 - a lost executor can raise any exception
            self.waiting.append(task)
            self._give_up(self._executor_pool.lost() or f"tasks can't be submitted ({type(error).__name__})")
            return
        self.running[future] = (task, number)

    def finished(self) -> Iterable[tuple[Task, TaskResult]]:
        """Wait for some tasks. A task whose worker was lost is retried elsewhere, a few times."""
        ready, _ = wait(self.running, timeout=_A_WHILE, return_when=FIRST_COMPLETED)
        lost = "" if ready else self._executor_pool.lost()
        if lost:
            self.waiting += [task for task, _ in self.running.values()]
            self.running.clear()  # the executor can no longer cancel them
            self._give_up(lost)
        for future in ready:
            if future not in self.running:
                continue  # cancelled meanwhile after the failure of another task
            task, number = self.running.pop(future)
            try:
                done = future.result()
            except (Exception, CancelledError) as error:  # noqa: BLE001 - a worker can fail with any exception
                if number < _TRIES:
                    self._submit(task, number + 1)
                    continue
                reason = f"worker lost {number} times ({type(error).__name__})"
                done = TaskResult(tuple(missed(place, reason) for place in task.places))
            self.known |= {fingerprint for outcome in done.outcomes for fingerprint in outcome.inspections}
            yield task, done

    def judge(self, task: Task, outcomes: Sequence[Outcome]) -> None:
        """Stop if the disk is full, or if several tasks in a row fail and a simple request to the Hub fails too."""
        if self.stop_reason:
            return
        self._look_for_room(outcomes)
        if task.url is not None:
            return
        if all(outcome.failed for outcome in outcomes):
            self._breaker.fail()
        else:
            self._breaker.reset()
        if self._breaker.is_open:
            self._breaker.reset()
            self._give_up(probe(self._worker_context))

    def _look_for_room(self, outcomes: Sequence[Outcome]) -> None:
        # A repository that is too large for the disk does not stop the others: its copy is already deleted.
        folder = self._worker_context.setup.cache or Path(tempfile.gettempdir())
        missing = any(NO_ROOM in gap.reason for outcome in outcomes if outcome.failed for gap in outcome.skipped)
        if not self._executor_pool.remote and missing and is_full(folder):
            self._give_up(f"{NO_ROOM}: free some space in {folder}, or use another folder with TMPDIR or --cache-dir")

    def _give_up(self, stop_reason: str) -> None:
        if stop_reason and not self.stop_reason:
            self.stop_reason = stop_reason
            self._screen.note(stop_reason)
            self.cancel()

    def cancel(self) -> None:
        """Cancel tasks that have not started; tasks in progress are completed."""
        for future, (task, _) in list(self.running.items()):
            if future.cancel():
                del self.running[future]
                self.waiting.append(task)


def probe(context: WorkerContext) -> str:
    """Return why the Hub does not respond to a simple request; empty if it does."""
    own = context.secret
    answer = context.hub.whoami(own) if own is not None else context.hub.get("/api/models", None, limit=1)
    if not isinstance(answer, Failure):
        return ""
    if answer.kind == "refused" and context.secret is not None:
        return f"the Hub no longer accepts your token: {answer.message}"
    return f"the Hub stopped answering: {needs(answer, 'a token')}"


_RECONNECT_SECONDS = 30.0
"""Seconds that a cluster can be without its scheduler or any worker, since both can reconnect."""

_CONNECT_SECONDS = 4
_ANSWER_SECONDS = 5.0


def _never() -> str:
    return ""


@dataclass(frozen=True)
class ExecutorPool:
    """An executor, created on demand, and its number of concurrent tasks.

    `remote` means that tasks run in other processes, so that only their results report what was read. `lost` is called
    periodically while no results arrive: it returns why none can arrive any more, or an empty string.
    """

    executor: Callable[[], AbstractContextManager[Executor]]
    size: int
    remote: bool = False
    lost: Callable[[], str] = _never


def thread_pool(size: int) -> ExecutorPool:
    """Return threads of this process.

    Clones are separate processes and searching releases the GIL, so threads use all CPUs. Values never leave the
    process, and a shared rate limiter keeps all threads within the Hub's limits.
    """
    return ExecutorPool(lambda: ThreadPoolExecutor(size, thread_name_prefix="sweep"), size)


def dask_cluster(address: str, reconnect_seconds: float = _RECONNECT_SECONDS) -> ExecutorPool:
    """Return the workers of a Dask cluster. They read the auditor's token from their own environment.

    Raises:
        ConfigurationError: the extra isn't installed.
        UsageError: no scheduler responds at `address`.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        message = "--cluster needs Dask: pip install 'tokenaudit[cluster]'"
        raise ConfigurationError(message) from None
    client = Client.__new__(Client)
    try:
        client.__init__(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, TimeoutError):  # a TLS setup raises the type error
        # Its finalizer would wait for the connection that failed, and print a traceback.
        client.status = "closed"
        message = f"no Dask scheduler at {address}"
        raise UsageError(message) from None

    @contextmanager
    def executor() -> Iterator[Executor]:
        # Messages about a lost scheduler, including tracebacks, are replaced by one line of the sweep.
        complaints = logging.getLogger("distributed.client")
        before = complaints.level
        complaints.setLevel(logging.CRITICAL)
        try:
            with client:
                yield client.get_executor(pure=False)
        finally:
            complaints.setLevel(before)

    size = 2 * max(1, sum(client.nthreads().values()))
    return ExecutorPool(executor, size, remote=True, lost=_Health(client, address, reconnect_seconds).lost)


class _Health:
    """Whether a cluster can still return results."""

    def __init__(self, client: Any, address: str, reconnect_seconds: float) -> None:  # noqa: ANN401 - Dask's client has no types
        self._client, self._address, self._reconnect_seconds = client, address, reconnect_seconds
        self._since: float | None = None

    def lost(self) -> str:
        """Return what has been missing for longer than the limit."""
        missing = self._missing()
        if not missing:
            self._since = None
            return ""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return missing if now - self._since > self._reconnect_seconds else ""

    def _missing(self) -> str:
        lost_message = f"connection to the Dask scheduler at {self._address} lost"
        if self._client.status != "running":
            self._since = float("-inf") if self._client.status == "closed" else self._since  # the client gave up
            return lost_message
        try:
            workers = self._client.sync(self._client.scheduler.ncores, callback_timeout=_ANSWER_SECONDS)
        except (OSError, TimeoutError):
            return lost_message
        return "" if workers else f"the Dask cluster at {self._address} has no workers"
