"""From when on, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tokenaudit.hub.names import refused_repo
from tokenaudit.hub.repo_listing import Repository, RepoType
from tokenaudit.incident.hub_queries import Desk
from tokenaudit.incident.model import ReachedBy

_TYPES: tuple[RepoType, ...] = ("model", "dataset", "space", "bucket")


@dataclass(frozen=True)
class Window:
    """Changes at or after `since`; at most `limit` places are asked about, and as many entries taken of each list."""

    since: datetime
    limit: int

    def repositories(self, reached: list[ReachedBy], desk: Desk) -> list[Repository]:
        """The repositories and buckets to ask about: those whose names are ones, the most harmful first."""
        found: list[Repository] = []
        left = 0
        for repo in reached:
            kind = next((known for known in _TYPES if known == repo.type), None)
            if kind is None:
                desk.skip(f"{repo.type} {repo.id}", f"the Hub tells nothing of what changed in a {repo.type}")
            elif "/" not in repo.id or refused_repo(repo.id) is not None:
                desk.skip(f"{repo.type} {repo.id}", "this can't be a repository's name, so nothing was asked about it")
            elif len(found) >= self.limit:
                left += 1
            else:
                found.append(Repository(kind, repo.id))
        if left:
            reason = f"only the first {self.limit} were asked about; raise --limit for the rest"
            desk.skip(f"what changed in {left} more writable repositories", reason)
        return found
