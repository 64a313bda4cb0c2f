"""Divide the objects of a repository into partitions to read.

Packs and loose objects are read directly if that is fast; small and unusual repositories with `git cat-file`.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from tokenaudit.file_access import TooLargeError, open_regular, read_regular
from tokenaudit.git.catfile import ListingError, cat_file_partitions
from tokenaudit.git.command import GitError, allowance
from tokenaudit.git.files import object_folders, pack_files
from tokenaudit.git.layout import Repository
from tokenaudit.git.objects import (
    LARGE,
    SEARCHED,
    GitObject,
    ObjectMatcher,
    ObjectType,
    Partition,
    ScanBatch,
    Unread,
    is_large,
    search_one_by_one,
    too_large,
)
from tokenaudit.git.pack import ChecksumPartition
from tokenaudit.git.searched import SharedSearch
from tokenaudit.git.whole import CommitGraph, WholeRepository, commit_graph, read_whole, unpacked_links

if TYPE_CHECKING:
    from tokenaudit.git.candidates import Narrowed

SMALL_REPOSITORY = 4 << 20
"""Bytes of packs below which git is faster than importing the pack reader."""

_SMALL_INDEXES = 128 << 10
"""The same for the indexes of packs: about 4,000 objects. An object read with git takes about 30 µs."""

_FEW_LOOSE = 2000
_SHARES_PER_JOB = 6
"""Partitions per process, so that a partition that takes longer than estimated does not delay the end."""


Links: TypeAlias = Literal["all", "unpacked", "none"]

_MANY_OBJECTS = 50_000
"""Maximum objects in packs for which git follows all links fast enough."""


@dataclass
class ScanPlan:
    """Partitions that together contain every requested object once, and unreadable objects.

    `commits` yields the ids of all commits, including unreachable ones, for attribution. `ids` returns the raw ids of
    all objects, sorted, so that the next scan can skip them; it is None for small and unusual repositories, which are
    always read completely. `missing` returns those of some ids that are not in such raw ids.

    `graph` describes the commits of a small repository without anything missing or unusual.

    `links` defines which links between objects must be followed to find missing ones: following all of them can take
    longer than reading the objects. `note` is the reason if reading is slow.

    `to_compare` returns commits, among them all that add a fingerprint to a path; None if unknown. It takes the folder
    to pass to git, the fingerprints in each blob, and the number of processes.
    """

    partitions: list[Partition]
    unread: list[Unread]
    commits: Callable[[], Iterator[str]]
    ids: Callable[[], bytes] | None = None
    missing: Callable[[Sequence[str], bytes], list[str]] = lambda names, _: list(names)
    links: Links = "all"
    note: str | None = None
    graph: CommitGraph | None = None
    to_compare: Callable[[Path, Mapping[str, frozenset[str]], int], Narrowed | None] = lambda *_: None

    @property
    def objects(self) -> int:
        """Number of objects in all partitions."""
        return sum(partition.count for partition in self.partitions)


def plan(
    repository: Repository,
    jobs: int,
    types: Sequence[ObjectType] = SEARCHED,
    *,
    known: bytes = b"",
    small: int | None = None,
    shared: SharedSearch | None = None,
) -> ScanPlan:
    """Plan how to read the objects of `types` in `repository` with `jobs` processes.

    Objects whose raw ids are in `known` (sorted and concatenated) can be omitted. Repositories with fewer pack bytes
    than `small` are read with git. Objects with results in `shared` are left out.

    Raises:
        GitError: git is needed but can't be run.
    """
    limit = SMALL_REPOSITORY if small is None else small
    wish = _Wish(jobs, types, known, shared)
    folders, missing, _ = object_folders(repository.objects)
    lacking = [Unread(f"alternate {each}", "alternate object directory is missing") for each in missing]
    indexes: list[Path] = []
    loose: dict[str, Path] = {}
    try:
        reason = _unusual(repository)
        if reason is None:
            indexes = [index for folder in folders for index in pack_files(folder, ".idx")]
            many = sum(map(_pack_size, indexes)) >= limit or sum(map(_size, indexes)) >= min(limit, _SMALL_INDEXES)
            is_small = not many and allowance(repository.git_dir).stored < limit
            if is_small and (whole := read_whole(repository.git_dir)) is not None:
                return _in_memory(whole, repository, indexes, lacking, types)
            loose = {name: file for folder in folders for name, file in loose_objects(folder)}
            if many or len(loose) > _FEW_LOOSE:
                return _fast(repository, indexes, loose, lacking, wish)
    except ImportError as error:
        reason = f"compiled library {error.name} is missing"
    except OSError as error:
        # Git can possibly list the folder, but if it can't either, it lists the other objects and exits with 0.
        reason = f"{error.filename}: {error.strerror}"
        lacking.append(Unread(str(error.filename), f"folder of objects can't be listed: {error.strerror}"))
    try:
        partitions, unread, commits = cat_file_partitions(repository.git_dir, jobs * _SHARES_PER_JOB, types)
    except ListingError as error:
        # One damaged object can prevent git from listing the others; reading the files directly loses only that one.
        if reason is not None:
            message = f"git can't list the objects ({error}), and direct reading failed: {reason}"
            raise GitError(message) from error
        return _fast(repository, indexes, loose, lacking, wish)
    note = f"read with git: {reason}" if reason else None
    checksums = [ChecksumPartition(index.with_suffix(".pack")) for index in indexes]
    return ScanPlan([*partitions, *checksums], [*lacking, *unread], lambda: iter(commits), note=note)


def _in_memory(
    whole: WholeRepository,
    repository: Repository,
    indexes: Iterable[Path],
    lacking: list[Unread],
    types: Sequence[ObjectType],
) -> ScanPlan:
    graph = commit_graph(whole, repository)
    packs = (index.with_suffix(".pack") for index in indexes)
    partitions: list[Partition] = [whole.partition(types), *map(ChecksumPartition, packs)]
    return ScanPlan(
        partitions, lacking, lambda: iter(whole.commits), links="all" if graph is None else "none", graph=graph
    )


def _pack_size(index: Path) -> int:
    try:
        return index.with_suffix(".pack").stat().st_size
    except OSError:
        return 0  # missing; reported when it is read


def _unusual(repository: Repository) -> str | None:
    if repository.object_format != "sha1":
        return f"unsupported object format {repository.object_format}"
    if (repository.objects / "pack" / "multi-pack-index").exists() and any(
        not pack.with_suffix(".idx").exists() for pack in pack_files(repository.objects, ".pack")
    ):
        return "some packs are only indexed by a multi-pack-index"
    return None


@dataclass(frozen=True)
class _Wish:
    jobs: int
    types: Sequence[ObjectType]
    known: bytes
    shared: SharedSearch | None


def _fast(
    repository: Repository, indexes: Sequence[Path], loose: dict[str, Path], unread: list[Unread], wish: _Wish
) -> ScanPlan:
    from tokenaudit.git.pack import partition as packed  # noqa: PLC0415 - imports numpy, needed for large repositories only

    count = wish.jobs * _SHARES_PER_JOB
    done = {each.pack: each for each in wish.shared.searched(indexes)} if wish.shared else {}
    packs, broken = packed.read_packs(indexes, {pack: each.opened for pack, each in done.items()})
    used = packed.without_duplicates(packs, {pack: each.read for pack, each in done.items()})
    partitions, unbuilt = packed.pack_partitions(packs, count, wish.types, wish.known, used)
    if wish.shared:
        wish.shared.begin(packs, [done[pack] for pack in used], packed.read_from(packs, partitions))
    alone = packed.not_packed(packs, loose)
    new = packed.not_known(alone, wish.known)

    def commits() -> Iterator[str]:
        return chain(packed.commits_of(packs), loose_commits((name, loose[name]) for name in alone))

    links = _links(sum(len(index.starts) for index, _ in packs), len(indexes), len(alone))
    if links == "unpacked" and len(alone) <= _FEW_LOOSE:
        linked = _unpacked_links(repository, [(name, loose[name]) for name in alone])
        is_whole = linked is not None and not packed.not_packed(packs, linked - loose.keys())
        links = "none" if is_whole else links

    are_packs_complete = links != "all"

    def to_compare(git_dir: Path, fingerprints: Mapping[str, frozenset[str]], jobs: int) -> Narrowed | None:
        from tokenaudit.git.candidates import commits_to_compare  # noqa: PLC0415 - imports numpy, as above

        def find() -> Narrowed | None:
            return commits_to_compare(
                git_dir, packs, [(name, loose[name]) for name in alone], fingerprints, jobs,
                read=lambda some: LoosePartition(some, ("commit", "tree"), 0).read(),
                are_packs_complete=are_packs_complete,
            )  # fmt: skip

        # If nothing else is read than complete packs, the refs make no difference.
        if wish.shared is None or alone or not are_packs_complete:
            return find()
        return wish.shared.to_compare(git_dir, frozenset(fingerprints.items()), find)

    return ScanPlan(
        [*partitions, *loose_partitions([(name, loose[name]) for name in new], count, wish.types)],
        [*unread, *broken, *unbuilt],
        commits,
        ids=lambda: packed.all_ids(packs, alone),
        missing=packed.not_known,
        links=links,
        to_compare=to_compare,
    )


def _unpacked_links(repository: Repository, files: Sequence[tuple[str, Path]]) -> frozenset[str] | None:
    """Return what the loose objects in `files`, the refs and the index refer to; None if git must be asked."""
    found = list(LoosePartition(files, ("commit", "tree", "tag"), 0).read())
    try:
        objects = [item for item in found if isinstance(item, GitObject)]
        return unpacked_links(repository, objects) if len(objects) == len(found) else None
    except (GitError, OSError):
        return None  # git is asked, and what it can't read is reported then


def _links(objects: int, packs: int, loose: int) -> Links:
    """Return the links to follow. git writes a pack with everything it refers to, unless other packs contain it."""
    if objects < _MANY_OBJECTS:
        return "all"
    return "none" if packs == 1 and not loose else "unpacked"


_FOLDER = re.compile(r"[0-9a-f]{2}")
_NAME = re.compile(r"[0-9a-f]{38}")
_HEADER = re.compile(rb"(blob|commit|tag|tree) (\d{1,19})\0")
_LONGEST_HEADER = 64


def loose_objects(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the id and file of every loose object in an object folder, sorted by id.

    Raises:
        OSError: a folder can't be read.
    """
    for part in sorted(filter(_FOLDER.fullmatch, os.listdir(folder))):  # noqa: PTH208 - names only
        try:
            names = os.listdir(folder / part)  # noqa: PTH208 - names only
        except (FileNotFoundError, NotADirectoryError):
            continue  # its objects were packed in the meantime, or it is not a folder
        for name in sorted(name for name in names if _NAME.fullmatch(name)):
            yield part + name, folder / part / name


@dataclass(frozen=True)
class LoosePartition:
    """Some loose objects. Their types are known only after opening them; those not in `types` are skipped."""

    files: Sequence[tuple[str, Path]]
    types: Sequence[ObjectType]
    size: int

    @property
    def count(self) -> int:
        """See `objects.Partition`."""
        return len(self.files)

    @property
    def is_concurrent(self) -> bool:
        """See `objects.Partition`."""
        return False

    def read(self) -> Iterator[GitObject | Unread]:
        """See `objects.Partition`."""
        for name, file in self.files:
            found = _read(name, file, self.types)
            if found:
                yield found

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Partition`."""
        return search_one_by_one(self, watcher)


def _read(name: str, file: Path, types: Sequence[ObjectType]) -> GitObject | Unread | None:
    try:
        return _inflated(name, file, types)
    except OSError as error:
        return Unread(name, f"the object can't be read: {error.strerror}")
    except (zlib.error, ValueError, OverflowError):
        return Unread(name, "the object is corrupt")
    except MemoryError:
        return Unread(name, "object too large for the available memory")


def _inflated(name: str, file: Path, types: Sequence[ObjectType]) -> GitObject | Unread | None:
    try:
        packed = read_regular(file, LARGE)
    except TooLargeError:
        return too_large(name)
    inflater = zlib.decompressobj()
    head = inflater.decompress(packed, _LONGEST_HEADER)
    header = _HEADER.match(head)
    if not header:
        raise ValueError
    kind, size = cast("ObjectType", header[1].decode()), int(header[2])
    if kind not in types:
        return None
    if is_large(size):
        return too_large(name)
    data = head[header.end() :] + inflater.decompress(inflater.unconsumed_tail, max(1, size + 1))
    if len(data) != size or not (inflater.eof or inflater.decompress(inflater.unconsumed_tail, 1) == b""):
        raise ValueError
    return GitObject(name, kind, data)


def loose_commits(files: Iterable[tuple[str, Path]]) -> Iterator[str]:
    """Yield the ids of the commits in `files`; only the start of each file is read."""
    for name, file in files:
        try:
            with open_regular(file) as opened:
                head = zlib.decompressobj().decompress(opened.read(_LONGEST_HEADER), _LONGEST_HEADER)
        except (OSError, zlib.error):
            continue  # reported when it is read
        if head.startswith(b"commit "):
            yield name


def loose_partitions(
    files: Iterable[tuple[str, Path]], count: int, types: Sequence[ObjectType] = SEARCHED
) -> list[LoosePartition]:
    """Divide `files` into about `count` partitions of equal size."""
    costs = [(each, 60_000 + 10 * _size(each[1])) for each in files]
    total = sum(cost for _, cost in costs)
    partitions: list[LoosePartition] = []
    part: list[tuple[str, Path]] = []
    size = 0
    for each, cost in costs:
        part.append(each)
        size += cost
        if size >= total / count:
            partitions.append(LoosePartition(part, types, size))
            part, size = [], 0
    if part:
        partitions.append(LoosePartition(part, types, size))
    return partitions


def _size(file: Path) -> int:
    try:
        return min(file.lstat().st_size, LARGE)
    except OSError:
        return 0  # removed in the meantime; reported when it is read
