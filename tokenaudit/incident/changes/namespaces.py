"""Jobs, schedules and webhooks of a namespace, and secrets and variables of Spaces: what was set since, and today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from tokenaudit.hub import spaces
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, text
from tokenaudit.hub.repo_listing import jobs, webhooks
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import ChangeKind, IncidentChange
from tokenaudit.interfaces import Scanner
from tokenaudit.model import SecretName
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_KINDS: tuple[tuple[Literal["jobs", "scheduled-jobs"], ChangeKind], ...] = (
    ("jobs", "job"),
    ("scheduled-jobs", "scheduled-job"),
)


def job_changes(window: TimeWindow, namespace: str, queries: HubQueries) -> list[IncidentChange]:
    """The newest first. Commands and environments are left out: they may hold values."""
    found: list[IncidentChange] = []
    for listing, kind in _KINDS:
        where = f"{listing}/{namespace}"
        items = queries.ask(where, f"job.write on {namespace}", partial(_jobs, namespace, listing)) or ()
        made = [(parse_timestamp(item.get("createdAt")), item) for item in items]
        fresh = [_job(kind, where, item) for at, item in made if at is None or at >= window.since]
        fresh.sort(key=lambda change: (change.at or window.since, change.id or ""), reverse=True)
        if len(fresh) > window.limit:
            queries.skip(
                where, f"only the newest {window.limit} of {len(fresh)} are listed; raise --limit for the rest"
            )
        found += fresh[: window.limit]
    return found


def _job(kind: ChangeKind, where: str, item: JsonObject) -> IncidentChange:
    spec = _part(item, "jobSpec") or item
    runs = text(spec.get("dockerImage")) or text(spec.get("spaceId")) or "unknown image"
    by = text(_part(item, "createdBy").get("name")) or text(_part(item, "initiator").get("name")) or None
    carried = _part(spec, "hfToken")
    note = ""
    if carried:
        role, owner = text(carried.get("tokenRole")) or "unknown", text(carried.get("ownerName"))
        note = f"has token {text(carried.get('tokenId')) or '(without id)'} of {owner}, role {role}"
    return IncidentChange(
        kind, where, f"runs {runs}", parse_timestamp(item.get("createdAt")), by, text(item.get("id")) or None, note
    )


def _part(item: JsonObject, key: str) -> JsonObject:
    part = item.get(key)
    return part if isinstance(part, dict) else {}


def _jobs(
    namespace: str, listing: Literal["jobs", "scheduled-jobs"], hub: Hub, secret: Secret | None
) -> PagedListing[JsonObject] | Failure:
    return jobs(hub, namespace, listing, secret)


_UNDATED = "creation date unknown; check whether it is yours"


def webhook_changes(window: TimeWindow, users: Iterable[str], queries: HubQueries) -> list[IncidentChange]:
    """Every webhook of the asking account, undated: the Hub does not tell when one was made.

    The other accounts of affected credentials are reported as skipped.
    """
    found: list[IncidentChange] = []
    answer = queries.ask("webhooks of your own account", "user.webhooks.read", webhooks)
    if answer is not None:
        found = [_webhook(item, queries.account) for item in answer.items[: window.limit]]
        if len(answer) > window.limit:
            queries.skip(
                "webhooks of your own account", f"only {window.limit} of {len(answer)} are listed; raise --limit"
            )
    for user in sorted(set(users) - {queries.account}):
        reason = f"visible to {user} only; check settings/webhooks there, or use a token of {user}"
        queries.skip(f"webhooks of {user}", reason)
    return found


def _webhook(item: JsonObject, account: str | None) -> IncidentChange:
    # A webhook's URL often holds a secret of its own: its host has to do.
    host = urlsplit(text(item.get("url"))).hostname if _parses(text(item.get("url"))) else None
    watched = item.get("watched")
    names = (
        [text(entry.get("name")) for entry in watched if isinstance(entry, dict)] if isinstance(watched, list) else []
    )
    does = (
        f"calls {host}" if host else "starts a Job" if isinstance(item.get("job"), dict) else "calls an unusual address"
    )
    what = f"{does} for {', '.join(names) or 'nothing'}" + (", disabled" if item.get("disabled") else "")
    return IncidentChange(
        "webhook",
        f"webhooks/{account or 'your own account'}",
        what,
        None,
        account,
        text(item.get("id")) or None,
        _UNDATED,
    )


def _parses(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class SpaceSettings:
    """The current state of one Space; None for what could not be queried. A variable has its fingerprint."""

    secrets: tuple[SecretName, ...] | None
    variables: tuple[SecretName, ...] | None


def settings(space: str, queries: HubQueries, scanner: Scanner) -> SpaceSettings:
    """What `space` (`owner/name`) keeps today."""
    target = f"spaces/{space}"
    permission = f"repo.write on {target}"
    secrets = queries.ask(f"{target}: secret names", permission, partial(_secret_names, space))
    variables = queries.ask(f"{target}: variables", permission, partial(_variables, space))
    return SpaceSettings(
        None
        if secrets is None
        else tuple(
            SecretName(target, stored_secret.name, "space-secret", stored_secret.updated_at)
            for stored_secret in secrets
        ),
        None
        if variables is None
        else tuple(
            SecretName(
                target,
                stored_secret.name,
                "space-variable",
                stored_secret.updated_at,
                None,
                _held(stored_secret.value, scanner),
            )
            for stored_secret in variables
        ),
    )


def setting_changes(window: TimeWindow, now: SpaceSettings) -> list[IncidentChange]:
    """What was set at or after the window's start, or at a time that is not known."""
    stored_secret = (*(now.secrets or ()), *(now.variables or ()))
    return [
        IncidentChange(
            "secret" if one.kind == "space-secret" else "variable", one.target, one.name, one.updated_at, note="set"
        )
        for one in stored_secret
        if one.updated_at is None or one.updated_at >= window.since
    ]


def _held(value: Secret, scanner: Scanner) -> str | None:
    data = value.reveal().encode("utf-8", "backslashreplace")
    found = [seen for seen in scanner.scan(data).detections if seen.likelihood == "credential"]
    return found[0].secret.fingerprint if found else None


def _secret_names(space: str, hub: Hub, secret: Secret | None) -> tuple[spaces.SpaceSecretName, ...] | Failure:
    if secret is None:
        return Failure("not-asked", None, "secret names need a token with write access", 0)
    return spaces.secret_names(hub, space, secret)


def _variables(space: str, hub: Hub, secret: Secret | None) -> tuple[spaces.Variable, ...] | Failure:
    return spaces.variables(hub, space, secret)
