"""What the code in the places where credentials were found needs of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tokenaudit.gather import Gathered
from tokenaudit.git.catfile import ObjectReader
from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import open_repository
from tokenaudit.git.objects import Unread
from tokenaudit.model import Credential, Entity, Evidence, Problem, Recommendation, Visibility
from tokenaudit.remediate.needs import needs_of, reads
from tokenaudit.remediate.permissions import READ
from tokenaudit.remediate.recommendation import recommend
from tokenaudit.sources.files import Unreadable, list_files, read_windows
from tokenaudit.sources.interface import Source

_NOT_OURS = frozenset(
    {"node_modules", "site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "__pycache__", "vendor", ".git"}
)
"""Folders of other people's code, whose needs are not those of the project."""

_WITH_CODE = frozenset({"git", "tree", "ci", "history"})
_SPOTS = 3
_MOST_ASKED = 50
_ASKABLE = frozenset({"model", "dataset", "space"})

Ask = Callable[[Entity], Visibility | None]


@dataclass(frozen=True)
class Uses:
    """Evidence by target, and what could not be read of the code there.

    The latter is no gap of the audit, whose question is where credentials stand: it only limits the advice.
    """

    evidence: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def advise(self, credential: Credential) -> Recommendation:
        """The replacement for `credential`, given the code of the targets that hold it."""
        targets = list(dict.fromkeys(location.target for location in credential.locations))
        patches = {p.patch for p in self.problems if p.patch and p.target in targets}
        patch = patches.pop() if len(patches) == 1 else None
        advice = recommend(credential, self._evidence(targets), patch=patch)
        unread = [reason for target in targets for reason in self.unread.get(target, ())]
        if not unread:
            return advice
        more = f" and {len(unread) - _SPOTS} more" if len(unread) > _SPOTS else ""
        return replace(advice, notes=(*advice.notes, f"Not read for needs: {'; '.join(unread[:_SPOTS])}{more}."))

    def _evidence(self, targets: Sequence[str]) -> tuple[Evidence, ...]:
        """What was seen in `targets`, at most three spots for each need."""
        spots: dict[tuple[object, ...], int] = {}
        kept = []
        for item in (e for target in targets for e in self.evidence.get(target, ())):
            key = (item.need, item.entity, item.certainty, item.job, item.target)
            spots[key] = spots.get(key, 0) + 1
            if spots[key] <= _SPOTS:
                kept.append(item)
        return tuple(kept)


def read_uses(sources: Iterable[Source], gathered: Gathered, ask: Ask | None = None) -> Uses:
    """Reads the code of each place that holds a credential: its working tree, or HEAD where it is bare.

    Places without a credential are not read. `ask` tells who may read a repository that code names; without it the
    repositories' visibility stays unknown.
    """
    targets = {
        location.target
        for credential in gathered.credentials.values()
        if credential.likelihood == "credential"
        for location in credential.locations
    }
    places = {
        source.target: getattr(source, "path", None)
        for source in sources
        if source.target in targets and source.kind in _WITH_CODE
    }
    evidence: dict[str, tuple[Evidence, ...]] = {}
    unread: dict[str, tuple[str, ...]] = {}
    for target, path in places.items():
        if isinstance(path, Path):
            reasons: list[str] = []
            evidence[target] = tuple(_read(path, target, reasons))
            unread[target] = tuple(reasons)
    if ask is not None:
        evidence = _asked(evidence, ask)
    return Uses(evidence, unread, tuple(gathered.problems))


def _read(path: Path, target: str, unread: list[str]) -> Iterator[Evidence]:
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    for name, data in _committed(path, unread) if bare else _on_disk(path, unread):
        found = needs_of(name, data)
        unread += found.skipped
        yield from (replace(e, target=target) for e in found.evidence)


def _ours(name: str) -> bool:
    return reads(name) and not _NOT_OURS.intersection(name.split("/"))


def _on_disk(path: Path, unread: list[str]) -> Iterator[tuple[str, bytes]]:
    top = os.fspath(path)
    for file in sorted(list_files(top).files):
        name = os.path.relpath(file, top) if file != top else path.name
        shown = os.fsencode(name.replace(os.sep, "/")).decode("utf-8", "backslashreplace")
        if _ours(shown):
            try:
                yield shown, next(iter(read_windows(file))).data
            except Unreadable as error:
                unread.append(f"{shown}: {error.reason}")


def _committed(path: Path, unread: list[str]) -> Iterator[tuple[str, bytes]]:
    try:
        git_dir = open_repository(path).git_dir
        listing = git("ls-tree", "-r", "-z", "--full-tree", "HEAD", git_dir=git_dir, allowed=(0, 128))
        with ObjectReader(git_dir) as reader:
            for entry in listing.split(b"\0")[:-1]:
                head, _, raw = entry.partition(b"\t")
                mode, _, blob = head.decode().split(" ")
                name = raw.decode("utf-8", "backslashreplace")
                if mode.startswith("100") and _ours(name):
                    found = reader.read(blob)
                    if isinstance(found, Unread):
                        unread.append(f"{name}: {found.reason}")
                    else:
                        yield name, found.data
    except GitError as error:
        unread.append(f"HEAD: {error}")


def _asked(evidence: Mapping[str, Sequence[Evidence]], ask: Ask) -> dict[str, tuple[Evidence, ...]]:
    """The same evidence with what a stranger sees of the repositories that are read, 50 of them at most."""
    named = {
        e.entity: None
        for found in evidence.values()
        for e in found
        if e.need == READ and e.entity and e.entity.name and e.entity.type in _ASKABLE
    }
    seen = {entity: ask(entity) for entity in list(named)[:_MOST_ASKED]}
    return {
        target: tuple(replace(e, visibility=seen.get(e.entity)) if e.entity else e for e in found)
        for target, found in evidence.items()
    }
