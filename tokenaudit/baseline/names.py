"""The names of files in a baseline: the same from every folder and on every machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.baseline.document import normal
from tokenaudit.report.paths import RepositoryPaths

if TYPE_CHECKING:
    from tokenaudit.model import Location, Report


class FileNames:
    """Names of the files of one report.

    They are relative to the repository. Where there is none, or there are several, they are relative to the folder of
    the baseline; what lies outside of that is named relative to its own root.
    """

    def __init__(self, report: Report, base: Path | None = None) -> None:
        """`base` is the folder of the baseline, by default the current one."""
        self.base = (base or Path.cwd()).resolve()
        self._paths = RepositoryPaths.of(report)
        self._roots = {
            target.repository: Path(target.repository).resolve()
            for target in report.targets
            if target.repository is not None
        }
        alone = next(iter(self._roots.values())) if len(self._roots) == 1 else None
        self.repository = alone if alone is not None and _is_repository(alone) else None
        """The root of the one repository of the report, None where there is none or another one."""

    def written(self, target: str, path: str | None) -> str | None:
        """The name to write for the file `path` of `target`, None where there is no file."""
        return self._names(target, path)[0] if path is not None else None

    def location(self, location: Location) -> str | None:
        """`written` for the file that `location` is in."""
        return self.written(location.target, location.path)

    def accepted(self, location: Location) -> list[str | None]:
        """The names by which a baseline may know the file, those of runs over more or fewer repositories too."""
        return [None] if location.path is None else [*self._names(location.target, location.path)]

    def _names(self, target: str, path: str) -> list[str]:
        place = self._paths.place(target, path)
        root = self._roots.get(place.root)
        if root is None or place.path is None:
            return [self._elsewhere(target, path)]
        inside = normal(place.path)
        from_base = _relative(root / place.path, self.base)
        if self.repository is not None:
            return [inside, *([from_base] if from_base else [])]
        outside = inside if len(self._roots) == 1 else normal(f"{place.root}/{place.path}")
        return [from_base or outside, *([inside] if _is_repository(root) else [])]

    def _elsewhere(self, target: str, path: str) -> str:
        """For what is no target on disk, such as a clone URL or this machine."""
        if "://" in target:
            return normal(path)
        return _relative(Path(os.path.normpath(self.base / target / path)), self.base) or normal(path)


def _relative(path: Path, base: Path) -> str | None:
    """`path` relative to `base` where it is inside of it."""
    return normal(path.relative_to(base).as_posix()) if path.is_relative_to(base) else None


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())
