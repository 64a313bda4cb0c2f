"""Search packs once that several repositories of one scan read, because they share or borrow folders of objects.

The first repository that reads all of a pack's objects records ids, fingerprints and counts, no content. Others take
them from there for the objects that were read from that very pack, so they report what they would alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tokenaudit.git.files import BrokenLinkError, look_at
from tokenaudit.git.layout import enclosing_git_dir
from tokenaudit.git.objects import ScanBatch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tokenaudit.git.candidates import Narrowed
    from tokenaudit.git.pack.layout import DeltaForest, PackIndex

    _Opened: TypeAlias = tuple[PackIndex, DeltaForest]

_Stamp: TypeAlias = "tuple[tuple[int, int, int, int], ...]"


class SearchedPack(NamedTuple):
    """A pack, which of its objects were read from it, by position, and the results for these."""

    opened: _Opened
    read: npt.NDArray[np.bool_]
    result: ScanBatch
    stamp: _Stamp

    @property
    def pack(self) -> Path:
        """The pack."""
        return self.opened[0].pack


_Fingerprints: TypeAlias = "frozenset[tuple[str, frozenset[str]]]"
_Question: TypeAlias = "tuple[frozenset[Path], _Fingerprints]"
"""Packs and blobs."""


@dataclass
class _Shared:
    """The number of repositories that have yet to read each folder of objects, and the packs that one has read."""

    readers: Counter[Path] = field(default_factory=Counter)
    packs: dict[Path, SearchedPack] = field(default_factory=dict)
    to_compare: dict[_Question, Narrowed | None] = field(default_factory=dict)

    def drop(self) -> None:
        """Forget packs that no other repository reads."""
        self.packs = {pack: each for pack, each in self.packs.items() if self.readers[_folder(pack)] > 0}
        self.to_compare = {asked: each for asked, each in self.to_compare.items() if asked[0] <= self.packs.keys()}


_shared: ContextVar[_Shared | None] = ContextVar("shared", default=None)


@contextmanager
def searched_once() -> Iterator[None]:
    """Search packs only once while the context is entered, if `expect` names several repositories that read them."""
    token = _shared.set(_Shared())
    try:
        yield
    finally:
        _shared.reset(token)


def expect(repositories: Iterable[Path]) -> None:
    """Announce repositories to be read, each once."""
    shared = _shared.get()
    if shared is not None:
        for path in repositories:
            shared.readers.update(_folders(path))


@contextmanager
def sharing(repository: Path) -> Iterator[SharedSearch | None]:
    """Read a repository that was announced: what others have read or will read as well; None if that is nothing."""
    shared = _shared.get()
    if shared is None:
        yield None
        return
    folders = _folders(repository)
    shared.readers.subtract(folder for folder in folders if shared.readers[folder])
    common = frozenset(folder for folder in folders if shared.readers[folder]) | {
        folder for folder in map(_folder, shared.packs) if folder in folders
    }
    try:
        yield SharedSearch(shared, common) if common else None
    finally:
        shared.drop()


class SharedSearch:
    """Of one repository: the packs that earlier repositories have searched, and those to record for later ones."""

    def __init__(self, shared: _Shared, folders: frozenset[Path]) -> None:
        """Share the packs in `folders`."""
        self._shared, self._folders = shared, folders
        self._packs: Sequence[tuple[_Opened, _Stamp]] = ()
        self._read: Mapping[Path, npt.NDArray[np.bool_]] = {}
        self._found: dict[Path, ScanBatch] = {}
        self.results: Sequence[ScanBatch] = ()
        """The results for the objects that need not be read again."""

    def searched(self, indexes: Iterable[Path]) -> Iterator[SearchedPack]:
        """Yield the packs of `indexes` that are known, if their files have not changed since."""
        for index in indexes:
            found = self._shared.packs.get(index.with_suffix(".pack"))
            if found is not None and found.stamp == _stamp(found.pack) != ():
                yield found

    def begin(
        self, packs: Sequence[_Opened], used: Iterable[SearchedPack], read: Mapping[Path, npt.NDArray[np.bool_]]
    ) -> None:
        """Note the packs of this repository, those whose results are `used`, and which objects are read from which."""
        self._read, self.results = read, [each.result for each in used]
        self._packs = [(opened, _stamp(opened[0].pack)) for opened in packs]

    @property
    def count(self) -> int:
        """The number of objects that need not be read again."""
        return sum(each.objects for each in self.results)

    def add(self, batch: ScanBatch) -> None:
        """Add a result for objects of one pack."""
        if batch.pack is None or _folder(batch.pack) not in self._folders:
            return
        known = self._found.setdefault(batch.pack, ScanBatch(pack=batch.pack))
        batch = batch.without_results()
        known.hits += batch.hits
        known.fingerprints |= batch.fingerprints
        known.objects += batch.objects
        known.bytes += batch.bytes

    def record(self, elsewhere: Iterable[str]) -> None:
        """Record the results for later repositories: everything was read, but `elsewhere` not from packs."""
        lost = frozenset(elsewhere)
        for opened, stamp in self._packs:
            index, _ = opened
            if self._shared.readers[_folder(index.pack)] > 0 and index.pack not in self._shared.packs:
                read = self._read[index.pack]
                if lost:
                    names = (each.tobytes().hex() for each in index.ids)
                    read &= [name not in lost for name in names]
                result = self._found.get(index.pack, ScanBatch())
                self._shared.packs[index.pack] = SearchedPack(opened, read, result, stamp)

    def to_compare(
        self, git_dir: Path, fingerprints: _Fingerprints, find: Callable[[], Narrowed | None]
    ) -> Narrowed | None:
        """Return what `find` does about `fingerprints`, once for all repositories with the same packs and no more."""
        packs = frozenset(opened[0].pack for opened, _ in self._packs)
        if not packs <= self._shared.packs.keys():
            return find()
        asked = (packs, fingerprints)
        if asked not in self._shared.to_compare:
            self._shared.to_compare[asked] = find()
        found = self._shared.to_compare[asked]
        return None if found is None else replace(found, links=found.links.of(git_dir))


def _folder(pack: Path) -> Path:
    return pack.parent.parent


def _folders(repository: Path) -> tuple[Path, ...]:
    git_dir = enclosing_git_dir(repository)
    try:
        return look_at(git_dir).objects if git_dir is not None else ()
    except BrokenLinkError:
        return ()  # reported when it is read


def _stamp(pack: Path) -> _Stamp:
    found = []
    for file in (pack, pack.with_suffix(".idx")):
        try:
            status = file.stat()
        except OSError:
            return ()
        found.append((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
