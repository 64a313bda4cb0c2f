"""A folder or file on disk: everything in it, tracked, untracked and ignored alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.sources.local.file_reader import Listing, SymbolicLink, Unreadable, list_files
from tokenaudit.sources.local.nested_repositories import history_within
from tokenaudit.sources.local.parallel import examine_file, search

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection, ScanResult


class TreeSource:
    """The files below `path` except its `.git` folder, which is a place of its own.

    No symbolic link is followed (the text of its target is examined), and nothing but regular files is opened. Names
    of files are examined too. `path` may also be a single file. Repositories inside the folder (submodules, vendored
    clones) give their histories as well, unless `nested_histories` is off.
    """

    kind = "tree"

    def __init__(self, path: Path, target: str, *, nested_histories: bool = True) -> None:
        self.path = path
        self.target = target
        self._nested_histories = nested_histories
        self.files: tuple[str, ...] = ()
        """Paths of all files, as they were listed for `findings`."""

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `sources.interface.Source`."""
        root = os.fspath(self.path)
        listing = list_files(root)
        self.files = tuple(listing.files)
        names = _Names(root, listing, run)
        run.progress.start(f"files of {self.target}", len(listing.files))
        yield from (Skipped(f"{self.target}: {names.shown(each.path)}", each.reason) for each in listing.unreadable)
        yield from (self._sighting(_inside(seen, "file-name"), names.shown(path)) for path, seen in names.sightings)
        for link in listing.links:
            yield from self._in_link(link, run, names)
        for path, seen in sorted(search(listing.files, run).items()):
            yield from self._in_file(path, seen, run, names)
        if self._nested_histories:
            for folder in listing.repositories:
                yield from history_within(Path(folder), self.path, self.target, run)

    def _in_link(self, link: SymbolicLink, run: ScanContext, names: _Names) -> Iterator[Finding]:
        run.read(1, len(link.target))
        if run.scanner.may_contain(link.target):
            examined = run.scanner.scan(link.target)
            inside = replace(examined, detections=tuple(_inside(each, "symlink") for each in examined.detections))
            yield from self._examined(inside, names.shown(link.path))

    def _in_file(self, path: str, seen: list[ScanResult] | None, run: ScanContext, names: _Names) -> Iterator[Finding]:
        shown = names.shown(path)
        try:
            windows = seen if seen is not None else examine_file(path, run.scanner)[0]
        except Unreadable as error:
            yield Skipped(f"{self.target}: {shown}", error.reason)
            return
        # windows overlap, so some things are seen twice
        yield from dict.fromkeys(each for window in windows for each in self._examined(window, shown))

    def _examined(self, examined: ScanResult, path: str) -> Iterator[Finding]:
        yield from (Skipped(f"{self.target}: {path}", reason) for reason in examined.skipped)
        yield from (self._sighting(each, path) for each in examined.detections)

    def _sighting(self, seen: Detection, path: str) -> LocatedDetection:
        location = Location(
            source="tree",
            target=self.target,
            path=path,
            line=seen.line,
            column=seen.column,
            via=seen.via,
            member=seen.member,
            variable=seen.variable,
        )
        return LocatedDetection(seen, location)


class _Names:
    """Names of files as they may be shown, and what was seen in them."""

    def __init__(self, root: str, listing: Listing, run: ScanContext) -> None:
        self._root = root
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
        inside = path[len(self._root) :].lstrip(os.sep) if path != self._root else Path(path).name
        return inside.replace(os.sep, "/")

    def shown(self, path: str) -> str:
        r"""`path` relative to the root; bytes that are no UTF-8 as `\\xNN`, and credentials in it masked."""
        shown = os.fsencode(self._relative(path)).decode("utf-8", "backslashreplace")
        for value, display in self._hidden.items():
            shown = shown.replace(value, display)
        return shown


def _inside(seen: Detection, what: str) -> Detection:
    """A detection in something that has no lines."""
    return replace(seen, line=None, column=None, via=(what, *seen.via))
