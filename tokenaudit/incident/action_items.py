"""Open action items, by severity, and completed ones."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tokenaudit.ci.model import Names
from tokenaudit.incident.contents import repository_items
from tokenaudit.incident.model import ActionItem, AffectedCredential, IncidentContents, StoredSecret
from tokenaudit.model import Credential, Severity
from tokenaudit.policy.context import exposed
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.remediate.runbook.consumers import found_again
from tokenaudit.remediate.runbook.steps import EXPIRES_ONLY
from tokenaudit.timestamps import minute

_COVERED = frozenset({"space-variable"})
"""Consumers that are kept places of their own."""


@dataclass(frozen=True)
class ActionContext:
    """What advice needs to know.

    `credentials` are the touched ones by fingerprint, `plans` report files by the fingerprints in them, `contents` what
    changed in the repositories.
    """

    incident: str
    endpoint: str
    credentials: Mapping[str, Credential]
    plans: Mapping[str, str]
    names: Names = field(default_factory=Names)
    contents: IncidentContents | None = None


def action_items(
    credentials: Sequence[AffectedCredential], secrets: Sequence[StoredSecret], ground: ActionContext
) -> tuple[tuple[ActionItem, ...], tuple[ActionItem, ...]]:
    """The open items, most harmful first, and those that are done."""
    opened: list[tuple[tuple[object, ...], ActionItem]] = []
    done: list[ActionItem] = []
    for credential in credentials:
        if credential.state == "open":
            opened.append((_harm(credential), _open(credential, ground)))
            continue
        title = _named(credential)
        why = f"{credential.status}: {credential.status_reason} ({credential.why})"
        done.append(ActionItem("credential", credential.fingerprint, title, Severity.INFO, credential.touched, why))
        opened += [
            ((5, *_spot(c)), _left_behind(credential, c)) for c in credential.consumers if c.kind not in _COVERED
        ]
    dead = {credential.fingerprint for credential in credentials if credential.state == "done"}
    for stored_secret in secrets:
        subject = f"{stored_secret.target} {stored_secret.name}"
        title = f"{stored_secret.kind} {stored_secret.name} of {stored_secret.target}"
        if stored_secret.state == "done":
            done.append(ActionItem("secret", subject, title, Severity.INFO, stored_secret.touched, stored_secret.why))
            continue
        severity = _severity(stored_secret, ground.names, dead)
        do, command = for_stored_secret(stored_secret, ground.endpoint, ground.names)
        key = (
            3 if stored_secret.touched == "yes" else 4,
            -severity.rank,
            stored_secret.target,
            stored_secret.name,
            stored_secret.kind,
        )
        opened.append(
            (key, ActionItem("secret", subject, title, severity, stored_secret.touched, stored_secret.why, do, command))
        )
    opened.sort(key=lambda pair: pair[0])
    displays = {credential.fingerprint: credential.display for credential in credentials}
    certain = {credential.fingerprint: credential.touched for credential in credentials}
    harmful = repository_items(ground.contents, displays, certain)
    return (*harmful, *(item for _, item in opened)), tuple(done)


def _open(touched: AffectedCredential, ground: ActionContext) -> ActionItem:
    report = ground.plans.get(touched.fingerprint)
    credential = ground.credentials[touched.fingerprint]
    do, command = for_credential(touched, credential, ground.incident, ground.endpoint, report)
    at = f" on {minute(touched.checked_at)} UTC" if touched.checked_at and not touched.asked_now else ""
    has_status = {"active": f"the Hub accepted it{at or ' just now'}"}.get(touched.status, touched.status_reason)
    used = len(touched.consumers)
    uses = f"; used in {used} known {'place' if used == 1 else 'places'}" if used else ""
    why = f"{touched.why}; {touched.status}: {has_status}{uses}"
    return ActionItem(
        "credential", touched.fingerprint, _named(touched), touched.severity, touched.touched, why, do, command
    )


def _left_behind(touched: AffectedCredential, consumer: RunbookConsumer) -> ActionItem:
    title = f"{consumer.kind} {consumer.where}" + (
        f" ({consumer.name})" if consumer.name and consumer.name not in consumer.where else ""
    )
    why = f"still has {touched.display}, which is no longer valid: programs that read it fail"
    return ActionItem(
        "consumer", consumer.where, title, Severity.LOW, touched.touched, why, f"{_capital(consumer.how)}."
    )


def _severity(stored_secret: StoredSecret, names: Names, dead: set[str]) -> Severity:
    if stored_secret.fingerprint in dead:
        return Severity.LOW
    return (
        Severity.HIGH if stored_secret.kind == "space-variable" or names.match(stored_secret.name) else Severity.MEDIUM
    )


def _named(touched: AffectedCredential) -> str:
    who = f" of {touched.account.name}" if touched.account is not None else ""
    called = f' "{touched.name}"' if touched.name else ""
    return f"{touched.display}{called}{who}"


def _harm(touched: AffectedCredential) -> tuple[object, ...]:
    group = 2 if touched.status != "active" else 0 if touched.touched == "yes" else 1
    return (group, -touched.severity.rank, -(touched.writable or 0), touched.touched != "yes", touched.fingerprint)


def _spot(consumer: RunbookConsumer) -> tuple[str, str, str]:
    return (consumer.where, consumer.kind, consumer.name or "")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


_NOT_ASKABLE = {
    "oauth_client_secret": "create a new one in the application's settings, which revokes this one",
    "oauth_refresh_token": "remove the application's access in the settings of the account that granted it",
}
"""How to revoke kinds that whoami does not support."""


def for_credential(
    touched: AffectedCredential, credential: Credential, incident: str, endpoint: str, report: str | None
) -> tuple[str, str | None]:
    """In words, and as a command. `report` is a file that `tokenaudit plan` can read."""
    place = found_again(credential, endpoint)
    again = f" --from {place}" if place else ""
    # A report can be made by hand, and what it calls a fingerprint ends up in somebody's shell.
    fingerprint, short = shlex.quote(touched.fingerprint), shlex.quote(touched.fingerprint[:12])
    runbook = f" Runbook: tokenaudit plan {shlex.quote(report)} --mode breach --only {short}." if report else ""
    if touched.kind in EXPIRES_ONLY:
        do = "Can't be revoked by value: remove the application's access, or revoke the credential it is derived from."
        return do + runbook, None
    if touched.kind in _NOT_ASKABLE:
        return f"Its status can't be checked: {_NOT_ASKABLE[touched.kind]}.{runbook}", None
    if touched.status != "active":
        how = "" if place else " on stdin"
        return f"Pass its value{how} to check whether it is still active.{runbook}", (
            f"tokenaudit incident {shlex.quote(incident)}{again}"
        )
    if exposed(credential):
        paste = "" if place else " Pass the value on stdin."
        do = f"Exposed: revoke it, then replace it.{paste}{runbook}"
        return do, f"tokenaudit revoke {fingerprint}{again}"
    return (
        f"Replace it; the old one is revoked first.{runbook}",
        f"tokenaudit rotate {fingerprint} --mode breach{again}",
    )


def for_stored_secret(stored_secret: StoredSecret, endpoint: str, names: Names) -> tuple[str, str | None]:
    """In words, and as a command for a Hub token in a place that `rotate` can change."""
    page = f"{endpoint}/{stored_secret.target}/settings"
    if stored_secret.kind == "space-variable":
        do = f"Variables are public: store a new token as a secret, then delete the variable ({page})."
        fingerprint = shlex.quote(stored_secret.fingerprint or "")
        command = f"tokenaudit rotate {fingerprint} --mode breach --consumer {_consumer('space-secret', stored_secret)}"
        return do, command if stored_secret.fingerprint else None
    if stored_secret.kind == "space-secret" and not names.match(stored_secret.name):
        return f"Create a new one at its service, then set it at {page}.", None
    if stored_secret.kind in {"space-secret", "github-secret"} and " environment " not in stored_secret.target:
        do = "Replace its token. FINGERPRINT is the fingerprint of that token (`tokenaudit fingerprint`)."
        return (
            do,
            f"tokenaudit rotate FINGERPRINT --mode breach --consumer {_consumer(stored_secret.kind, stored_secret)}",
        )
    where = {
        "github-secret": "in the environment's settings",
        "gitlab-variable": "under Settings, CI/CD, Variables",
        "webhook-secret": f"at {endpoint}/settings/webhooks",
        "endpoint-secret": "in the endpoint's settings",
        "job-secret": "by deleting the schedule and creating it again",
        "job-token": "by deleting the schedule and creating it again with another token",
    }.get(stored_secret.kind, "there")
    return f"Create a new token and set it {where}.", None


def _consumer(kind: str, stored_secret: StoredSecret) -> str:
    place = stored_secret.target.removeprefix("spaces/").removeprefix("github:")
    return shlex.quote(f"{kind}:{place}#{stored_secret.name}")
