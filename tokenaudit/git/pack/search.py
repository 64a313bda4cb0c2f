"""Searching a share of a pack, without building what can't hold anything new."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.detect.interface import Sight
from tokenaudit.git.objects import Haul, Watcher
from tokenaudit.git.pack.delta import novelty
from tokenaudit.git.pack.walk import TYPE_NAMES, PackShare, build

_SHORT_DELTA = 120
"""Of its base's size. Longer deltas have so many pieces that searching the whole result is faster than taking the delta
apart."""


def search_pack(share: PackShare, watcher: Watcher) -> Iterator[Haul]:
    """Looks at each wanted object of `share`; see `objects.Share.search`.

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
            haul.hits.append((share.name(node), TYPE_NAMES[int(share.forest.types[node])]))
        return sight is nothing

    for failures in share.walk(visit):
        haul.unread += failures
        if haul.is_due:
            yield Haul(list(haul.hits), haul.objects, haul.bytes, list(haul.unread))
            haul.hits, haul.objects, haul.bytes, haul.unread = [], 0, 0, []
    yield haul
