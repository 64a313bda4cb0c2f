"""Which file belongs to which system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tokenaudit.ci.model import Pipeline
from tokenaudit.ci.systems import (
    appveyor,
    azure,
    bitbucket,
    buildkite,
    circleci,
    cirrus,
    cloudbuild,
    compose,
    docker,
    drone,
    github,
    gitlab,
    jenkins,
    kubernetes,
    scripts,
    semaphore,
    settings,
    travis,
)
from tokenaudit.work_budget import WorkBudget

Parse: TypeAlias = Callable[[str, str, WorkBudget], Pipeline]

LONGEST_PATH = 4_096
"""Characters. No system has a file with a longer path, but a tree object can name one of megabytes."""


@dataclass(frozen=True)
class System:
    """One CI or deployment system."""

    name: str
    matches: Callable[[str, bytes], bool]
    parse: Parse


_MODULES = (
    github,
    gitlab,
    circleci,
    azure,
    bitbucket,
    travis,
    appveyor,
    buildkite,
    cirrus,
    semaphore,
    drone,
    cloudbuild,
    jenkins,
    docker,
    compose,
    scripts,
    kubernetes,
    settings,
)

SYSTEMS: tuple[System, ...] = tuple(System(one.NAME, one.matches, one.parse) for one in _MODULES)
"""In the order they are asked: the ones with telling file names first."""


GITLAB = next(system for system in SYSTEMS if system.name == gitlab.NAME)
"""Named because its files include others whatever those are called."""


def system_of(path: str, data: bytes = b"") -> System | None:
    """The system that a file belongs to; some are known by their content only."""
    if len(path) > LONGEST_PATH:
        return None
    return next((system for system in SYSTEMS if system.matches(path, data)), None)


def may_be_ci(path: str) -> bool:
    """Whether a file can be configuration by its name alone; if so its content decides."""
    return len(path) <= LONGEST_PATH and (path.endswith((".yml", ".yaml")) or system_of(path) is not None)


def is_ci_file(path: str, data: bytes = b"") -> bool:
    """Whether a file is CI or deployment configuration. `path` is relative, with forward slashes."""
    return system_of(path, data) is not None
