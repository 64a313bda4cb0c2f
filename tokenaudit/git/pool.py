"""Searching shares of a repository in several processes, each telling only which objects are worth a second look.

No content and no credential crosses a process border: a worker sends ids, counts and reasons.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from tokenaudit.git.objects import Haul, Share, Unread, Watcher

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess
    from typing import TypeAlias

    _Sender: TypeAlias = Connection[Haul | None, object]
    _Receiver: TypeAlias = Connection[object, Haul | None]

SMALL_WORK = 150_000_000
"""Nanoseconds of work below which a second process costs more than it brings."""

_NUMBER = 4


def search(shares: Sequence[Share], watcher: Watcher, jobs: int) -> Iterator[Haul]:
    """Searches all `shares` with up to `jobs` processes and yields what they bring as it comes.

    Hits arrive in no particular order; callers sort. A worker that dies is one `Unread`, the others go on.
    """
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    alone = multiprocessing.current_process().daemon  # such processes may have no children
    if len(shares) <= 1 or jobs <= 1 or not forks or alone or sum(share.size for share in shares) < SMALL_WORK:
        for share in shares:
            yield from share.search(watcher)
        return
    watcher.prepare()
    yield from _in_processes(shares, watcher, min(jobs, len(shares)))


def _in_processes(shares: Sequence[Share], watcher: Watcher, jobs: int) -> Iterator[Haul]:
    """Workers take the numbers of shares, the largest first, from one pipe until it is empty."""
    context = multiprocessing.get_context("fork")
    order = sorted(range(len(shares)), key=lambda number: (-shares[number].size, number))
    source, sink = os.pipe()
    os.write(sink, b"".join(number.to_bytes(_NUMBER, "little") for number in order))
    running: dict[object, tuple[_Receiver, ForkProcess]] = {}
    try:
        with warnings.catch_warnings():
            # A progress bar may run in a thread of ours; the workers touch nothing that thread could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            for _ in range(jobs):
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(shares, watcher, source, sink, sender), daemon=True)
                process.start()
                sender.close()
                running[receiver] = (receiver, process)
        os.close(sink)
        sink = -1
        while running:
            for ready in wait([receiver for receiver, _ in running.values()]):
                receiver, process = running[ready]
                try:
                    haul: Haul | None = receiver.recv()
                except EOFError:
                    yield Haul(unread=[Unread("a share of the objects", "its reader ended too early")])
                    haul = None
                if haul is not None:
                    yield haul
                    continue
                del running[ready]
                receiver.close()
                process.join()
        if os.read(source, _NUMBER):
            yield Haul(unread=[Unread("some shares of the objects", "their readers ended too early")])
    finally:
        for _, process in running.values():
            process.kill()
        os.close(source)
        if sink >= 0:
            os.close(sink)


def _work(shares: Sequence[Share], watcher: Watcher, source: int, sink: int, sender: _Sender) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.close(sink)
    while number := os.read(source, _NUMBER):
        for haul in _hauls(shares[int.from_bytes(number, "little")], watcher):
            sender.send(haul)
    sender.send(None)
    sender.close()
    os._exit(0)  # nothing that the parent had begun to write, or does at its end, is the worker's to finish


def _hauls(share: Share, watcher: Watcher) -> Iterator[Haul]:
    try:
        yield from share.search(watcher)
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this share and no more, and is told
        yield Haul(unread=[Unread("a share of the objects", f"its reader failed: {type(error).__name__}")])
