"""Parses `--since WHEN` and the repository arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from tokenaudit.errors import UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import origin
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_access import invalid_repo_name, is_namespace
from tokenaudit.hub.repo_listing import GIT_TYPES, HubRepository, RepoType, namespace_kind, repositories
from tokenaudit.hub.result import Failure
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret
from tokenaudit.text import listed, one_line
from tokenaudit.timestamps import parse_timestamp, rfc3339

_MOST_NAMED = 10
_UNITS = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60}
_AGO = re.compile(r"(\d{1,6})([wdhm])")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*", re.DOTALL)
_FORMS = "use a date (2026-07-09), an RFC 3339 time, 7d, 12h, or a commit id of 7 to 40 hex digits"


@dataclass(frozen=True)
class ChangesWindow:
    """Changes at or after `since`, or after `commit`; exactly one of the two is set."""

    since: datetime | None = None
    commit: str | None = None

    @property
    def text(self) -> str:
        """The window as a report contains it."""
        return rfc3339(self.since) if self.since is not None else self.commit or ""


def parse_window(when: str, now: datetime) -> ChangesWindow:
    """The window of `--since WHEN`.

    Raises:
        UsageError: WHEN has none of the forms, or is in the future.
    """
    text = when.strip()
    ago = _AGO.fullmatch(text)
    if ago is not None:
        try:
            return ChangesWindow(now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]]))
        except OverflowError:
            raise _invalid(when) from None
    if _DATE.fullmatch(text):
        found = parse_timestamp(text)
        if found is None:
            raise _invalid(when)
        if found > now:
            message = f"--since {one_line(when, 60)} is in the future; {_FORMS}"
            raise UsageError(message)
        return ChangesWindow(found)
    if _COMMIT.fullmatch(text.lower()):
        return ChangesWindow(commit=text.lower())
    raise _invalid(when)


def _invalid(when: str) -> UsageError:
    return UsageError(f"invalid --since '{one_line(when, 60)}'; {_FORMS}")


_KINDS: dict[str, RepoType] = {
    "models": "model", "datasets": "dataset", "spaces": "space", "buckets": "bucket",
}  # fmt: skip


@dataclass(frozen=True)
class NamedRepositories:
    """One argument: a repository, or a namespace, which stands for all its repositories."""

    name: str
    repository: HubRepository | None


def parse_repository(argument: str, endpoint: str) -> NamedRepositories:
    """`acme/m`, `datasets/acme/d`, `spaces/acme/s`, `buckets/acme/b`, the URL of one of them, or `acme`.

    Raises:
        UsageError: the argument is none of these.
    """
    shown = one_line(argument, 100)
    text = argument.strip().rstrip("/")
    if "://" in text:
        try:
            same = origin(text) == origin(endpoint)
        except ValueError:
            same = False
        if not same:
            message = f"'{shown}' is not on {endpoint}; use its name, such as acme/m, or --endpoint"
            raise UsageError(message)
        text = urlsplit(text).path.strip("/")
    parts = text.split("/")
    kind: RepoType = "model"
    if len(parts) > 1 and parts[0] in _KINDS:
        kind, parts = _KINDS[parts[0]], parts[1:]
        if len(parts) == 1:
            message = f"invalid repository '{shown}'; use {text}/NAME"
            raise UsageError(message)
    if len(parts) == 1 and is_namespace(parts[0]):
        return NamedRepositories(parts[0], None)
    name = "/".join(parts)
    if len(parts) != 2 or invalid_repo_name(name) is not None:  # noqa: PLR2004 - owner and name
        message = f"invalid repository '{shown}'; use acme/m, datasets/acme/d, spaces/acme/s, or a namespace: acme"
        raise UsageError(message)
    return NamedRepositories(name, HubRepository(kind, name))


def named_repositories(
    hub: Hub, named: list[NamedRepositories], secret: Secret | None, limit: int, window: ChangesWindow
) -> tuple[list[HubRepository], list[Skipped]]:
    """The distinct repositories that the arguments name, at most `limit`; and what could not be listed.

    Raises:
        UsageError: a namespace does not exist, or a commit is given for several repositories.
    """
    if window.commit is not None and (len(named) != 1 or named[0].repository is None):
        message = f"the commit {window.commit} belongs to one repository; name only that repository, or use a date"
        raise UsageError(message)
    found: dict[HubRepository, None] = {}
    skipped: list[Skipped] = []
    for each in named:
        if each.repository is not None:
            found[each.repository] = None
            continue
        owned, unread = _owned(hub, each.name, secret)
        found.update(dict.fromkeys(HubRepository(repo.type, repo.id) for repo in owned))
        skipped += unread
    chosen = list(found)
    left_out = chosen[limit:]
    if left_out:
        shown = listed([repository.page for repository in left_out], _MOST_NAMED)
        reason = f"only the first {limit:,} of the listing were examined, not {shown}; raise --limit for the rest"
        skipped.append(Skipped(f"{len(left_out):,} more repositories", reason))
    return chosen[:limit], skipped


def _owned(hub: Hub, name: str, secret: Secret | None) -> tuple[list[HubRepository], list[Skipped]]:
    kind: Literal["org", "user"] | Failure = namespace_kind(hub, name, secret)
    if isinstance(kind, Failure) and kind.status == 404:  # noqa: PLR2004 - Not Found
        message = f"{name} is neither a user nor an organization on {hub.endpoint}; a repository is OWNER/NAME"
        raise UsageError(message)
    found: list[HubRepository] = []
    skipped: list[Skipped] = []
    if isinstance(kind, Failure):
        return [], [Skipped(f"the repositories of {name}", needs(kind, "nothing"))]
    if not _is_member(hub, name, secret):
        skipped.append(Skipped(f"private repositories of {name}", f"needs a token of a member of {name}"))
    for repo_type in (*GIT_TYPES, "bucket"):
        answer = repositories(hub, name, repo_type, secret)
        where = f"the {repo_type}s of {name}"
        if isinstance(answer, Failure):
            skipped.append(Skipped(where, needs(answer, "repo.content.read")))
            continue
        if answer.incomplete:
            skipped.append(Skipped(where, answer.incomplete))
        found += answer
    return found, skipped


def _is_member(hub: Hub, name: str, secret: Secret | None) -> bool:
    """Whether the token's account is the namespace or one of its members."""
    answer = hub.whoami(secret) if secret is not None else None
    if answer is None or isinstance(answer, Failure) or not isinstance(answer.body, dict):
        return False
    orgs = answer.body.get("orgs")
    names = [each.get("name") for each in orgs if isinstance(each, dict)] if isinstance(orgs, list) else []
    return name in [answer.body.get("name"), *names]
