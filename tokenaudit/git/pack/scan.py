"""Searching the objects of a pack as they are visited, without building what can't hold anything new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from dulwich.errors import ApplyDeltaError

from tokenaudit.git.objects import ObjectMatcher, ObjectType, ScanBatch, Unread, too_large
from tokenaudit.git.pack.delta import DeltaInsertions, LargeResultError, build, delta_insertions
from tokenaudit.interfaces import PrefilterResult

Visit: TypeAlias = Callable[[int, bytes, "bytes | None", bytes, bool], bool]
"""Given (position, content, base, delta, what the visit of the base returned): looks at an object with own deltas.

Without a base what stands in the place of the delta is the content. What it returns is handed on to those deltas.
"""

Leaf: TypeAlias = Callable[[int, bytes, "bytes | None", bool], None]
"""Given (position, delta, base, what the visit of the base returned): looks at an object from which nothing is built.

Without a base the delta is the whole content; else `build` makes that of both.
"""

_SHORT_DELTA = 120
"""Bytes. Longer deltas have so many pieces that searching the whole result is faster than taking the delta apart."""

_LITTLE = 4 << 10
"""Bytes up to which something is put aside to be looked at together with others: a look costs as much as they do."""

_MUCH = 16 << 10
"""Bytes that are looked at together. One of them with a trace has all of them searched again, one by one."""

_MOST_HELD = 8 << 20
"""Bytes of bases that may wait for that."""

Searching: TypeAlias = Callable[[Visit, Leaf], Iterator[list[Unread]]]


def search(
    walk: Searching, known_as: Callable[[int], tuple[str, ObjectType]], watcher: ObjectMatcher
) -> Iterator[ScanBatch]:
    """Looks at each object that `walk` visits; `known_as` gives the id and type of a position."""
    looking = _Looking(known_as, watcher)
    for failures in walk(looking.visit, looking.leaf):
        batch = looking.batch
        batch.unread += failures
        if batch.is_due:
            looking.batch = ScanBatch()
            yield batch
    looking.settle()
    yield looking.batch


class _Looking:
    """Looks at objects; `batch` is what came of it.

    What a visit hands on to the deltas of an object is whether the object is known to hold no trace: then only what
    such a delta brings has to be searched.
    """

    def __init__(self, known_as: Callable[[int], tuple[str, ObjectType]], watcher: ObjectMatcher) -> None:
        self.batch = ScanBatch()
        self._known_as, self._look, self._examine, self._reach = known_as, watcher.look, watcher.examine, watcher.reach
        self._texts: list[bytes] = []
        self._waiting: list[tuple[int, bytes, bytes | None]] = []
        self._size = self._held = 0

    def visit(self, node: int, data: bytes, base: bytes | None, delta: bytes, is_clean: bool) -> bool:  # noqa: FBT001 - as `Visit` says
        """See `Visit`."""
        self._count(len(data))
        insertions = self._insertions(delta, base) if is_clean else None
        if insertions is not None and self._look(insertions.pieces) is PrefilterResult.NOTHING:
            return True
        return self._whole(node, data)

    def leaf(self, node: int, delta: bytes, base: bytes | None, is_clean: bool) -> None:  # noqa: FBT001 - as `Leaf` says
        """See `Leaf`."""
        insertions = self._insertions(delta, base) if is_clean else None
        if insertions is not None:
            self._count(insertions.size)
            self._add_to_batch(node, delta, base, insertions.pieces)
            return
        content = delta if base is None else build(base, delta)
        self._count(len(content))
        if base is None and len(content) <= _LITTLE and self._reach is not None:
            self._add_to_batch(node, delta, base, content)
        else:
            self._whole(node, content)

    def _count(self, size: int) -> None:
        self.batch.objects += 1
        self.batch.bytes += size

    def _insertions(self, delta: bytes, base: bytes | None) -> DeltaInsertions | None:
        """What `delta` brings to a clean base, where that is less to search than the result."""
        if self._reach is None or base is None or not len(delta) < _SHORT_DELTA < len(base):
            return None
        return delta_insertions(base, delta, self._reach)

    def _add_to_batch(self, node: int, delta: bytes, base: bytes | None, text: bytes) -> None:
        self._texts.append(text)
        self._waiting.append((node, delta, base))
        self._size += len(text)
        self._held += len(base) if base is not None else 0
        if self._size > _MUCH or self._held > _MOST_HELD:
            self.settle()

    def settle(self) -> None:
        """Looks at everything that waits. What shows no trace as a whole shows none in any part."""
        waiting = self._waiting
        is_clean = self._look(b"".join(self._texts)) is PrefilterResult.NOTHING
        self._texts, self._waiting, self._size, self._held = [], [], 0, 0
        if is_clean:
            return
        for node, delta, base in waiting:
            self._alone(node, delta, base)

    def _alone(self, node: int, delta: bytes, base: bytes | None) -> None:
        try:
            content = delta if base is None else build(base, delta)
        except LargeResultError:
            self.batch.unread.append(too_large(self._known_as(node)[0]))
        except (ApplyDeltaError, ValueError, MemoryError, OverflowError, BufferError):
            self.batch.unread.append(Unread(self._known_as(node)[0], "the object is corrupt"))
        else:
            self._whole(node, content)

    def _whole(self, node: int, content: bytes) -> bool:
        """Whether `content` shows no trace; with evidence it is looked at a second time."""
        position = self._look(content)
        if position is PrefilterResult.EVIDENCE:
            examined = self._examine(content)
            if not examined.is_empty:
                self.batch.add(*self._known_as(node), examined)
        return position is PrefilterResult.NOTHING
