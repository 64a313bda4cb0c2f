"""How a sweep is to be done. Everything here is plain data that may cross processes and machines."""

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
"""Of what the readers look at: raising it makes the next sweep read everything again."""

TYPES: tuple[RepoType, ...] = ("model", "dataset", "space", "bucket")


@dataclass(frozen=True)
class SweepConfig:
    """What every task of a sweep needs to know. A task finds its token and its detector where it runs.

    `auditor_token` says whether the auditor's own token may be looked for; the token itself is never part of this.
    `inspect` asks the Hub about each credential found. `cache` keeps mirrors for reruns that only fetch.
    `largest_text` is in bytes: bucket files above it are told as skipped. `largest_lfs`, in bytes, is up to what size
    large files of repositories are read; None reads those that can be text, up to 10 MB. `service` is the address of
    the inference endpoints service where it is not the public one.
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
    """What a sweep covers. Two sweeps of one scope continue each other; the reader's version is part of it."""

    namespaces: tuple[str, ...]
    types: tuple[RepoType, ...] = TYPES
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    members: bool = False
    urls: tuple[str, ...] = ()
    logs: bool = False

    @property
    def name(self) -> str:
        """One line that tells scopes apart."""
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
        """Whether a repository is wanted; patterns are matched with its id and with its target."""
        if repository.type not in self.types:
            return False
        names = (repository.id, repository.target)
        if self.include and not _matches(names, self.include):
            return False
        return not _matches(names, self.exclude)

    @property
    def narrow(self) -> bool:
        """Whether patterns leave something out, so that settings of a whole namespace are not asked for."""
        return bool(self.include)


def _matches(names: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


@dataclass(frozen=True)
class Task:
    """Some places that are read one after the other, mostly those of one repository.

    `states` are the versions read last, by place key; `known` the fingerprints that this sweep has asked the Hub about
    already. `full` says that nothing of what earlier sweeps noted may spare reading. `url` is that of a git repository
    that is not on the Hub; it must hold no password.
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

    @property
    def is_repository(self) -> bool:
        """Whether this is a repository or bucket rather than something that belongs to a namespace as a whole."""
        return self.repository is not None or self.url is not None

    @property
    def name(self) -> str:
        """For messages."""
        return self.repository.target if self.repository else self.url or self.namespace


@dataclass(frozen=True)
class TaskResult:
    """The result of a task: one outcome per place, and the last rate limit window of its process."""

    outcomes: tuple[Outcome, ...]
    window: RateLimitWindow | None = None
