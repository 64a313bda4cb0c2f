"""Search partitions of a repository in several processes, which return only the ids of objects with hits.

Content and credentials are never sent between processes: a worker sends only ids, counts and reasons.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from tokenaudit.forking import may_fork, start_helper
from tokenaudit.git.objects import ObjectMatcher, Partition, ScanBatch, Unread

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess
    from typing import TypeAlias

    _Sender: TypeAlias = Connection[ScanBatch | None, object]
    _Receiver: TypeAlias = Connection[object, ScanBatch | None]

SMALL_WORK = 150_000_000
"""Nanoseconds of work below which a second process is not worth its cost."""

_NUMBER = 4


def search(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Search all `partitions` with up to `jobs` processes and yield results as they arrive.

    Hits are unordered; callers sort them. A worker that dies is reported as one `Unread`; the others continue.
    """
    size = sum(partition.size for partition in partitions)
    if len(partitions) > 1 and jobs > 1 and size >= SMALL_WORK and may_fork():
        watcher.prepare()
        yield from _in_processes(partitions, watcher, min(jobs, len(partitions)))
        return
    for partition in partitions:
        yield from partition.search(watcher)


def _in_processes(partitions: Sequence[Partition], watcher: ObjectMatcher, jobs: int) -> Iterator[ScanBatch]:
    """Run workers that read partition numbers, largest first, from one pipe until it is empty."""
    order = sorted(range(len(partitions)), key=lambda number: (-partitions[number].size, number))
    source, sink = os.pipe()
    os.write(sink, b"".join(number.to_bytes(_NUMBER, "little") for number in order))
    running: dict[object, tuple[_Receiver, ForkProcess]] = {}
    try:
        for _ in range(jobs):
            receiver, process = start_helper(_work, partitions, watcher, source, sink)
            running[receiver] = (receiver, process)
        os.close(sink)
        sink = -1
        while running:
            for ready in wait([receiver for receiver, _ in running.values()]):
                receiver, process = running[ready]
                try:
                    batch: ScanBatch | None = receiver.recv()
                except EOFError:
                    yield ScanBatch(unread=[Unread("part of the objects", "worker exited unexpectedly")])
                    batch = None
                if batch is not None:
                    yield batch
                    continue
                del running[ready]
                receiver.close()
                process.join()
        if os.read(source, _NUMBER):
            yield ScanBatch(unread=[Unread("parts of the objects", "workers exited unexpectedly")])
    finally:
        for _, process in running.values():
            process.kill()
        os.close(source)
        if sink >= 0:
            os.close(sink)


def _work(sender: _Sender, partitions: Sequence[Partition], watcher: ObjectMatcher, source: int, sink: int) -> None:
    os.close(sink)
    while number := os.read(source, _NUMBER):
        for batch in _batches(partitions[int.from_bytes(number, "little")], watcher):
            sender.send(batch.without_results())
    sender.send(None)
    sender.close()
    os._exit(0)  # skip exit handlers and unflushed buffers inherited from the parent


def _batches(partition: Partition, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
    try:
        yield from partition.search(watcher)
    except Exception as error:  # noqa: BLE001 - any failure is reported and loses only this partition
        yield ScanBatch(unread=[Unread("part of the objects", f"worker failed: {type(error).__name__}")])
