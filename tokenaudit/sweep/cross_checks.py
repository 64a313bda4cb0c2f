"""Problems that span several places: shared tokens, copied variables, stale secrets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tokenaudit.ci.model import Names
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.model import Lowered, Problem, Rule, SecretName, Severity
from tokenaudit.policy import Settings
from tokenaudit.policy.settings import known
from tokenaudit.text import listed
from tokenaudit.timestamps import day


def across(
    secrets: Sequence[SecretName],
    repositories: Iterable[HubRepository],
    settings: Settings,
    names: Names,
    now: datetime,
) -> list[Problem]:
    """Return the problems in the secrets and variables of all places."""
    return [
        *_shared(secrets),
        *_copied(secrets, repositories),
        *_stale(secrets, settings, names, now),
    ]


def lowered(secrets: Sequence[SecretName], settings: Settings, names: Names, now: datetime) -> list[Lowered]:
    """Return the stale secrets that the settings allow although the default policy would not."""
    stale = {(problem.target, problem.credential_name) for problem in _stale(secrets, settings, names, now)}
    return [
        Lowered(f"{problem.target} {problem.credential_name}", problem.rule, problem.severity, None, problem.message)
        for problem in _stale(secrets, Settings(), names, now)
        if (problem.target, problem.credential_name) not in stale
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
                message = f"{secret.name} has the same token as {_few(others)}"
                yield _problem(SHARED_TOKEN, secret, message)


def _copied(secrets: Sequence[SecretName], repositories: Iterable[HubRepository]) -> Iterator[Problem]:
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
            how = "has the same token" if certain else "is the possible origin of its token"
            message = f"{secret.name} of this duplicate: {origin} {how}"
            yield _problem(COPIED_VARIABLE, secret, message, None if certain else Severity.HIGH)


def _stale(secrets: Sequence[SecretName], settings: Settings, names: Names, now: datetime) -> Iterator[Problem]:
    incidents = sorted(known(settings), key=lambda incident: incident.cutoff, reverse=True)
    for secret in secrets:
        if secret.kind != "space-secret" or secret.updated_at is None or not names.match(secret.name):
            continue
        missed = [incident for incident in incidents if secret.updated_at < incident.cutoff <= now]
        days = (now - secret.updated_at).days
        if missed:
            incident = f"{missed[0].id} ({missed[0].title})"
            message = f"{secret.name} was last set on {day(secret.updated_at)}, before incident {incident}"
            yield _problem(STALE_SECRET, secret, message, Severity.HIGH)
        elif days > settings.max_age_days:
            message = f"{secret.name} was last set {days} days ago; the policy allows {settings.max_age_days} days"
            yield _problem(STALE_SECRET, secret, message)


def _few(targets: Sequence[str], most: int = 3) -> str:
    return listed(targets, most)


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


STALE_SECRET = Rule(
    id="space-stale-secret",
    title="Stale Space secret",
    severity=Severity.MEDIUM,
    why="Space secrets were stolen in past incidents. A secret that was last set before such an incident could be "
    "known to attackers, and one that is never rotated stays useful to them.",
    remedy="Create a new fine-grained token for this use only, set it as the new value of the secret, then "
    "revoke the old one.",
    bad="The secret HF_TOKEN of a Space, last set on 2024-03-01.",
    good="The same secret, set again after the incident and within the age that the policy allows.",
    references=("https://huggingface.co/blog/space-secrets-disclosure",),
)

SHARED_TOKEN = Rule(
    id="space-shared-token",
    title="Token shared between Spaces",
    severity=Severity.HIGH,
    why="One compromised Space affects all of them. The token can't be limited to what each needs, nor replaced in "
    "one without breaking the others.",
    remedy="Give each Space a separate fine-grained token, as a secret.",
    bad="One token in the variables of two Spaces.",
    good="One token per Space, each limited to what that Space needs.",
)

COPIED_VARIABLE = Rule(
    id="space-copied-variable",
    title="Duplicated Space copied a token",
    severity=Severity.CRITICAL,
    why="A duplicate of a Space has its variables with their values. The owner of the copy knows a token in a "
    "variable.",
    remedy="Revoke the token, delete the variable in both Spaces, and give each a separate secret.",
    bad="A Space duplicated from another, both with the same token in the variable HF_TOKEN.",
    good="The token as a secret: secrets are not copied.",
    references=("https://huggingface.co/docs/hub/spaces-overview#duplicating-a-space",),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in (COPIED_VARIABLE, SHARED_TOKEN, STALE_SECRET)}
"""Rules by id."""
