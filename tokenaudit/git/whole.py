"""A small repository whose objects are all in memory, read without git or with one `git cat-file`.

Starting git takes longer than reading a small repository. What git commands would say of its commits (links, changes,
order, reachability) is computed here from the objects, and only if nothing is unusual: everything else is left to git,
which is the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from tokenaudit.file_access import read_regular
from tokenaudit.git.command import GitError, git
from tokenaudit.git.files import look_at
from tokenaudit.git.layout import staged_files
from tokenaudit.git.log import MOST_PARENTS, Change, Changes, Commit, moment, too_many_parents
from tokenaudit.git.objects import GitObject, ObjectMatcher, ObjectType, ScanBatch, Unread, examine, search_one_by_one
from tokenaudit.git.plain import plain_objects
from tokenaudit.git.reachability import CommitKey, parents_first
from tokenaudit.interfaces import PrefilterResult

if TYPE_CHECKING:
    from tokenaudit.git.layout import Repository

_CONTENT = 32 << 20
"""Maximum bytes of all contents."""

_MOST_TREES = 2 << 20
"""Maximum bytes of all trees, which take about 10 ns a byte to parse."""

_MOST_COMPARED = 2_000_000
"""Maximum entries of trees to compare, about a second; git does it within its limit of time."""

_DEEPEST = 100
"""Maximum depth of folders."""

_LARGEST_INDEX = 16 << 20
_UNDO = b"REUC"
_LITTLE = 4 << 10
"""Maximum bytes of an object to search together with others, because each search has a constant cost."""

_TOGETHER = 16 << 10
_SEPARATOR = b"\0"

_HEADER = re.compile(rb"([0-9a-f]+) (blob|commit|tag|tree) (\d+)\n")
_SUBMODULE = b"160000"
_FOLDER = b"40000"
_MODES = frozenset({_FOLDER, _SUBMODULE, b"100644", b"100664", b"100755", b"120000"})
_NULL = "0" * 40
_INDEXED = re.compile(rb"[A-Za-z?] (?P<mode>[0-7]{6}) (?P<id>[0-9a-f]{40}) \d\t(?P<path>[^\0]*)\0")
_ENTRY = re.compile(rb"(?P<mode>[0-7]{5,6}) (?P<name>[^\0]+)\0(?P<id>[\s\S]{20})")
_COMMIT = re.compile(
    rb"tree (?P<tree>[0-9a-f]{40})\n(?P<parents>(?:parent [0-9a-f]{40}\n)*)"
    rb"author (?P<author>(?:[^\s<>](?:[^\n<>]*[^\s<>])?)? <(?P<mail>[^\s<>]*)>) (?P<when>\d{1,10}) [+-]\d{4}\n"
    rb"committer [^\n<>]* <[^\n<>]*> (?P<committed>\d{1,10}) [+-]\d{4}\n(?!encoding )"
)
_TAG = re.compile(rb"object (?P<id>[0-9a-f]{40})\ntype (?P<type>commit|tree|blob|tag)\n")

_Tree = Mapping[bytes, tuple[bytes, str]]
"""Name to mode and id of each entry."""


class ParsedCommit(NamedTuple):
    """The ids in a commit, and what a report shows of it."""

    tree: str
    parents: tuple[str, ...]
    shown: Commit


@dataclass(frozen=True)
class WholeRepository:
    """All objects of a repository, by id. Its size is in bytes."""

    objects: Mapping[str, GitObject]
    size: int = 0

    @property
    def commits(self) -> list[str]:
        """The ids of all commits."""
        return [item.id for item in self.objects.values() if item.type == "commit"]

    def partition(self, types: Sequence[ObjectType]) -> MemoryPartition:
        """Return the objects of `types`."""
        return MemoryPartition([item for item in self.objects.values() if item.type in types])


@dataclass(frozen=True)
class MemoryPartition:
    """Objects that are in memory already."""

    objects: Sequence[GitObject]

    @property
    def size(self) -> int:
        """See `objects.Partition`."""
        return sum(2_000 + len(item.data) for item in self.objects)

    @property
    def count(self) -> int:
        """See `objects.Partition`."""
        return len(self.objects)

    is_concurrent = is_last = False

    def read(self) -> Iterator[GitObject | Unread]:
        """See `objects.Partition`."""
        yield from self.objects

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Partition`. Small objects are searched together: most repositories contain nothing."""
        if watcher.reach is None:
            yield from search_one_by_one(self, watcher)
            return
        batch = ScanBatch(objects=self.count, bytes=sum(len(item.data) for item in self.objects))
        for items in self._groups():
            if len(items) > 1 and watcher.look(_SEPARATOR.join(each.data for each in items)) is PrefilterResult.NOTHING:
                continue
            for item in items:
                batch.add(item.id, item.type, examine(watcher, item.data))
        yield batch

    def _groups(self) -> Iterator[list[GitObject]]:
        group: list[GitObject] = []
        size = 0
        for item in self.objects:
            if len(item.data) > _LITTLE:
                yield [item]
                continue
            group.append(item)
            size += len(item.data)
            if size > _TOGETHER:
                yield group
                group, size = [], 0
        if group:
            yield group


def read_whole(git_dir: Path) -> WholeRepository | None:
    """Read all objects of a repository that is small on disk; None if one is large or git can't read it."""
    if (read := plain_objects(look_at(git_dir), _CONTENT)) is not None:
        plain = {name: GitObject(name, cast("ObjectType", kind), data) for name, kind, data in read}
        return WholeRepository(plain, sum(len(item.data) for item in plain.values()))
    warnings = bytearray()
    arguments = ("cat-file", "--batch", "--batch-all-objects", "--unordered", "--buffer")
    try:
        output = git(*arguments, git_dir=git_dir, warnings=warnings, most=_CONTENT)
    except GitError:
        return None  # the objects are listed and read one by one, and those that can't be read are reported
    if warnings:
        return None  # git leaves out a folder that it can't open, and exits with 0
    objects: dict[str, GitObject] = {}
    at = 0
    while at < len(output):
        header = _HEADER.match(output, at)
        if header is None:
            return None
        start = header.end()
        at = start + int(header[3]) + 1
        name = header[1].decode("ascii")
        objects[name] = GitObject(name, cast("ObjectType", header[2].decode("ascii")), output[start : at - 1])
    return WholeRepository(objects, len(output))


class CommitGraph:
    """The commits, trees and tags of a repository in which no link is broken and no commit is unusual."""

    def __init__(self, whole: WholeRepository, repository: Repository, index: bytes) -> None:
        """Parse all objects.

        Raises:
            UnusualError: git must be asked.
        """
        self._head, self._refs = repository.head, repository.refs
        self._objects = whole.objects
        self._index = [
            (found["mode"], found["id"].decode("ascii"), found["path"].decode("utf-8", "surrogateescape"))
            for found in _INDEXED.finditer(index)
        ]
        self.commits: dict[str, ParsedCommit] = {}
        self._trees: dict[str, _Tree] = {}
        self._targets: dict[str, str] = {}
        self._left = _MOST_COMPARED
        linked = {*self._refs.values(), *(name for mode, name, _ in self._index if mode != _SUBMODULE)}
        if self._head is not None:
            linked.add(self._head)
        if sum(len(item.data) for item in whole.objects.values() if item.type == "tree") > _MOST_TREES:
            raise UnusualError
        for item in whole.objects.values():
            if item.type == "commit":
                parsed = self.commits[item.id] = _commit(item)
                linked.add(parsed.tree)
                linked.update(parsed.parents)
            elif item.type == "tree":
                tree = self._trees[item.id] = _tree(item)
                linked.update(_linked(tree))
            elif item.type == "tag":
                linked.add(_target(item))
        if not linked <= whole.objects.keys() or not self._is_consistent():
            raise UnusualError

    def _is_consistent(self) -> bool:
        """Return whether all parents are commits and all folders trees."""
        folders = {each.tree for each in self.commits.values()}
        folders |= {name for tree in self._trees.values() for mode, name in tree.values() if mode == _FOLDER}
        parents = {parent for each in self.commits.values() for parent in each.parents}
        return folders <= self._trees.keys() and parents <= self.commits.keys()

    def staged(self) -> dict[str, list[str | None]]:
        """Return the paths in the index by blob."""
        found: dict[str, list[str | None]] = {}
        for _, name, path in self._index:
            found.setdefault(name, []).append(path)
        return found

    def files(self) -> dict[str, str]:
        """Return path and blob of all files of HEAD.

        Raises:
            UnusualError: there are too many.
        """
        name = self._peeled(self._head) if self._head else ""
        if name not in self.commits:
            return {}
        return {
            path.decode("utf-8", "surrogateescape"): blob
            for path, _, (_, blob) in self._compared(None, self.commits[name].tree, b"")
            if blob != _NULL
        }

    def reached(self, *, notes: bool = True) -> frozenset[str]:
        """Return every commit reachable from HEAD and the refs; without `notes` from those outside `refs/notes/`."""
        tips = [name for ref, name in self._refs.items() if notes or not ref.startswith("refs/notes/")]
        return self.ancestors([*tips, *([self._head] if self._head else [])])

    def in_head(self) -> frozenset[str]:
        """Return every commit in the history of HEAD."""
        return self.ancestors([self._head] if self._head else [])

    @cached_property
    def has_submodules(self) -> bool:
        """Whether any tree contains a submodule."""
        return any(mode == _SUBMODULE for tree in self._trees.values() for mode, _ in tree.values())

    @property
    def has_notes(self) -> bool:
        """Whether there are refs below `refs/notes/`."""
        return any(name.startswith("refs/notes/") for name in self._refs)

    @cached_property
    def reached_tags(self) -> frozenset[str]:
        """Every tag object that a ref or another reachable tag points to."""
        found: set[str] = set()
        for name in self._refs.values():
            tag = self._objects[name]
            while tag.type == "tag" and tag.id not in found:
                found.add(tag.id)
                tag = self._objects[_target(tag)]
        return frozenset(found)

    def ancestors(self, tips: Iterable[str]) -> frozenset[str]:
        """Return the commits that `tips` (ids of commits and tags) lead to."""
        waiting = [self._peeled(tip) for tip in tips]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in self.commits and name not in found:
                found.add(name)
                waiting += self.commits[name].parents
        return frozenset(found)

    def parents_first(self, commits: Mapping[str, CommitKey]) -> list[str]:
        """Sort `commits` like `reachability.parents_first`."""
        return parents_first(commits, lambda name: self.commits[name].parents)

    def changes(self, blobs: AbstractSet[str], commits: Iterable[str]) -> tuple[list[Changes], list[str]]:
        """Return what `log.changes` returns.

        Raises:
            UnusualError: there is too much to compare.
        """
        steps: list[Changes] = []
        failures: list[str] = []
        for name in commits:
            parsed = self.commits[name]
            if len(parsed.parents) > MOST_PARENTS:
                failures.append(too_many_parents(name))
                continue
            found = tuple(self._changes(parsed, blobs))
            if found:
                steps.append(Changes(parsed.shown, found))
        return steps, sorted(failures)

    def _changes(self, commit: ParsedCommit, blobs: AbstractSet[str]) -> Iterator[Change]:
        befores: list[str | None] = [self.commits[parent].tree for parent in commit.parents] or [None]
        compared = {
            tree: {path: (old, new) for path, old, new in self._compared(tree, commit.tree, b"")} for tree in befores
        }
        first = compared[befores[0]]
        for path in sorted(first):
            mode, name = first[path][1]
            if mode == _SUBMODULE or not all(path in each for each in compared.values()):
                continue
            pairs = [compared[tree][path][0] for tree in befores]
            old = tuple(blob for mode, blob in pairs if mode != _SUBMODULE)
            if name in blobs or not blobs.isdisjoint(old):
                yield Change(path.decode("utf-8", "surrogateescape"), old, name)

    def _compared(
        self, old: str | None, new: str | None, prefix: bytes
    ) -> Iterator[tuple[bytes, tuple[bytes, str], tuple[bytes, str]]]:
        """Yield path, mode and id before, mode and id after of all files that differ between two trees."""
        if old == new:
            return
        if prefix.count(b"/") > _DEEPEST:
            raise UnusualError
        before, after = (self._trees[tree] if tree is not None else {} for tree in (old, new))
        self._left -= len(before) + len(after)
        if self._left < 0:
            raise UnusualError
        for name in before.keys() | after.keys():
            was, now = before.get(name, _ABSENT), after.get(name, _ABSENT)
            if was == now:
                continue
            path = prefix + name
            yield from self._compared(_folder(was), _folder(now), path + b"/")
            was, now = (entry if entry[0] != _FOLDER else _ABSENT for entry in (was, now))
            if was != now:
                yield path, was, now

    def _peeled(self, name: str) -> str:
        """Return the id of the object that the tag `name`, if it is one, leads to."""
        passed = []
        while name not in self._targets:
            item = self._objects[name]
            if item.type != "tag":
                break
            passed.append(name)
            name = _target(item)
        name = self._targets.get(name, name)
        self._targets.update(dict.fromkeys(passed, name))
        return name


def _target(tag: GitObject) -> str:
    found = _TAG.match(tag.data)
    if found is None:
        raise UnusualError
    return found["id"].decode("ascii")


_ABSENT = (b"000000", _NULL)


def _folder(entry: tuple[bytes, str]) -> str | None:
    return entry[1] if entry[0] == _FOLDER else None


class UnusualError(Exception):
    """A repository, or an object in it, is not of the common form; git must be asked about it."""


def unpacked_links(repository: Repository, unpacked: Iterable[GitObject]) -> frozenset[str] | None:
    """Return the ids that `unpacked` objects, the refs and the index of a repository contain, without submodules.

    None if there can be other refs or indexes, or if something is unusual: git must be asked.

    Raises:
        OSError: the index can't be read.
        GitError: git can't read it.
    """
    if repository.shallow or not _is_alone(repository):
        return None
    index = staged_files(repository.git_dir, repository.work_tree) if (repository.git_dir / "index").exists() else b""
    found = {*repository.refs.values(), *(each["id"].decode("ascii") for each in _staged(index))}
    if repository.head is not None:
        found.add(repository.head)
    try:
        for item in unpacked:
            if item.type == "commit":
                parsed = _commit(item)
                found.update((parsed.tree, *parsed.parents))
            elif item.type == "tree":
                found.update(_linked(_tree(item)))
            elif item.type == "tag":
                found.add(_target(item))
    except UnusualError:
        return None
    return frozenset(found)


def _is_alone(repository: Repository) -> bool:
    return not any((repository.git_dir / name).exists() for name in ("commondir", "worktrees", "reftable"))


def _linked(tree: _Tree) -> Iterator[str]:
    return (name for mode, name in tree.values() if mode != _SUBMODULE)


def _staged(index: bytes) -> Iterator[re.Match[bytes]]:
    return (found for found in _INDEXED.finditer(index) if found["mode"] != _SUBMODULE)


def commit_graph(whole: WholeRepository, repository: Repository) -> CommitGraph | None:
    """Return the graph of a repository; None if git must be asked about it."""
    if repository.shallow or repository.partial or repository.object_format != "sha1":
        return None
    folder = repository.git_dir
    if not _is_alone(repository):
        return None
    try:
        index = b""
        if (folder / "index").exists():
            if _UNDO in read_regular(folder / "index", _LARGEST_INDEX):
                return None
            index = staged_files(folder, repository.work_tree)
        return CommitGraph(whole, repository, index)
    except (GitError, OSError, UnusualError):
        return None  # git is asked, and what it can't read is reported then


def _commit(item: GitObject) -> ParsedCommit:
    found = _COMMIT.match(item.data)
    if found is None or b"\nencoding " in item.data[: item.data.find(b"\n\n") + 1]:
        raise UnusualError
    parents = tuple(line[7:].decode("ascii") for line in found["parents"].splitlines())
    author = found["author"].decode("utf-8", "replace")
    shown = Commit(item.id, author, moment(found["when"].decode("ascii")), int(found["committed"]))
    return ParsedCommit(found["tree"].decode("ascii"), parents, shown)


def _tree(item: GitObject) -> _Tree:
    entries: dict[bytes, tuple[bytes, str]] = {}
    at = 0
    while at < len(item.data):
        found = _ENTRY.match(item.data, at)
        if found is None or found["mode"] not in _MODES or found["name"] in entries or b"/" in found["name"]:
            raise UnusualError
        entries[found["name"]] = (found["mode"], found["id"].hex())
        at = found.end()
    return entries
