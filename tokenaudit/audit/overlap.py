"""Places that several targets of one run share, such as `src` beside `.`: each counts once."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tokenaudit.audit.aggregate import Findings
from tokenaudit.model import Location, Problem, Target

_MODULES = ".git/modules/"


def count_once(findings: Findings) -> None:
    """Takes out of `findings` what is there once more because two of its targets overlap."""
    shared = SharedPlaces(findings.targets)
    if shared.are_possible:
        for mark, credential in findings.credentials.items():
            findings.credentials[mark] = replace(credential, locations=shared.locations(credential.locations))
        findings.problems = shared.problems(findings.problems)


class SharedPlaces:
    """The places of a run on disk. Of one that is in several targets the innermost repository's is kept."""

    def __init__(self, targets: Sequence[Target]) -> None:
        here = Path.cwd().as_posix()
        self._roots = {
            each.target: posixpath.normpath(posixpath.join(here, each.repository, each.inside))
            for each in targets
            if each.repository is not None
        }
        self._depth = {each.target: len(posixpath.join(here, each.repository or "")) for each in targets}

    @property
    def are_possible(self) -> bool:
        """Whether one target can lie in another."""
        return len(self._roots) > 1

    def locations(self, found: Sequence[Location]) -> tuple[Location, ...]:
        """`found` without what another target has as well, in the same order."""
        kept: dict[Location, Location] = {}
        for each in found:
            place = self._place(each.target, each.path)
            # A nested repository is read for its history as well, whose sightings in the tree are the same places.
            key = replace(each, target=place[0], path=place[1])
            if key not in kept or self._is_better(each.target, kept[key].target):
                kept[key] = each
        chosen = set(kept.values())
        return tuple(each for each in found if each in chosen)

    def problems(self, found: Sequence[Problem]) -> list[Problem]:
        """The same for problems in configuration."""
        kept: dict[Problem, Problem] = {}
        for each in found:
            place = self._place(each.target, each.path)
            key = replace(each, target=place[0], path=place[1], patch=None)
            if key not in kept or self._is_better(each.target, kept[key].target):
                kept[key] = each
        chosen = set(kept.values())
        return [each for each in found if each in chosen]

    def _place(self, target: str, path: str | None) -> tuple[str, str | None]:
        """The file's whole path where it is one on this machine, else the target and what it has."""
        root, below = self._root(target)
        if root is None:
            return target, path
        if path is None:
            return posixpath.normpath(posixpath.join(root, below)), None
        return "", posixpath.normpath(posixpath.join(root, below, path))

    def _root(self, target: str) -> tuple[str | None, str]:
        if target in self._roots:
            return self._roots[target], ""
        for name in sorted(self._roots, key=len, reverse=True):
            folder = name.rstrip("/") + "/"
            if target.startswith(folder):
                return self._roots[name], target.removeprefix(folder).removeprefix(_MODULES)
        return None, ""

    def _is_better(self, target: str, other: str) -> bool:
        return self._depth.get(target, 0) > self._depth.get(other, 0)
