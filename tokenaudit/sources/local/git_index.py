"""Staged changes: the index, where it differs from HEAD."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import index_of_hook, open_repository, safe_git_dir
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.objects import Unread
from tokenaudit.interfaces import Finding, LocatedDetection, Pointer, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.git_locations import examine_object, hazards, place
from tokenaudit.sources.local.pointers import PointerContents, without_content

_SUBMODULE = "160000"


@dataclass(frozen=True)
class _Entry:
    path: str
    mode: str
    old: str
    new: str


class StagedSource:
    """The blobs in the index of `path` (the top of a working tree) that HEAD doesn't have at the same path.

    Only what the next commit would introduce is reported: a credential that HEAD already has at the same path, or at
    one that is removed in the same commit (a rename), belongs to the history. Inside a pre-commit hook the index is the
    one that git names there, so `git commit FILE` is scanned as it would be committed. If pre-commit runs the hook with
    nothing staged (`pre-commit run --all-files`, `--files`), every file in the index is read as part of the tree.
    """

    kind = "git"

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        try:
            git_dir = safe_git_dir(self.path / ".git")
            source, entries = self._entries(git_dir)
        except GitError as error:
            yield Skipped(self.target, str(error))
            return
        yield from self._hazards(git_dir)
        run.progress.start(f"{source} files of {self.target}", len(entries))
        contents = PointerContents(self.path)
        missing: list[tuple[str, Pointer]] = []
        with ObjectReader(git_dir) as reader:
            known: frozenset[str] | None = None
            for entry in entries:
                if entry.mode == _SUBMODULE or not entry.new.strip("0"):
                    continue
                if run.exclusions.leaves_out(self.target, entry.path):
                    continue
                examined = examine_object(reader, entry.new, run, entry.path)
                if isinstance(examined, Unread):
                    yield Skipped(f"{self.target}: {entry.path}", examined.reason)
                    continue
                behind = contents.scan(examined.pointers, run.scanner)
                missing += [(entry.path, pointer) for pointer in behind.missing]
                for reason in (*examined.skipped, *behind.skipped):
                    yield Skipped(f"{self.target}: {entry.path}", reason)
                detections = (*examined.detections, *behind.detections)
                if detections and known is None:
                    known = _removed(entries, reader, run)
                here = _marks(entry.old, reader, run) if detections else frozenset()
                for seen in detections:
                    if seen.change_key not in here | (known or frozenset()):
                        location = replace(place(source, self.target, seen), path=entry.path, object=entry.new)
                        yield LocatedDetection(seen, location)
        yield from without_content(self.target, missing)

    def _entries(self, git_dir: Path) -> tuple[str, list[_Entry]]:
        """Return the entries to read and their source: staged ones, or in a hook with nothing staged all."""
        staged = list(_differences(self.path, git_dir))
        if staged or os.environ.get("PRE_COMMIT") != "1":
            return "staged", staged
        return "tree", list(_differences(self.path, git_dir, from_nothing=True))

    def _hazards(self, git_dir: Path) -> Iterator[Skipped]:
        if git_dir != self.path / ".git":
            yield from hazards(open_repository(self.path), self.target)


def _differences(path: Path, git_dir: Path, *, from_nothing: bool = False) -> Iterator[_Entry]:
    base = ""
    if not from_nothing:
        head = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", git_dir=git_dir, allowed=(0, 1))
        base = head.decode().strip()
    base = base or git("hash-object", "-t", "tree", "--stdin", git_dir=git_dir).decode().strip()
    index = index_of_hook(path)
    listing = git(
        "diff-index", "--cached", "--raw", "-z", "--no-renames", "--ignore-submodules=all", "--no-abbrev", base, "--",
        git_dir=git_dir, cwd=path, keep=["GIT_INDEX_FILE"] if index else [],
    )  # fmt: skip
    fields = iter(listing.decode("utf-8", "surrogateescape").split("\0")[:-1])
    for meta, name in zip(fields, fields, strict=True):
        _, mode, old, new, _ = meta.split(" ")
        yield _Entry(name, mode, old, new)


def _removed(entries: list[_Entry], reader: ObjectReader, run: ScanContext) -> frozenset[str]:
    marks = [_marks(entry.old, reader, run) for entry in entries if not entry.new.strip("0") and entry.mode == "000000"]
    return frozenset().union(*marks)


def _marks(blob: str, reader: ObjectReader, run: ScanContext) -> frozenset[str]:
    examined = examine_object(reader, blob, run, is_counted=False) if blob.strip("0") else None
    if examined is None or isinstance(examined, Unread):
        return frozenset()
    return frozenset(seen.change_key for seen in examined.detections)
