"""Search the objects of a pack as they are visited, without building results that can't contain anything new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from dulwich.errors import ApplyDeltaError

from tokenaudit.git.objects import ObjectMatcher, ObjectType, ScanBatch, Unread, too_large
from tokenaudit.git.pack.delta import DeltaInsertions, LargeResultError, build, delta_insertions
from tokenaudit.interfaces import MatchContext, PrefilterResult

Visit: TypeAlias = Callable[[int, bytes, "bytes | None", bytes, bool], bool]
"""Searches an object with deltas; takes (position, content, base, delta, result of the visit of the base).

Without a base, the delta is replaced by the content. The return value is passed to the visits of these deltas.
"""

Leaf: TypeAlias = Callable[[int, bytes, "bytes | None", bool], None]
"""Searches an object without deltas; takes (position, delta, base, result of the visit of the base).

Without a base, the delta is the whole content; otherwise `build` returns the content.
"""

_SHORT_DELTA = 2000
"""Maximum bytes of a delta to parse. Longer deltas have so many pieces that searching the whole result is faster."""

_LEAST_BASE, _LEAST_RATIO = 4000, 80
"""Bytes of a base, and its ratio to the delta, from which parsing a delta is faster than searching the result."""

_LITTLE = 8 << 10
"""Maximum bytes of content to search together with others, because each search has a constant cost."""

_MUCH = 16 << 10
"""Bytes to search together. If there is a trace, each content is searched again separately."""

_MOST_HELD = 8 << 20
"""Maximum bytes of bases held for such a search."""

_SEPARATOR = b"\0"
"""Between contents that are searched together, so that none is part of a word in another."""

Searching: TypeAlias = Callable[[Visit, Leaf], Iterator[list[Unread]]]


def search(
    walk: Searching, known_as: Callable[[int], tuple[str, ObjectType]], watcher: ObjectMatcher
) -> Iterator[ScanBatch]:
    """Search each object that `walk` visits; `known_as` returns the id and type of a position."""
    looking = _Looking(known_as, watcher)
    for failures in walk(looking.visit, looking.leaf):
        batch = looking.batch
        batch.unread += failures
        if batch.is_due:
            looking.batch = ScanBatch()
            yield batch
    looking.settle()
    yield looking.batch


def _is_fast(delta: bytes, base: bytes | None) -> bool:
    return base is not None and len(base) >= _LEAST_BASE + _LEAST_RATIO * len(delta)


class _Looking:
    """Searches objects; `batch` contains the results.

    A visit returns whether the object is clean (contains no evidence). For deltas of a clean object, only the added
    bytes have to be searched.
    """

    def __init__(self, known_as: Callable[[int], tuple[str, ObjectType]], watcher: ObjectMatcher) -> None:
        self.batch = ScanBatch()
        self._known_as, self._watcher, self._look, self._reach = known_as, watcher, watcher.look, watcher.reach
        self._texts: list[bytes] = []
        self._waiting: list[tuple[int, bytes, bytes | None]] = []
        self._size = self._held = 0

    def visit(self, node: int, data: bytes, base: bytes | None, delta: bytes, is_clean: bool) -> bool:  # noqa: FBT001 - signature of `Visit`
        """See `Visit`."""
        self._count(len(data))
        insertions = self._insertions(delta, base) if is_clean and _is_fast(delta, base) else None
        if insertions is not None and self._look(insertions.pieces) is not PrefilterResult.EVIDENCE:
            return True
        return self._whole(node, data, is_likely=base is not None and not is_clean)

    def leaf(self, node: int, delta: bytes, base: bytes | None, is_clean: bool) -> None:  # noqa: FBT001 - signature of `Leaf`
        """See `Leaf`."""
        insertions = self._insertions(delta, base) if is_clean and _is_fast(delta, base) else None
        content = b""
        if insertions is None:
            try:
                content = delta if base is None else build(base, delta)
            except LargeResultError:
                insertions = self._insertions(delta, base) if is_clean else None
                if insertions is None:
                    raise
        if insertions is not None:
            self._count(insertions.size)
            self._add_to_batch(node, delta, base, insertions.pieces)
            return
        self._count(len(content))
        if (base is None or is_clean) and len(content) <= _LITTLE and self._reach is not None:
            self._add_to_batch(node, delta, base, content)
        else:
            self._whole(node, content, is_likely=base is not None and not is_clean)

    def _count(self, size: int) -> None:
        self.batch.objects += 1
        self.batch.bytes += size

    def _insertions(self, delta: bytes, base: bytes | None) -> DeltaInsertions | None:
        """Return the bytes that `delta` adds to a clean base, if they are fewer than the result."""
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
        """Search all pending content. If the whole contains no trace, no part does."""
        texts, waiting = self._texts, self._waiting
        self._texts, self._waiting, self._size, self._held = [], [], 0, 0
        if self._look(_SEPARATOR.join(texts)) is PrefilterResult.NOTHING:
            return
        for text, (node, delta, base) in zip(texts, waiting, strict=True):
            if self._look(text) is PrefilterResult.EVIDENCE:
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

    def _whole(self, node: int, content: bytes, *, is_likely: bool = False) -> bool:
        """Return whether `content` contains no evidence; if it does, add what it contains.

        With `is_likely`, as with a delta of such content, the prefilter is not asked first.
        """
        if not is_likely and self._look(content) is not PrefilterResult.EVIDENCE:
            return True
        contexts = add_contents(self.batch, self._known_as(node), content, self._watcher)
        if contexts is None and is_likely:
            return self._look(content) is not PrefilterResult.EVIDENCE
        return contexts == ()


def add_contents(
    batch: ScanBatch, known_as: tuple[str, ObjectType], content: bytes, watcher: ObjectMatcher
) -> tuple[MatchContext, ...] | None:
    """Add to `batch` what an object contains, and return its contexts; see `ObjectMatcher.contexts`."""
    contexts = watcher.contexts(content)
    if contexts is None:
        batch.add(*known_as, watcher.examine(content))
    else:
        batch.add_fingerprints(*known_as, fingerprints_in(contexts))
    return contexts


def fingerprints_in(contexts: tuple[MatchContext, ...]) -> frozenset[str]:
    """Return the fingerprints in `contexts`."""
    if len(contexts) == 1:
        return contexts[0].fingerprints
    return frozenset[str]().union(*(context.fingerprints for context in contexts))
