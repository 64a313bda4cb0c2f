"""What a plain install brings, in bytes: `python -m tests.structure.installed_size` lists it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent


def plain_install() -> dict[str, int]:
    """The size of tokenaudit and of each package it requires without extras, directly or not, as installed here.

    Compiled modules (`.pyc`) do not count: `--no-compile` leaves them out. What is not installed here is left out.
    """
    sizes = {"tokenaudit": sum(path.stat().st_size for path in _sources())}
    for name, installed in _closure(requirements()).items():
        sizes[name] = sum(_sizes(installed))
    return sizes


def requirements() -> list[Requirement]:
    """The dependencies in pyproject.toml that this Python and system need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [each for each in map(Requirement, project["dependencies"]) if each.marker is None or each.marker.evaluate()]


def _sources() -> Iterator[Path]:
    for folder in ("tokenaudit", "plugins"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")


def _closure(wanted: list[Requirement]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        try:
            installed = found.setdefault(name, distribution(name))
        except PackageNotFoundError:
            continue
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                further = map(Requirement, installed.requires or ())
                wanted += [each for each in further if each.marker is None or each.marker.evaluate({"extra": extra})]
    return found


def _sizes(installed: Distribution) -> Iterator[int]:
    for file in installed.files or ():
        if file.suffix != ".pyc":
            path = Path(str(installed.locate_file(file)))
            yield path.stat().st_size if path.is_file() else file.size or 0


if __name__ == "__main__":
    table = plain_install()
    for package, size in sorted(table.items(), key=lambda row: -row[1]):
        print(f"{size / 1e6:7.1f} {package}")  # noqa: T201 - a script
    print(f"{sum(table.values()) / 1e6:7.1f} MB on {platform.platform()}")  # noqa: T201 - as above
