"""Search partitions of a repository in several processes, which return only the ids of objects with hits.

Content and credentials are never sent between processes: a worker sends only ids, counts and reasons. Where processes
can't be forked, threads search partitions that leave the others running.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tokenaudit.forking import MOST_PARTS, PartQueue, may_fork, received, start_helpers
from tokenaudit.git.objects import ObjectMatcher, Partition, ScanBatch, Unread

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from typing import TypeAlias

    _Sender: TypeAlias = Connection[ScanBatch | None, object]
    _Receiver: TypeAlias = Connection[object, ScanBatch | None]

SMALL_WORK = 150_000_000
"""Nanoseconds of work below which a second process is not worth its cost."""


def search(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Search all `partitions` with up to `jobs` processes or threads and yield results as they arrive.

    Hits are unordered; callers sort them. A worker that dies is reported as one `Unread`; the others continue.
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
    for partition in partitions:
        yield from partition.search(watcher)


def _in_threads(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Run threads that take partitions, largest first, each with a matcher of its own."""
    waiting = sorted(partitions, key=lambda partition: partition.size)
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
    order = sorted(range(len(partitions)), key=lambda number: (-partitions[number].size, number))
    parts = [[partitions[number] for number in order[part::MOST_PARTS]] for part in range(min(len(order), MOST_PARTS))]
    queue = PartQueue(range(len(parts)))
    running: dict[object, tuple[_Receiver, BaseProcess]] = {}
    try:
        running = {each[0]: each for each in start_helpers(jobs, _work, parts, watcher, queue)}
        if not running:
            yield from _taken(parts, watcher, queue)
        while running:
            for ready in wait([receiver for receiver, _ in running.values()]):
                receiver, process = running[ready]
                try:
                    batch = received(receiver)
                except EOFError:
                    yield ScanBatch(unread=[Unread("part of the objects", "worker exited unexpectedly")])
                    batch = None
                if batch is not None:
                    yield batch
                    continue
                del running[ready]
                receiver.close()
                process.join()
        if list(queue):
            yield ScanBatch(unread=[Unread("parts of the objects", "workers exited unexpectedly")])
    finally:
        for _, process in running.values():
            process.kill()
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
        yield from partition.search(watcher)
    except Exception as error:  # noqa: BLE001 - any failure is reported and loses only this partition
        yield ScanBatch(unread=[Unread("part of the objects", f"worker failed: {type(error).__name__}")])
