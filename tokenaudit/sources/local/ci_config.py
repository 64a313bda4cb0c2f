"""CI and deployment configuration of a repository or folder as a source."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from tokenaudit import ci
from tokenaudit.ci import is_ci_file, may_be_ci
from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import (
    Repository,
    enclosing_git_dir,
    files_of_head,
    index_of_hook,
    open_repository,
    safe_git_dir,
)
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.objects import Unread
from tokenaudit.git.reachability import is_null_id
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.file_reader import Unreadable, list_files, read_windows
from tokenaudit.sources.local.git_locations import place
from tokenaudit.sources.local.loads import load_findings

_HOSTED = re.compile(r"(?:github\.com|gitlab\.[\w.-]+)[/:]((?:[\w.-]+/)+[\w.-]+?)(?:\.git)?/?$")
_UNPINNED = "ci-unpinned-remote-code"
_REGULAR = frozenset({"100644", "100755"})


class CiSource:
    """The configuration files in the folder `path`, or that one file; of a bare repository, those of HEAD's tree.

    `refs` names additional commits whose trees are read: any revision, or `*` for the tip of every ref. Findings in
    them name the ref; findings already reported for the folder (or HEAD) are not repeated. `secret_names` adds names
    that count as Hugging Face credentials. `zizmor` includes the findings of that program, if it is installed, for the
    jobs that use a credential.
    """

    kind = "ci"

    def __init__(
        self,
        path: Path,
        target: str,
        secret_names: Sequence[str] = (),
        refs: Sequence[str] = (),
        *,
        zizmor: bool = False,
        required: bool = False,
    ) -> None:
        self.path = path
        self.target = target
        self.secret_names = tuple(secret_names)
        self.refs = tuple(refs)
        self.zizmor = zizmor
        self.required = required
        self.absent: str | None = "no CI configuration"
        self._scripts: dict[str, str] = {}

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        bare = (self.path / "HEAD").is_file() and (self.path / "objects").is_dir()
        seen: set[Finding] = set()
        trees: list[str] = []
        if not bare:
            skipped: list[Skipped] = []
            names: dict[str, str] = {}
            self._scripts.clear()
            files = _folder_files(self.path, self.target, skipped, run, names)
            yield from self._audit(files, run, None, seen)
            excluded = {file for file, name in names.items() if run.exclusions.leaves_out(self.target, name)}
            if any(may_be_ci(names[file]) for file in excluded):
                self.absent = None
            names = {file: name for file, name in names.items() if file not in excluded}
            known = {one.path for one in seen if isinstance(one, Problem) and one.rule == _UNPINNED}
            for found in load_findings(names, self.target, self._scripts, {path for path in known if path}):
                finding = self._finding(found)
                if finding not in seen:
                    seen.add(finding)
                    yield finding
            yield from skipped
        if bare or self.refs:
            try:
                repository = open_repository(self.path)
                git_dir = repository.git_dir
                trees = _trees(repository, self.refs, head=bare)
            except GitError as error:
                yield Skipped(self.target, f"CI configuration can't be read: {error}")
                return
            with ObjectReader(git_dir) as reader:
                for number, tree in enumerate(trees):
                    missing: list[Skipped] = []
                    try:
                        entries = tree_entries(git_dir, tree)
                    except GitError as error:
                        yield Skipped(self.target, f"CI configuration at {tree} can't be read: {error}")
                        continue
                    files = listed_files(entries, reader, self.target, missing, run)
                    shown = None if bare and not number else tree
                    yield from self._audit(files, run, shown, seen)
                    yield from missing

    def _audit(
        self, files: Iterator[tuple[str, bytes]], run: ScanContext, ref: str | None, seen: set[Finding]
    ) -> Iterator[Finding]:
        for found in self._found(files, run):
            finding = self._finding(found)
            if finding in seen:
                continue
            seen.add(finding)
            if ref is None:
                yield finding
            elif isinstance(finding, Problem):
                yield replace(finding, message=f"{finding.message} (in {ref})")
            elif isinstance(finding, LocatedDetection):
                yield LocatedDetection(finding.detection, replace(finding.location, in_head=False, object=ref))
            else:
                yield replace(finding, reason=f"{finding.reason} (in {ref})")

    def _found(self, files: Iterator[tuple[str, bytes]], run: ScanContext) -> Iterator[Problem | Skipped | ci.Literal]:
        files = self._noted(files)
        kept: list[tuple[str, bytes]] = []
        if self.zizmor:
            kept = list(files)
            files = iter(kept)
        first = next(files, None)
        if first is None:
            return  # as in most folders: the configuration reader is not loaded
        yield from ci.audit_files(
            chain([first], files), self.target, self.secret_names, run.scanner, self._hosted_as(), self._scripts
        )
        for path, data in kept:
            yield from ci.folded_in(path, data, self.target, self.secret_names)

    def _noted(self, files: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for name, data in files:
            if is_ci_file(name, data):
                self.absent = None
            yield name, data

    def _hosted_as(self) -> str | None:
        """Return `owner/name` from the remote origin, for the claims of a Trusted Publisher; None if there is none."""
        try:
            git_dir = enclosing_git_dir(self.path)
            if git_dir is None:
                return None
            url = git("config", "--get", "remote.origin.url", git_dir=safe_git_dir(git_dir), allowed=(0, 1)).decode()
        except (GitError, UnicodeDecodeError):
            return None  # the advice then explains where to insert the name
        match = _HOSTED.search(url.strip())
        return match[1] if match else None

    def _finding(self, found: Problem | Skipped | ci.Literal) -> Finding:
        if isinstance(found, Skipped):
            return found
        path = self.path.name if self.path.is_file() else found.path
        if isinstance(found, Problem):
            return replace(found, path=path)
        return LocatedDetection(found.detection, replace(place("ci", self.target, found.detection), path=path))


def _folder_files(
    root: Path, target: str, skipped: list[Skipped], run: ScanContext, names: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield the configuration files of a folder; `names` gets every file with its name in the report."""
    top = os.fspath(root)
    listing = list_files(top)
    # The type of a single file can depend on the folders that contain it.
    whole = None if root.is_dir() else os.fspath(root.absolute()).lstrip(os.sep)
    names.update({file: _shown(whole or os.path.relpath(file, top), run) for file in listing.files})

    def where(path: str) -> str:
        return f"{target}: {_shown(root.name if whole else os.path.relpath(path, top), run)}"

    skipped += [Skipped(where(each.path), each.reason) for each in listing.unreadable]
    for file, name in sorted(names.items()):
        if not may_be_ci(name):
            continue
        # Another pipeline can include an excluded YAML file.
        if not name.endswith((".yml", ".yaml")) and run.exclusions.leaves_out(target, name):
            continue
        try:
            window, *more = islice(read_windows(file), 2)
        except Unreadable as error:
            skipped.append(Skipped(where(file), error.reason))
            continue
        data = window.data
        if more:
            skipped.append(Skipped(f"{target}: {name}", f"larger than {len(data) >> 20} MiB; the rest was not read"))
        if is_ci_file(name, data):
            run.read(1, len(data))
        yield name, data  # the audit ignores other YAML unless a pipeline includes it


def _shown(path: str, run: ScanContext) -> str:
    """Return the path with forward slashes and without credentials; invalid UTF-8 remains as lone surrogates."""
    raw = os.fsencode(path.replace(os.sep, "/"))
    shown = raw.decode("utf-8", "surrogateescape")
    if run.scanner.may_contain(raw):
        for detection in run.scanner.scan(raw).detections:
            shown = shown.replace(detection.secret.reveal(), detection.secret.display)
    return shown


def _trees(repository: Repository, refs: Sequence[str], *, head: bool) -> list[str]:
    """Return the revisions to read: HEAD first if requested, then those named, each commit once."""
    git_dir = repository.git_dir
    named = ["HEAD"] if head and repository.head is not None else []
    if not refs:
        return named
    for ref in refs:
        if ref == "*":
            listing = git("for-each-ref", "--format=%(refname)", git_dir=git_dir)
            named += listing.decode("utf-8", "surrogateescape").splitlines()
        else:
            named.append(ref)
    found: dict[str, str] = {}
    for name in named:
        answer = git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}",
            git_dir=git_dir, allowed=(0, 1, 128),
        ).decode().split()  # fmt: skip
        if answer:
            found.setdefault(answer[-1], name)
        elif name in refs:
            message = f"revision {name} does not exist"
            raise GitError(message)
    return list(found.values())


TreeEntry: TypeAlias = tuple[str, str, str]
"""Mode, object id and path, as listed by a tree or the index."""


def tree_entries(git_dir: Path, tree: str) -> list[TreeEntry]:
    """Return the files of a tree, at any depth."""
    is_head = tree == "HEAD"
    listing = files_of_head(git_dir) if is_head else git("ls-tree", "-r", "-z", "--full-tree", tree, git_dir=git_dir)
    entries = []
    for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, _, blob = head.split(" ")
        entries.append((mode, blob, path))
    return entries


def listed_files(
    entries: Iterable[TreeEntry], reader: ObjectReader, target: str, skipped: list[Skipped], run: ScanContext
) -> Iterator[tuple[str, bytes]]:
    """Yield paths and contents of the entries that can be configuration; unreadable ones are added to `skipped`."""
    for mode, blob, path in entries:
        name = _shown(path, run)
        if mode not in _REGULAR or not may_be_ci(name):
            continue
        found = reader.read(blob)
        if isinstance(found, Unread):
            skipped.append(Skipped(f"{target}: {name}", found.reason))
        else:
            run.read(1, len(found.data))
            yield name, found.data


_Key: TypeAlias = tuple[str, str | None, str | None, str | None]


class CiChangesSource:
    """New problems in the configuration.

    Staged files are compared with HEAD or, with `since`, `until` with its merge base with that revision. A problem that
    only moved to another line is not new. Literals are left to the sources that read the change itself. Nothing is
    parsed unless the change includes a possible configuration file.
    """

    kind = "ci"

    def __init__(
        self,
        path: Path,
        target: str,
        since: str | None = None,
        secret_names: Sequence[str] = (),
        until: str = "HEAD",
    ) -> None:
        self.path = path
        self.target = target
        self.since = since
        self.until = until
        self.secret_names = tuple(secret_names)

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`. An unknown `since` is a `Skipped`; the range's source reports details."""
        try:
            is_change = self.since is not None  # also in bare repositories; only a working tree has staged files
            git_dir = open_repository(self.path).git_dir if is_change else safe_git_dir(self.path / ".git")
            if self.since is None and not any(may_be_ci(name) for name in _staged_names(self.path, git_dir)):
                return
            before, after = self._sides(git_dir)
        except GitError as error:
            yield Skipped(self.target, f"CI configuration can't be compared: {error}")
            return
        if not any(may_be_ci(path) for _, _, path in set(before) ^ set(after)):
            return
        with ObjectReader(git_dir) as reader:
            known = {_key(found) for found in self._audit(before, reader, run) if isinstance(found, Problem)}
            for found in self._audit(after, reader, run):
                if isinstance(found, Skipped) or _key(found) not in known:
                    yield found

    def _audit(
        self, entries: Sequence[TreeEntry], reader: ObjectReader, run: ScanContext
    ) -> Iterator[Problem | Skipped]:
        skipped: list[Skipped] = []
        files = listed_files(entries, reader, self.target, skipped, run)
        for found in ci.audit_files(files, self.target, self.secret_names, run.scanner):
            if not isinstance(found, ci.Literal):
                yield found
        yield from skipped

    def _sides(self, git_dir: Path) -> tuple[list[TreeEntry], list[TreeEntry]]:

        tip = "HEAD" if self.since is None else self.until
        name = f"{tip}^{{commit}}"
        found = git("rev-parse", "--verify", "--quiet", "--end-of-options", name, git_dir=git_dir, allowed=(0, 1))
        head = found.decode().split()[-1] if found.strip() else ""
        if self.since is None:
            return tree_entries(git_dir, head) if head else [], _index(self.path, git_dir)
        if not head or is_null_id(self.since):
            return [], tree_entries(git_dir, head) if head else []
        commit = git("rev-parse", "--verify", "--end-of-options", f"{self.since}^{{commit}}", git_dir=git_dir)
        base = commit.decode().split()[-1]
        shared = git("merge-base", base, head, git_dir=git_dir, allowed=(0, 1)).decode().split()
        return tree_entries(git_dir, shared[0] if shared else base), tree_entries(git_dir, head)


def _staged_names(path: Path, git_dir: Path) -> list[str]:
    keep = ["GIT_INDEX_FILE"] if index_of_hook(path) else []
    head = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", git_dir=git_dir, allowed=(0, 1))
    if not head:
        return [name for _, _, name in _index(path, git_dir)]
    listing = git(
        "diff-index",
        "--cached",
        "--name-only",
        "-z",
        "--no-renames",
        "--ignore-submodules=all",
        "HEAD",
        "--",
        git_dir=git_dir,
        cwd=path,
        keep=keep,
    )
    return listing.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _key(problem: Problem) -> _Key:
    """Return the key by which problems are equal, independent of their line."""
    return problem.rule, problem.path, problem.where, problem.credential_name


def _index(path: Path, git_dir: Path) -> list[TreeEntry]:
    keep = ["GIT_INDEX_FILE"] if index_of_hook(path) else []
    listing = git("ls-files", "--stage", "-z", git_dir=git_dir, cwd=path, keep=keep)
    entries = []
    for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        head, _, name = line.partition("\t")
        mode, blob, _ = head.split(" ")
        entries.append((mode, blob, name))
    return entries
