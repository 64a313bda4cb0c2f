"""Configuration of a sweep. Everything here is plain data that can cross processes and machines."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tokenaudit.hub.rate_limit import RateLimitWindow
from tokenaudit.hub.repo_listing import HubRepository, RepoType
from tokenaudit.inventory.model import Outcome, PlaceRecord

VERSION = 2
"""Version of the readers' coverage: increasing it makes the next sweep read everything again."""

TYPES: tuple[RepoType, ...] = ("model", "dataset", "space", "bucket")


@dataclass(frozen=True)
class SweepConfig:
    """Configuration shared by all tasks of a sweep. A task finds its token and its detector on the machine it runs on.

    `auditor_token` enables the lookup of the auditor's own token; the token itself is never part of this. `inspect`
    inspects each credential found on the Hub. `cache` stores mirrors, so that later sweeps only fetch changes.
    `largest_text` is in bytes: larger bucket files are reported as skipped. `largest_lfs` is the maximum size in bytes
    of large files of repositories; None reads those that can be text, up to 10 MB. `service` is the URL of the
    inference endpoints service if it is not the public one.
    """

    endpoint: str
    auditor_token: bool = True
    inspect: bool = True
    plugins: tuple[Path, ...] = ()
    secret_names: tuple[str, ...] = ()
    cache: Path | None = None
    largest_text: int = 4 << 20
    most_bucket_bytes: int = 1 << 30
    service: str | None = None
    largest_lfs: int | None = None


@dataclass(frozen=True)
class SweepScope:
    """Scope of a sweep. Sweeps with the same scope continue each other; it includes the reader's version."""

    namespaces: tuple[str, ...]
    types: tuple[RepoType, ...] = TYPES
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    members: bool = False
    urls: tuple[str, ...] = ()
    logs: bool = False

    @property
    def name(self) -> str:
        """A one-line name that is unique to the scope."""
        parts = [
            " ".join(sorted(self.namespaces)),
            "types=" + ",".join(sorted(self.types)),
            "include=" + " ".join(sorted(self.include)),
            "exclude=" + " ".join(sorted(self.exclude)),
            "members" if self.members else "",
            "logs" if self.logs else "",
            "urls=" + " ".join(sorted(self.urls)),
            f"reader={VERSION}",
        ]
        return "; ".join(part for part in parts if part)

    def covers(self, repository: HubRepository) -> bool:
        """Return whether a repository is in scope; patterns are matched against its id and its target."""
        if repository.type not in self.types:
            return False
        names = (repository.id, repository.target)
        if self.include and not _matches(names, self.include):
            return False
        return not _matches(names, self.exclude)

    @property
    def narrow(self) -> bool:
        """Whether patterns exclude something, so that settings of a whole namespace are not read."""
        return bool(self.include)


def _matches(names: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


@dataclass(frozen=True)
class Task:
    """Places that are read one after the other, usually those of one repository.

    `states` are the versions read last, by place key; `known` the fingerprints that this sweep has already inspected.
    `full` disables every reuse of results of earlier sweeps. `url` is that of a git repository outside the Hub; it must
    contain no password. `plan` is that of the organization as whoami names it, None without one.
    """

    namespace: str
    places: tuple[PlaceRecord, ...]
    repository: HubRepository | None = None
    owner: Literal["org", "user", "other"] = "other"
    mine: bool = False
    url: str | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    full: bool = False
    known: frozenset[str] = frozenset()
    plan: str | None = "unknown"

    @property
    def is_repository(self) -> bool:
        """Whether this is a repository or bucket rather than a part of a namespace as a whole."""
        return self.repository is not None or self.url is not None

    @property
    def name(self) -> str:
        """The name for messages."""
        return self.repository.target if self.repository else self.url or self.namespace


@dataclass(frozen=True)
class TaskResult:
    """The result of a task: one outcome per place, and the last rate limit window of its process."""

    outcomes: tuple[Outcome, ...]
    window: RateLimitWindow | None = None
