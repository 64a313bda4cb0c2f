"""Search partitions of a repository in several processes, which return only the ids of objects with hits.

Content and credentials are never sent between processes: a worker sends only ids, counts and reasons. Where processes
can't be forked, threads search partitions that leave the others running.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from tokenaudit.forking import MOST_PARTS, PartQueue, may_fork, received, start_helpers, stop_helpers, wait
from tokenaudit.git.objects import ObjectMatcher, Partition, ScanBatch, Unread

_Result = TypeVar("_Result")

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from typing import TypeAlias

    _Sender: TypeAlias = Connection[ScanBatch | None, object]
    _Receiver: TypeAlias = Connection[object, ScanBatch | None]
    _Answer: TypeAlias = tuple[int, _Result] | str | None

SMALL_WORK = 250_000_000
"""Nanoseconds of work below which a second process is not worth its cost."""


def search(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Search all `partitions` with up to `jobs` processes or threads and yield results as they arrive.

    Hits are unordered; callers sort them. A worker that dies is reported as one `Unread`; the others continue. When all
    are running, an empty result comes first, so that the caller can do something else meanwhile.
    """
    size = sum(partition.size for partition in partitions)
    jobs = min(jobs, len(partitions)) if size >= SMALL_WORK else 1
    if jobs > 1 and may_fork():
        watcher.prepare()
        yield from _in_processes(partitions, watcher, jobs)
        return
    if jobs > 1 and 2 * sum(partition.size for partition in partitions if partition.is_concurrent) > size:
        yield from _in_threads(partitions, watcher, jobs)
        return
    for partition in sorted(partitions, key=lambda partition: partition.is_last):
        for batch in partition.search(watcher):
            watcher.note(batch)
            yield batch


def _in_threads(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Run threads that take partitions, largest first, each with a matcher of its own."""
    waiting = sorted(partitions, key=lambda partition: (not partition.is_last, partition.size))
    found: SimpleQueue[ScanBatch | None] = SimpleQueue()
    stopped = threading.Event()
    threads = [
        threading.Thread(target=_take, args=(waiting, watcher.copy(), found, stopped), name=f"search-{number}")
        for number in range(jobs)
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    try:
        yield ScanBatch()
        running = len(threads)
        while running:
            batch = found.get()
            if batch is None:
                running -= 1
            else:
                yield batch
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _take(
    waiting: list[Partition], watcher: ObjectMatcher, found: SimpleQueue[ScanBatch | None], stopped: threading.Event
) -> None:
    while not stopped.is_set():
        try:
            partition = waiting.pop()  # one step of the interpreter, so no two threads get the same
        except IndexError:
            break
        for batch in _batches(partition, watcher):
            found.put(batch)
            if stopped.is_set():
                break
    found.put(None)


def _in_processes(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Run workers that take partitions, largest first, until none are left."""
    order = sorted(
        range(len(partitions)), key=lambda number: (partitions[number].is_last, -partitions[number].size, number)
    )
    parts = [[partitions[number] for number in order[part::MOST_PARTS]] for part in range(min(len(order), MOST_PARTS))]
    queue = PartQueue(range(len(parts)))
    running: dict[object, tuple[_Receiver, BaseProcess]] = {}
    try:
        running = {each[0]: each for each in start_helpers(jobs, _work, parts, watcher, queue)}
        if not running:
            yield from _taken(parts, watcher, queue)
        yield ScanBatch()
        for batch in _messages(running):
            yield batch or ScanBatch(unread=[Unread("part of the objects", "worker exited unexpectedly")])
        if list(queue):
            yield ScanBatch(unread=[Unread("parts of the objects", "workers exited unexpectedly")])
    finally:
        stop_helpers(running.values())
        queue.close()


def _work(
    sender: _Sender, number: int, parts: Sequence[Sequence[Partition]], watcher: ObjectMatcher, queue: PartQueue
) -> None:
    del number
    for batch in _taken(parts, watcher, queue):
        sender.send(batch.without_results())
    sender.send(None)
    sender.close()
    os._exit(0)  # skip exit handlers and unflushed buffers inherited from the parent


def _taken(parts: Sequence[Sequence[Partition]], watcher: ObjectMatcher, queue: PartQueue) -> Iterator[ScanBatch]:
    for number in queue:
        for partition in parts[number]:
            yield from _batches(partition, watcher)


def _batches(partition: Partition, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
    try:
        for batch in partition.search(watcher):
            watcher.note(batch)
            yield batch
    except Exception as error:  # noqa: BLE001 - any failure is reported and loses only this partition
        yield ScanBatch(unread=[Unread("part of the objects", f"worker failed: {type(error).__name__}")])


def _messages(running: dict[object, tuple[Connection[object, Any], BaseProcess]]) -> Iterator[Any]:
    """Yield what workers send until the last has ended; None for one that exited without saying that it has."""
    while running:
        for ready in wait(receiver for receiver, _ in running.values()):
            receiver, process = running[ready]
            try:
                message = received(receiver)
            except EOFError:
                yield None
                message = None
            if message is not None:
                yield message
                continue
            del running[ready]
            receiver.close()
            process.join()


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Run `work` in a thread until the end of the block, where what it raised is raised again."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again
            raised.append(error)

    thread = threading.Thread(target=run, name="meanwhile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if raised:
        raise raised[0]


class WorkerError(Exception):
    """A worker of `run_all` failed or exited; `str()` is the reason."""


def run_all(tasks: Sequence[tuple[Callable[[], _Result], int]], jobs: int) -> list[_Result]:
    """Run functions, each with its estimated nanoseconds, with up to `jobs` processes; return their results in order.

    Raises:
        WorkerError: a worker failed or exited unexpectedly.
        Exception: what a function raised in this process.
    """
    work = [task for task, _ in tasks]
    size = sum(cost for _, cost in tasks)
    if not 1 < len(work) <= MOST_PARTS or jobs < 2 or size < SMALL_WORK or not may_fork():  # noqa: PLR2004 - one is here
        return [task() for task in work]
    queue = PartQueue(sorted(range(len(work)), key=lambda number: (-tasks[number][1], number)))
    running: dict[object, tuple[Connection[object, _Answer[_Result]], BaseProcess]] = {}
    try:
        running = {each[0]: each for each in start_helpers(min(jobs, len(work)), _run_some, work, queue)}
        if not running:
            return [task() for task in work]
        found: dict[int, _Result] = {}
        answer: _Answer[_Result]
        for answer in _messages(running):
            if answer is None or isinstance(answer, str):
                raise WorkerError(answer or "worker exited unexpectedly")
            found[answer[0]] = answer[1]
    finally:
        stop_helpers(running.values())
        queue.close()
    if len(found) < len(work):
        message = "workers exited unexpectedly"
        raise WorkerError(message)
    return [found[number] for number in range(len(work))]


def _run_some(
    sender: Connection[_Answer[object], object],
    number: int,
    tasks: Sequence[Callable[[], object]],
    queue: PartQueue,
) -> None:
    del number
    try:
        for place in queue:
            sender.send((place, tasks[place]()))
        sender.send(None)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        sender.send(f"worker failed: {type(error).__name__}")
    sender.close()
    os._exit(0)  # skip exit handlers and unflushed buffers inherited from the parent
