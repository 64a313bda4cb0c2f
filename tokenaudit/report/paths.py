"""Files as the repository's host knows them: relative to its root, whatever the target was."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenaudit.model import Location, Report, Target

_MODULES = ".git/modules/"
HERE = "."


@dataclass(frozen=True)
class RepositoryFile:
    """A file of a repository. `root` is the repository by its name in the report, `path` is relative to it."""

    root: str
    path: str | None


class RepositoryPaths:
    """The files of a report. With more than one root, a path alone doesn't say which file is meant."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = {target.target: target for target in targets}
        self._by_length = sorted(self._targets, key=len, reverse=True)
        self._local = {target.repository for target in self._targets.values() if target.repository is not None}

    @classmethod
    def of(cls, report: Report) -> RepositoryPaths:
        """Those of all targets of `report`."""
        return cls(report.targets)

    def location(self, location: Location) -> RepositoryFile:
        """The file that `location` is in."""
        return self.place(location.target, location.path)

    def place(self, target: str, path: str | None) -> RepositoryFile:
        """The file `path` of `target`, which can also be a repository inside of a target, such as a submodule."""
        known, below = self._known(target)
        if known is None:
            return RepositoryFile(target, path)
        root = known.repository if known.repository is not None else known.target
        return RepositoryFile(
            root, posixpath.normpath(posixpath.join(known.inside, below, path)) if path is not None else None
        )

    def identity(self, place: RepositoryFile) -> str:
        """The root in the identity of a finding: the same on every machine, where only one local one was audited."""
        return HERE if self._local == {place.root} else place.root

    def _known(self, target: str) -> tuple[Target | None, str]:
        if target in self._targets:
            return self._targets[target], ""
        for name in self._by_length:
            folder = name.rstrip("/") + "/"
            if target.startswith(folder):
                return self._targets[name], target.removeprefix(folder).removeprefix(_MODULES)
        return None, ""


def prefixed(place: RepositoryFile, *, several: bool) -> str | None:
    """The path, with the root in front where there are several of them."""
    if place.path is None or not several or place.root == HERE:
        return place.path
    return f"{place.root.rstrip('/')}/{place.path}"
