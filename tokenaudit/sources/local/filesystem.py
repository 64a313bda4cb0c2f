"""A folder or file on disk: all content, whether tracked, untracked or ignored."""

from __future__ import annotations

import errno
import os
import posixpath
import re
import shlex
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tokenaudit.detect.pointers import read_pointers
from tokenaudit.git.command import GitError
from tokenaudit.git.layout import open_repository, safe_git_dir, staged_files
from tokenaudit.git.searched import expect
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext, ScanResult
from tokenaudit.model import Skipped
from tokenaudit.sources.local.file_reader import Listing, SymbolicLink, Unreadable, list_files, read_small, why
from tokenaudit.sources.local.git_locations import hazards, place, without_lines
from tokenaudit.sources.local.parallel import examine_file, search
from tokenaudit.sources.local.pointers import PointerContents, without_content

if TYPE_CHECKING:
    from tokenaudit.exclusions import Exclusions
    from tokenaudit.interfaces import Detection, Pointer


class TreeSource:
    """The files below `path` except its `.git` folder, which is a separate source.

    Symbolic links inside the folder are followed according to `LinkResolver` (the text of every link is scanned), and
    only regular files are opened. File names are also scanned. `path` can also be a single file, or a link to one,
    which is followed. The histories of repositories inside the folder (submodules, vendored clones) are included unless
    `nested_histories` is off. `others` are the real paths of the other targets of the run. With `is_work_tree`, `path`
    is the top of a repository, and content that is not checked out is reported.
    """

    kind = "tree"

    def __init__(
        self,
        path: Path,
        target: str,
        *,
        nested_histories: bool = True,
        others: Sequence[str] = (),
        required: bool = False,
        is_work_tree: bool = False,
    ) -> None:
        self.path = path
        self.target = target
        self.required = required
        self.absent: str | None = None
        self._nested_histories = nested_histories
        self._others = others
        self._is_work_tree = is_work_tree
        self._contents = PointerContents(path)
        self._missing: list[tuple[str, Pointer]] = []
        self.files: tuple[str, ...] = ()
        """Paths of all files, as listed for `findings`."""

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        root = os.fspath(self.path)
        is_folder = self.path.is_dir()
        whole = list_files(root)
        listing = _left(whole, root if is_folder else None, self.path.name, self.target, run.exclusions)
        self.files = tuple(listing.files)
        names = _Names(root if is_folder else None, self.path.name, listing, run)
        run.progress.start(f"files of {self.target}", len(listing.files) + len(listing.links))
        yield from (Skipped(f"{self.target}: {names.shown(each.path)}", each.reason) for each in listing.unreadable)
        yield from (self._sighting(_inside(seen, "file-name"), names.shown(path)) for path, seen in names.sightings)
        for link in listing.links:
            yield from self._in_link(link, run, names)
        before = run.bytes
        if is_folder:
            yield from self._behind_links(listing, run, names)
        for path, seen in sorted(search(listing.files, run).items()):
            yield from self._in_file(path, names.shown(path), seen, run)
        if run.bytes == before and not listing.unreadable and len(listing.files) == len(whole.files):
            self.absent = _nothing_in(listing, is_folder=is_folder)
        yield from without_content(self.target, self._missing)
        if self._is_work_tree:
            yield from not_checked_out(self.path, self.target, history_is_read=self._nested_histories)
        if self._nested_histories:
            expect(map(Path, listing.repositories))
            for folder in listing.repositories:
                yield from self._repository_within(Path(folder), run)

    def _repository_within(self, git_dir: Path, run: ScanContext) -> Iterator[Finding]:
        """Yield the history of a repository in this folder, and what is not checked out of a vendored clone.

        Submodules of this repository are reported with it.
        """
        from tokenaudit.sources.local.git_history import history_within  # noqa: PLC0415 - loads numpy

        yield from history_within(git_dir, self.path, self.target, run)
        if git_dir.name == ".git" and not self._is_work_tree:
            top = git_dir.parent
            name = f"{self.target.rstrip('/')}/{top.relative_to(self.path).as_posix()}"
            yield from not_checked_out(top, name, history_is_read=True)

    def _in_link(self, link: SymbolicLink, run: ScanContext, names: _Names) -> Iterator[Finding]:
        run.read(1, len(link.target))
        if run.scanner.may_contain(link.target):
            examined = run.scanner.scan(link.target)
            inside = examined._replace(detections=tuple(_inside(each, "symlink") for each in examined.detections))
            yield from self._examined(inside, names.shown(link.path))
            yield from self._behind(examined.pointers, link.path, names.shown(link.path), run)

    def _behind_links(self, listing: Listing, run: ScanContext, names: _Names) -> Iterator[Finding]:
        outside = []
        # The content of a locked file of git-annex is in its store, which can be outside of the folder.
        plain = [link for link in listing.links if not read_pointers(link.target)]
        if self._is_work_tree and self._nested_histories:
            # The history and the files of its repository are read at the target, which the report names.
            own = os.fspath(self.path / ".git")
            plain = [link for link in plain if link.path != own]
        resolver = LinkResolver(os.fspath(self.path), self._others)
        for found in resolver.resolve(plain):
            if isinstance(found, Followed):
                run.read(1, Path(found.file).stat().st_size)
                yield from self._in_file(found.file, names.shown(found.link.path), None, run)
            else:
                outside.append((names.shown(found[0].path), found[1]))
        for path, named in git_files(listing.files, os.fspath(self.path)):
            leads_to = resolver.unread_folder(named)
            if leads_to is not None:
                outside.append((names.shown(path), leads_to))
        yield from leads_out(self.target, outside)

    def _in_file(self, path: str, shown: str, seen: ScanResult | None, run: ScanContext) -> Iterator[Finding]:
        try:
            examined = seen if seen is not None else examine_file(path, run.scanner)[0]
        except Unreadable as error:
            yield Skipped(f"{self.target}: {shown}", error.reason)
            return
        yield from self._examined(examined, shown)
        yield from self._behind(examined.pointers, path, shown, run)

    def _behind(self, pointers: Sequence[Pointer], path: str, shown: str, run: ScanContext) -> Iterator[Finding]:
        """Yield the findings in the content of pointers, except files that DVC has checked out in the folder."""
        beside = Path(path).parent
        away = [each for each in pointers if each.path is None or not os.path.lexists(beside / each.path)]
        found = self._contents.scan(away, run.scanner)
        yield from self._examined(ScanResult(found.detections, found.skipped), shown)
        self._missing += [
            (posixpath.join(posixpath.dirname(shown), each.path) if each.path else shown, each)
            for each in found.missing
        ]

    def _examined(self, examined: ScanResult, path: str) -> Iterator[Finding]:
        yield from (Skipped(f"{self.target}: {path}", reason) for reason in examined.skipped)
        yield from (self._sighting(each, path) for each in examined.detections)

    def _sighting(self, seen: Detection, path: str) -> LocatedDetection:
        return LocatedDetection(seen, replace(place("tree", self.target, seen), path=path))


def _left(listing: Listing, root: str | None, name: str, target: str, exclusions: Exclusions) -> Listing:
    """Return `listing` without the files, links and repositories that are excluded."""
    if not exclusions.patterns:
        return listing

    def is_left(path: str) -> bool:
        return not exclusions.leaves_out(target, _below(path, root, name))

    return Listing(
        [path for path in listing.files if is_left(path)],
        [link for link in listing.links if is_left(link.path)],
        listing.unreadable,
        [folder for folder in listing.repositories if is_left(folder.removesuffix(f"{os.sep}.git"))],
    )


def _below(path: str, root: str | None, name: str) -> str:
    """Return `path` relative to the folder `root`, with forward slashes; without a `root`, the name of the file."""
    inside = name if root is None else path[len(root) :].lstrip(os.sep)
    return inside.replace(os.sep, "/")


def _nothing_in(listing: Listing, *, is_folder: bool) -> str:
    if not is_folder:
        return "no content (an empty file)"
    return "no content (all files are empty)" if listing.files else "no files"


class _Names:
    """Displayable file names and their detections. Without a `root`, all belong to the file called `name`."""

    def __init__(self, root: str | None, name: str, listing: Listing, run: ScanContext) -> None:
        self._root = root
        self._name = name
        self._hidden: dict[str, str] = {}
        self.sightings: list[tuple[str, Detection]] = []
        paths = [*listing.files, *(link.path for link in listing.links), *(each.path for each in listing.unreadable)]
        if not run.scanner.may_contain("\n".join(map(self._relative, paths)).encode("utf-8", "replace")):
            return
        for path in paths:
            for seen in run.scanner.scan(self._relative(path).encode("utf-8", "replace")).detections:
                self.sightings.append((path, seen))
                self._hidden[seen.secret.reveal()] = seen.secret.display

    def _relative(self, path: str) -> str:
        return _below(path, self._root, self._name)

    def shown(self, path: str) -> str:
        """Return `path` relative to the root, with credentials masked; invalid UTF-8 remains as lone surrogates."""
        shown = os.fsencode(self._relative(path)).decode("utf-8", "surrogateescape")
        for value, display in self._hidden.items():
            shown = shown.replace(value, display)
        return shown


def _inside(seen: Detection, what: str) -> Detection:
    """Return a detection in something without lines."""
    return replace(without_lines(seen), via=(what, *seen.via))


_ENTRY = re.compile(rb"(?P<tag>[A-Za-z?]) (?P<mode>[0-7]{6}) [0-9a-f]+ \d\t(?P<path>[^\0]*)\0")
_SUBMODULE = b"160000"
_NOT_CHECKED_OUT = b"S"
_MOST_NAMED = 20


def not_checked_out(path: Path, target: str, *, history_is_read: bool) -> Iterator[Skipped]:
    """Yield submodules without content at any depth below the working tree `path`, and files not in a sparse checkout.

    The files excluded by a sparse checkout are objects of the repository: with `history_is_read` they are read.
    """
    try:
        git_dir = safe_git_dir(path / ".git")
        if git_dir != path / ".git":
            yield from hazards(open_repository(path), target)
        listing = staged_files(git_dir, path)
    except GitError as error:
        yield Skipped(target, f"git can't list its index: {error}")
        return
    empty, left_out = [], 0
    for entry in _ENTRY.finditer(listing):
        name = entry["path"]
        shown = name.decode("utf-8", "surrogateescape")
        folder = path / os.fsdecode(name)
        if entry["mode"] == _SUBMODULE and os.path.lexists(folder / ".git"):
            yield from not_checked_out(folder, f"{target.rstrip('/')}/{shown}", history_is_read=history_is_read)
        elif entry["mode"] == _SUBMODULE and not (folder.is_dir() and any(folder.iterdir())):
            empty.append(shown)
        elif entry["tag"] == _NOT_CHECKED_OUT and not os.path.lexists(path / os.fsdecode(name)):
            left_out += 1
    for shown in empty[:_MOST_NAMED]:
        command = f"git submodule update --init {shlex.quote(shown)}"
        yield Skipped(f"{target}: {shown}", f"submodule not checked out; fetch it with: {command}")
    if len(empty) > _MOST_NAMED:
        reason = "more submodules not checked out; fetch them with: git submodule update --init --recursive"
        yield Skipped(target, f"{len(empty) - _MOST_NAMED:,} {reason}")
    if left_out and not history_is_read:
        reason = "sparse checkout omits files; restore them with: git sparse-checkout disable"
        yield Skipped(target, f"{left_out:,} {reason}")


_CACHED_REPOSITORY = re.compile(r"(?:models|datasets|spaces|kernels)--")
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class Followed(NamedTuple):
    """A link whose content is read: `file` is its target."""

    link: SymbolicLink
    file: str


class LinkResolver:
    """Decides which links of a folder are followed.

    A link to a file that is read anyway is ignored. A link into the same repository of a Hugging Face cache is
    followed: snapshots there consist of links. A link to other data outside is not followed, because the folder's
    author could point it at any file of the auditor; it is reported. Programs (the interpreter of a virtual
    environment) and devices are ignored.
    """

    def __init__(self, root: str, others: Sequence[str] = ()) -> None:
        """`others` are the real paths of the other targets of the run."""
        self._root = os.path.realpath(root)
        self._read = [self._root, *others]
        self._cache = cached_repository(self._root)

    def resolve(self, links: Sequence[SymbolicLink]) -> Iterator[Followed | tuple[SymbolicLink, str]]:
        """Yield the links to follow, and those to unread targets, each with its target."""
        for link in links:
            real = os.path.realpath(link.path)
            if self._is_read(real):
                continue
            try:
                mode = Path(real).stat().st_mode
            except OSError as error:
                if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                    yield link, f"{real} ({why(error)})"
                continue  # broken link, or a loop
            if self._cache is not None and stat.S_ISREG(mode) and _is_within(real, self._cache):
                yield Followed(link, real)
            elif stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not mode & _EXECUTABLE):
                yield link, real

    def unread_folder(self, path: str) -> str | None:
        """Return the real path of the folder `path` if that is not read, else None."""
        real = os.path.realpath(path)
        return real if Path(real).is_dir() and not self._is_read(real) else None

    def _is_read(self, real: str) -> bool:
        return any(_is_within(real, folder) for folder in self._read)


_GITDIR = re.compile(rb"gitdir: (?P<folder>[^\r\n\0]+)")


def git_files(files: Sequence[str], root: str) -> Iterator[tuple[str, str]]:
    """Yield the `.git` files below `root` (except its own), and the repositories that they name.

    Format: gitrepository-layout(5), "gitfile".
    """
    for path in files:
        folder, name = os.path.split(path)
        if name != ".git" or folder == root:
            continue
        found = _GITDIR.match(read_small(path) or b"")
        if found:
            yield path, os.fspath(Path(folder, os.fsdecode(found["folder"].rstrip())))


def cached_repository(folder: str) -> str | None:
    """Return the folder of the blobs that a snapshot of a Hugging Face cache in or around `folder` links to.

    Layout: huggingface_hub's guide "Understand caching": `models--org--name/{blobs,refs,snapshots}`.
    """
    for parent in (Path(folder), *Path(folder).parents):
        if _CACHED_REPOSITORY.match(parent.name) and (parent / "snapshots").is_dir() and (parent / "blobs").is_dir():
            return os.fspath(parent / "blobs")
    return None


def leads_out(target: str, shown: Sequence[tuple[str, str]]) -> Iterator[Skipped]:
    """Yield one line for each (name, target) of a link, up to twenty, then the number of the others."""
    for name, leads_to in shown[:_MOST_NAMED]:
        reason = f"a link to {leads_to}, outside the target, not read; add it as a target"
        yield Skipped(f"{target}: {name}", reason)
    if len(shown) > _MOST_NAMED:
        yield Skipped(target, f"{len(shown) - _MOST_NAMED:,} more links to files outside the target, not read")


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
