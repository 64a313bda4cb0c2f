"""Problems that only a look over many places shows: shared tokens, copied variables, secrets never renewed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tokenaudit.ci.names import Names
from tokenaudit.hub.repo_listing import Repository
from tokenaudit.model import Problem, Rule, SecretName, Severity
from tokenaudit.policy import Settings
from tokenaudit.policy.incidents import built_in
from tokenaudit.sweep.rules import COPIED_VARIABLE, SHARED_TOKEN, STALE_SECRET


def across(
    secrets: Sequence[SecretName],
    repositories: Iterable[Repository],
    settings: Settings,
    names: Names,
    now: datetime,
) -> list[Problem]:
    """The problems of what is kept in all places together."""
    return [
        *_shared(secrets),
        *_copied(secrets, repositories),
        *_stale(secrets, settings, names, now),
    ]


def _shared(secrets: Sequence[SecretName]) -> Iterator[Problem]:
    holders: dict[str, list[SecretName]] = defaultdict(list)
    for secret in secrets:
        if secret.kind == "space-variable" and secret.fingerprint is not None:
            holders[secret.fingerprint].append(secret)
    for kept in holders.values():
        targets = sorted({secret.target for secret in kept})
        if len(targets) > 1:
            for secret in kept:
                others = [target for target in targets if target != secret.target]
                message = (
                    f"{secret.name} holds the token that {_few(others)} {'has' if len(others) == 1 else 'have'} too"
                )
                yield _problem(SHARED_TOKEN, secret, message)


def _copied(secrets: Sequence[SecretName], repositories: Iterable[Repository]) -> Iterator[Problem]:
    origins = {
        repository.target: f"spaces/{repository.copied_from}"
        for repository in repositories
        if repository.copied_from is not None
    }
    variables = [secret for secret in secrets if secret.kind == "space-variable" and secret.fingerprint is not None]
    held = {(secret.target, secret.fingerprint) for secret in variables}
    for secret in variables:
        origin = origins.get(secret.target)
        if origin is not None:
            certain = (origin, secret.fingerprint) in held
            how = "holds the same token" if certain else "may be where its token comes from"
            message = f"{secret.name} of this duplicate: {origin} {how}"
            yield _problem(COPIED_VARIABLE, secret, message, None if certain else Severity.HIGH)


def _stale(secrets: Sequence[SecretName], settings: Settings, names: Names, now: datetime) -> Iterator[Problem]:
    incidents = sorted((*built_in(), *settings.incidents), key=lambda incident: incident.cutoff, reverse=True)
    for secret in secrets:
        if secret.kind != "space-secret" or secret.updated_at is None or not names.match(secret.name):
            continue
        missed = [incident for incident in incidents if secret.updated_at < incident.cutoff <= now]
        days = (now - secret.updated_at).days
        if missed:
            message = (
                f"{secret.name} was last set on {secret.updated_at:%Y-%m-%d}, before {missed[0].id} ({missed[0].title})"
            )
            yield _problem(STALE_SECRET, secret, message, Severity.HIGH)
        elif days > settings.max_age_days:
            message = f"{secret.name} was last set {days} days ago; the policy allows {settings.max_age_days}"
            yield _problem(STALE_SECRET, secret, message)


def _few(targets: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(targets[:most])
    return shown if len(targets) <= most else f"{shown} and {len(targets) - most} more"


def _problem(rule: Rule, secret: SecretName, message: str, severity: Severity | None = None) -> Problem:
    return Problem(
        rule=rule.id,
        severity=severity or rule.severity,
        target=secret.target,
        path=None,
        line=None,
        column=None,
        where="settings",
        credential_name=secret.name,
        message=message,
        remedy=rule.remedy,
    )
