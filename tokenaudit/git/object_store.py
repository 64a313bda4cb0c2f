"""Divide the objects of a repository into partitions to read.

Packs and loose objects are read directly if that is fast; small and unusual repositories with `git cat-file`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from tokenaudit.git.catfile import ListingError, cat_file_partitions
from tokenaudit.git.command import GitError, allowance
from tokenaudit.git.files import object_folders, pack_files
from tokenaudit.git.layout import SMALL_REPOSITORY, Repository
from tokenaudit.git.loose import LoosePartition, loose_commits, loose_objects, loose_partitions
from tokenaudit.git.objects import SEARCHED, GitObject, KnownObjects, ObjectType, Partition, TipTree, Unread
from tokenaudit.git.pack import ChecksumPartition
from tokenaudit.git.parallel import meanwhile
from tokenaudit.git.searched import SharedSearch
from tokenaudit.git.whole import CommitGraph, WholeRepository, commit_graph, read_whole, unpacked_links

if TYPE_CHECKING:
    from tokenaudit.git.candidates import Narrowed
    from tokenaudit.git.objects import CommitLinks

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

    `commits` yields the ids of all commits, including unreachable ones, for attribution, `new_commits` those that the
    earlier scan does not know. `known` returns all objects, so that the next scan can skip them; it is None for small
    and unusual repositories, which are always read completely. `commit_count` returns the number of all commits of the
    others. `missing` returns those of some ids that are not in such raw ids. `is_kept`: everything that the earlier
    scan knows is still there.

    `graph` describes the commits of a small repository without anything missing or unusual.

    `links` defines which links between objects must be followed to find missing ones: following all of them can take
    longer than reading the objects. `note` is the reason if reading is slow.

    `tips_with` returns those of some tips that have a blob of some name at the top of their tree, and the times of the
    first trees; None if git must be asked.

    `to_compare` returns commits, among them all that add a fingerprint to a path; None if unknown. It takes the folder
    to pass to git, the fingerprints in each blob, links of commits that were read before, and the number of processes.
    """

    partitions: list[Partition]
    unread: list[Unread]
    commits: Callable[[], Iterator[str]]
    new_commits: Callable[[], Iterator[str]] = lambda: iter(())
    commit_count: Callable[[], int] = lambda: 0
    known: Callable[[], KnownObjects] | None = None
    missing: Callable[[Sequence[str], bytes], list[str]] = lambda names, _: list(names)
    is_kept: bool = False
    links: Links = "all"
    note: str | None = None
    graph: CommitGraph | None = None
    tips_with: Callable[[bytes, Sequence[str], int], Sequence[TipTree] | None] = lambda *_: None
    to_compare: Callable[[Path, Mapping[str, frozenset[str]], Sequence[CommitLinks], int], Narrowed | None] = (
        lambda *_: None
    )

    @property
    def objects(self) -> int:
        """Number of objects in all partitions."""
        return sum(partition.count for partition in self.partitions)


def plan(
    repository: Repository,
    jobs: int,
    types: Sequence[ObjectType] = SEARCHED,
    *,
    known: KnownObjects | None = None,
    small: int | None = None,
    shared: SharedSearch | None = None,
    prepare: Callable[[], object] = bool,
) -> ScanPlan:
    """Plan how to read the objects of `types` in `repository` with `jobs` processes.

    Objects in `known` can be omitted; it is None if no later scan will know these. Repositories with fewer pack bytes
    than `small` are read with git. Objects with results in `shared` are left out. `prepare` is called, in a thread, if
    there is enough to search for it to be worth its time.

    Raises:
        GitError: git is needed but can't be run.
    """
    limit = SMALL_REPOSITORY if small is None else small
    wish = _Wish(jobs, types, known, shared, prepare)
    folders, missing, _ = object_folders(repository.objects)
    lacking = [Unread(f"alternate {each}", "alternate object directory is missing") for each in missing]
    indexes: list[Path] = []
    loose: dict[str, Path] = {}
    try:
        reason = _unusual(repository)
        if reason is None:
            indexes = [index for folder in folders for index in pack_files(folder, ".idx")]
            many = sum(_size(index.with_suffix(".pack")) for index in indexes) >= limit or sum(
                map(_size, indexes)
            ) >= min(limit, _SMALL_INDEXES)
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


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
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


class _Wish(NamedTuple):
    jobs: int
    types: Sequence[ObjectType]
    known: KnownObjects | None
    shared: SharedSearch | None
    prepare: Callable[[], object]


def _fast(
    repository: Repository, indexes: Sequence[Path], loose: dict[str, Path], unread: list[Unread], wish: _Wish
) -> ScanPlan:
    is_new = not (wish.known and wish.known.ids) and not (wish.shared and any(wish.shared.searched(indexes)))
    with meanwhile(wish.prepare) if is_new else nullcontext():
        return _from_files(repository, indexes, loose, unread, wish)


def _from_files(
    repository: Repository, indexes: Sequence[Path], loose: dict[str, Path], unread: list[Unread], wish: _Wish
) -> ScanPlan:
    from tokenaudit.git.pack import known, partition  # noqa: PLC0415 - imports numpy, needed for large repositories only

    count = wish.jobs * _SHARES_PER_JOB
    done = {each.pack: each for each in wish.shared.searched(indexes)} if wish.shared else {}
    new = known.new_objects(indexes, loose, wish.known, {pack: each.opened for pack, each in done.items()})
    used = partition.without_duplicates(new.packs, {pack: each.read for pack, each in done.items()})
    before = wish.known.ids if wish.known else b""
    partitions, unbuilt = partition.pack_partitions(new.packs, count, wish.types, before, used)
    if wish.shared:
        wish.shared.begin(new.packs, [done[pack] for pack in used], partition.read_from(new.packs, partitions))
    alone = [(name, loose[name]) for name in new.alone]

    def commits() -> Iterator[str]:
        return chain(partition.commits_of(new.all_packs), loose_commits(alone))

    def new_commits() -> Iterator[str]:
        found = chain(partition.commits_of(new.packs), loose_commits((name, loose[name]) for name in new.loose))
        return iter(partition.not_known(list(found), before))

    def known_objects() -> KnownObjects:
        return new.known(has_commits=any(chain(partition.commits_of(new.packs), loose_commits(alone))))

    links = _links(new.object_count, len(indexes), len(alone))
    if links == "unpacked" and len(alone) <= _FEW_LOOSE:
        linked = _unpacked_links(repository, alone)
        links = "none" if linked is not None and not new.not_packed(linked - loose.keys()) else links

    are_packs_complete = links != "all"

    def to_compare(
        git_dir: Path, fingerprints: Mapping[str, frozenset[str]], known: Sequence[CommitLinks], jobs: int
    ) -> Narrowed | None:
        from tokenaudit.git.candidates import commits_to_compare  # noqa: PLC0415 - imports numpy, as above

        def find() -> Narrowed | None:
            return commits_to_compare(
                git_dir, new.all_packs, alone, fingerprints, known, jobs,
                read=lambda some: LoosePartition(some, ("commit", "tree"), 0).read(),
                are_packs_complete=are_packs_complete,
            )  # fmt: skip

        # If nothing else is read than complete packs, the refs make no difference.
        if wish.shared is None or alone or not are_packs_complete:
            return find()
        return wish.shared.to_compare(git_dir, frozenset(fingerprints.items()), find)

    return ScanPlan(
        [*partitions, *loose_partitions([(name, loose[name]) for name in new.loose], count, wish.types)],
        [*unread, *new.broken, *unbuilt],
        commits,
        new_commits=new_commits,
        commit_count=lambda: new.packed_commits + sum(1 for _ in loose_commits(alone)),
        known=known_objects,
        missing=partition.not_known,
        is_kept=new.is_kept,
        links=links,
        tips_with=partial(new.tips_with, partial(_read_loose, loose)),
        to_compare=to_compare,
    )


def _read_loose(loose: Mapping[str, Path], names: Sequence[str]) -> Iterator[GitObject | Unread]:
    return LoosePartition([(name, loose[name]) for name in names], (*SEARCHED, "tree"), 0).read()


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
