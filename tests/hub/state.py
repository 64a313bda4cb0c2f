"""What the double Hub holds: repositories, Spaces' settings, tokens and what they may do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

Body: TypeAlias = dict[str, Any]

MOMENT = "2026-10-01T09:00:00.000Z"
_RANK = {"no_access": 0, "read": 1, "contributor": 1, "write": 2, "admin": 3}


@dataclass
class Log:
    """One log of a Space: events as the Hub sends them, then what happens until the reader leaves.

    `close` ends the stream, as after a build; a running Space keeps it open with signs of life (`keep-alive`), without
    them (`silence`), or with ever more lines (`print`).
    """

    events: list[Body] = field(default_factory=list)
    then: Literal["close", "keep-alive", "silence", "print"] = "close"
    pause: float = 0.05

    @classmethod
    def of(cls, *lines: str, then: Literal["close", "keep-alive", "silence", "print"] = "close") -> Log:
        """A log with these lines, printed at `MOMENT`."""
        return cls([{"data": f"{line}\n", "timestamp": MOMENT} for line in lines], then)


@dataclass
class Repo:
    """One repository; `git` is its bare repository where it has one, `commits` listings by branch in place of it."""

    id: str
    type: str = "model"
    visibility: str = "public"
    gated: str | bool = False
    downloads: int = 0
    likes: int = 0
    git: Path | None = None
    info: Body = field(default_factory=dict)
    variables: dict[str, Body] = field(default_factory=dict)
    secrets: dict[str, Body] = field(default_factory=dict)
    secret_values: dict[str, str] = field(default_factory=dict)
    discussions: list[Body] = field(default_factory=list)
    logs: dict[str, Log] = field(default_factory=dict)
    commits: dict[str, list[Body]] = field(default_factory=dict)
    runtime: Body = field(default_factory=lambda: {"stage": "RUNNING", "hardware": {"current": "cpu-basic"}})
    restarts: int = 0
    large_files: dict[str, Any] = field(default_factory=dict)
    """Contents behind Git LFS pointers, by their SHA-256: bytes, or what has a length and can be sliced."""
    security: dict[str, Body] = field(default_factory=dict)
    """The Hub's verdicts (`securityFileStatus`) by path; every other file is safe."""
    uploads: list[Body] = field(default_factory=list)
    """Entries of `lfs-files`."""

    @property
    def namespace(self) -> str:
        return self.id.partition("/")[0]

    @property
    def object_id(self) -> str:
        """The repository's id in the Hub's database."""
        return hashlib.sha256(f"{self.type}s/{self.id}".encode()).hexdigest()[:24]

    @property
    def private(self) -> bool:
        return self.visibility == "private"


@dataclass
class World:
    """Everything the double answers from; tests change it as they like."""

    tokens: dict[str, Body] = field(default_factory=dict)
    storage: str | None = None
    """The address of another double with the same repositories, to which large files are redirected."""
    ignores_range: bool = False
    """Whether files are sent whole, whatever range is asked for."""
    refused: dict[str, str] = field(default_factory=dict)
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    revoked: list[list[str]] = field(default_factory=list)
    jobs: dict[str, list[Body]] = field(default_factory=dict)
    scheduled_jobs: dict[str, list[Body]] = field(default_factory=dict)
    webhooks: list[Body] = field(default_factory=list)
    members: dict[str, list[Body]] = field(default_factory=dict)
    audit_log: dict[str, list[Body]] = field(default_factory=dict)
    shut_out: list[tuple[str, str]] = field(default_factory=list)
    token_ids: dict[str, str] = field(default_factory=dict)
    organization_forms: frozenset[str] = frozenset({"value", "id"})
    organizations: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    collections: list[Body] = field(default_factory=list)
    endpoints: dict[str, list[Body]] = field(default_factory=dict)
    service_accounts: dict[str, list[Body]] = field(default_factory=dict)
    """Service accounts by organization, each with its tokens as `accessTokens`."""
    service_values: dict[str, str] = field(default_factory=dict)
    """Values of their tokens, by token id."""
    service_mints: list[str] = field(default_factory=list)
    """Every value that was created or rotated, in order."""
    rotation_changes_id: bool = False
    network_security: dict[str, Body] = field(default_factory=dict)
    resource_groups: dict[str, list[Body]] = field(default_factory=dict)
    access_requests: dict[str, list[Body]] = field(default_factory=dict)
    """Pending access requests by repository id."""
    page_size: int = 50
    moment: Callable[[], str] = lambda: MOMENT

    def may(self, token: str | None, repo: Repo, *, write: bool = False) -> bool:
        """Whether the token may read (or write) the repository: scope ∩ role, as the Hub decides it."""
        who = self.tokens.get(token or "")
        if who is None:
            return not write and not repo.private
        if not write and not repo.private:
            return True
        return self._scope_covers(who, repo, write=write) and self._role_covers(who, repo, write=write)

    def _scope_covers(self, who: Mapping[str, Any], repo: Repo, *, write: bool) -> bool:
        token = who["auth"].get("accessToken", {})
        if token.get("role") != "fineGrained":
            return token.get("role") in ("write", "god") or (not write and token.get("role") == "read")
        wanted = "repo.write" if write else "repo.content.read"
        return any(
            wanted in scope["permissions"] and scope["entity"].get("name") in (repo.id, repo.namespace)
            for scope in token.get("fineGrained", {}).get("scoped", [])
        )

    def _role_covers(self, who: Mapping[str, Any], repo: Repo, *, write: bool) -> bool:
        if who["name"] == repo.namespace:
            return True
        for org in who.get("orgs", []):
            if org["name"] == repo.namespace and not org.get("securityRestrictions"):
                return _RANK.get(org.get("roleInOrg", "no_access"), 0) >= (2 if write else 1)
        return False

    def may_use(self, token: str | None, namespace: str, permissions: Sequence[str]) -> list[str] | None:
        """Whether the token has one of `permissions` on a namespace: None for no, else the patterns that narrow it."""
        who = self.tokens.get(token or "")
        roles = {org["name"]: org.get("roleInOrg") for org in who.get("orgs", [])} if who else {}
        if who is None or namespace not in {who["name"], *roles}:
            return None
        access = who["auth"].get("accessToken", {})
        if access.get("role") != "fineGrained":
            return [] if access.get("role") in ("write", "god") else None
        for scope in access.get("fineGrained", {}).get("scoped", []):
            if scope["entity"].get("name") == namespace and set(permissions) & set(scope["permissions"]):
                return list(scope.get("patterns", []))
        return None

    def add_repo(self, repo_id: str, repo_type: str = "model", **more: Any) -> Repo:
        """Puts a repository into the world."""
        repo = Repo(repo_id, repo_type, **more)
        self.repos[repo_type, repo_id] = repo
        return repo

    def add_space(
        self, repo_id: str, *, variables: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
    ) -> Repo:
        """Puts a Space into the world: variables with values, secrets as name → time of last change."""
        repo = self.add_repo(repo_id, "space")
        for key, value in (variables or {}).items():
            repo.variables[key] = {"key": key, "value": value, "updatedAt": MOMENT}
        for key, updated in (secrets or {}).items():
            repo.secrets[key] = {"key": key, "updatedAt": updated}
        return repo
