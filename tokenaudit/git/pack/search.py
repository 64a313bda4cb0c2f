"""Searching the objects of a pack as they are visited, without building what can't hold anything new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from tokenaudit.detect.interface import Sight
from tokenaudit.git.objects import Haul, ObjectType, Unread, Watcher
from tokenaudit.git.pack.delta import build, novelty

Visit: TypeAlias = Callable[[int, "bytes | None", "bytes | None", "bytes | None", bool], bool]
"""Given (position, content or None, base, delta, what the visit of the base returned): looks at one object.

A whole object comes with its content alone. A delta comes with base and delta, and with its content where deltas of its
own make that needed anyway; `build` makes it elsewhere. What it returns is handed to the visits of its own deltas.
"""

_SHORT_DELTA = 120
"""Bytes. Longer deltas have so many pieces that searching the whole result is faster than taking the delta apart."""


def search(
    walk: Callable[[Visit], Iterator[list[Unread]]], known_as: Callable[[int], tuple[str, ObjectType]], watcher: Watcher
) -> Iterator[Haul]:
    """Looks at each object that `walk` visits; `known_as` gives the id and type of a position.

    What a visit hands on to the deltas of an object is whether the object is known to hold no trace: then only what
    such a delta brings has to be searched.
    """
    haul = Haul()
    look, reach, nothing = watcher.look, watcher.reach, Sight.NOTHING

    def visit(node: int, data: bytes | None, base: bytes | None, delta: bytes | None, is_clean: bool) -> bool:  # noqa: FBT001 - as `Visit` says
        haul.objects += 1
        if is_clean and reach is not None and base and delta and len(delta) < _SHORT_DELTA < len(base):
            news = novelty(base, delta, reach)
            if news is not None and look(news.pieces) is nothing:
                haul.bytes += news.size
                return True
        content = build(base, delta) if data is None else data
        haul.bytes += len(content)
        sight = look(content)
        if sight is Sight.EVIDENCE and watcher.holds(content):
            haul.hits.append(known_as(node))
        return sight is nothing

    for failures in walk(visit):
        haul.unread += failures
        if haul.is_due:
            yield Haul(list(haul.hits), haul.objects, haul.bytes, list(haul.unread))
            haul.hits, haul.objects, haul.bytes, haul.unread = [], 0, 0, []
    yield haul
