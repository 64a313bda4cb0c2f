"""Reading shares of a repository in several processes, each telling only which objects are worth a second look.

No content and no credential crosses a process border: a worker sends ids, counts and reasons.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Protocol

from tokenaudit.git.objects import Share, Unread

_REPORT_EVERY = 32 << 20
SMALL_WORK = 48 << 20
"""Below this many bytes a second process costs more than it brings."""


class Watcher(Protocol):
    """Looks at every object; True where something was seen in it."""

    def __call__(self, data: bytes) -> bool:
        """Whether the object is worth a second look."""


@dataclass
class Haul:
    """What reading brought since the last haul: ids of objects in which something was seen, counts, failures."""

    hits: list[tuple[str, str]] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0
    unread: list[Unread] = field(default_factory=list)


if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess
    from typing import TypeAlias

    _Sender: TypeAlias = Connection[Haul | None, object]
    _Receiver: TypeAlias = Connection[object, Haul | None]


def sweep(shares: Sequence[Share], watcher: Watcher, jobs: int) -> Iterator[Haul]:
    """Reads all `shares` with up to `jobs` processes and yields what they bring as it comes.

    Hits arrive in no particular order; callers sort. A worker that dies is one `Unread`, the others go on.
    """
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    alone = multiprocessing.current_process().daemon  # such processes may have no children
    if len(shares) <= 1 or jobs <= 1 or not forks or alone or sum(share.size for share in shares) < SMALL_WORK:
        for share in shares:
            yield from _hauls(share, watcher)
        return
    yield from _in_processes(list(shares), watcher, jobs)


def _hauls(share: Share, watcher: Watcher) -> Iterator[Haul]:
    haul = Haul()
    for found in share.read():
        if isinstance(found, Unread):
            haul.unread.append(found)
            continue
        haul.objects += 1
        haul.bytes += len(found.data)
        if watcher(found.data):
            haul.hits.append((found.id, found.type))
        if haul.bytes > _REPORT_EVERY:
            yield haul
            haul = Haul()
    yield haul


def _in_processes(waiting: list[Share], watcher: Watcher, jobs: int) -> Iterator[Haul]:
    context = multiprocessing.get_context("fork")
    running: dict[object, tuple[_Receiver, ForkProcess]] = {}
    waiting.reverse()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(waiting.pop(), watcher, sender), daemon=True)
                with warnings.catch_warnings():
                    # A progress bar may run in a thread of ours; the worker touches nothing that thread could hold.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
                sender.close()
                running[receiver] = (receiver, process)
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
    finally:
        for _, process in running.values():
            process.kill()


def _work(share: Share, watcher: Watcher, sender: _Sender) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    try:
        for haul in _hauls(share, watcher):
            sender.send(haul)
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this share and no more, and is told
        sender.send(Haul(unread=[Unread("a share of the objects", f"its reader failed: {type(error).__name__}")]))
    sender.send(None)
