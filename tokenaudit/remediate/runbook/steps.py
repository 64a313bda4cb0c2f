"""The steps of one credential's runbook, in the order of its mode."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from tokenaudit.model import Credential, Recommendation
from tokenaudit.permissions import label_of, name_of, namespace_of
from tokenaudit.remediate.runbook import Mode, RunbookConsumer, RunbookStep
from tokenaudit.remediate.runbook.consumers import found_again, hub_of, look_again
from tokenaudit.remediate.runbook.purge import purge_steps
from tokenaudit.text import listed
from tokenaudit.timestamps import day, minute

EXPIRES_ONLY = frozenset({"oauth_token", "oidc_token", "s3_token"})
"""Kinds that can't be revoked by value."""
_MOST = 6


def steps_of(
    credential: Credential,
    recommendation: Recommendation,
    consumers: Sequence[RunbookConsumer],
    unknown: Sequence[str],
    mode: Mode,
) -> tuple[RunbookStep, ...]:
    """The steps for one credential. A breach revokes first; a planned rotation revokes last."""
    return tuple(_ordered(credential, recommendation, consumers, unknown, mode))


def _ordered(
    credential: Credential,
    recommendation: Recommendation,
    consumers: Sequence[RunbookConsumer],
    unknown: Sequence[str],
    mode: Mode,
) -> Iterator[RunbookStep]:
    dead = credential.dead
    yield _identify(credential)
    if mode == "breach" and not dead:
        yield _revoke(credential, mode, consumers)
    if not dead:
        yield _reach(credential, mode)
    yield RunbookStep(
        "consumers",
        "Identify the consumers",
        _listed([_spoken(c) for c in consumers], "No known consumer") + f". Unknown: {'; '.join(unknown)}.",
        "The owner of each known consumer knows about the change; each unknown place has been checked.",
    )
    if consumers or not dead:
        yield from _replace(recommendation)
    for number, consumer in enumerate(consumers, start=1):
        yield _move(number, consumer, recommendation)
    if consumers:
        yield RunbookStep(
            "restart",
            "Restart dependents",
            f"Restart or rerun everything that reads {_listed([_thing(c) for c in consumers], '')}.",
            "Each one has succeeded in a run that started after the change.",
        )
    if mode == "planned" and not dead:
        yield _revoke(credential, mode, consumers)
    yield from purge_steps(credential)
    if mode == "breach" or dead:
        yield _investigate(credential)
    yield from _prevent(credential, recommendation)


def _identify(credential: Credential) -> RunbookStep:
    found = credential.inspection
    if found is None:
        do = f"{credential.display} was not inspected; {_places(credential)}. Inspect it."
        command = look_again(credential, hub_of(credential), ask=True)
    else:
        who = f"{found.account.type} {found.account.name}" if found.account else "unknown account"
        age = f", created {day(found.created_at)}" if found.created_at else ""
        state = f"{credential.display} is {found.status} ({found.reason}): {who}, role {found.role}{age}"
        do = f"{state}; {_places(credential)}."
        command = None
    return RunbookStep(
        "identify", "Identify the owner", do, "The account is the expected one, and its owner is informed.", command
    )


def _revoke(credential: Credential, mode: Mode, consumers: Sequence[RunbookConsumer]) -> RunbookStep:
    if credential.kind in EXPIRES_ONLY:
        ends = credential.claims.expires_at if credential.claims else None
        when = f"expires at {minute(ends)} UTC" if ends else "expires at an unknown time"
        return RunbookStep(
            "revoke",
            "Revoke the parent credential",
            f"The Hub revokes values of up to 200 characters only; this one {when}. Revoke the credential it is "
            "derived from, or remove the application's access.",
            "The Hub rejects it (whoami returns 401).",
        )
    breaks = _listed([_spoken(c) for c in consumers], "no known consumer")
    title = "Revoke the token now" if mode == "breach" else "Revoke the old token"
    place = found_again(credential, hub_of(credential))
    paste = "" if place else " Pass the value on stdin."
    return RunbookStep(
        "revoke",
        title,
        f"Irreversible. Stops working: {breaks}.{paste}",
        "The Hub rejects it (whoami returns 401). An accepted request (202) is not evidence.",
        f"tokenaudit revoke {shlex.quote(credential.fingerprint)}" + (f" --from {place}" if place else ""),
    )


def _reach(credential: Credential, mode: Mode) -> RunbookStep:
    reach, command = credential.reach, None
    if reach is None:
        early = " A revoked token can't be inspected: if possible, do this step first." if mode == "breach" else ""
        do = f"Its access was not determined.{early} Pass the value on stdin."
        command = "tokenaudit inspect --reach summary"
    else:
        writable = [f"{r.type} {r.id}" for r in reach.repos if r.access == "write"]
        do = (
            f"Reads {reach.readable} repositories ({reach.private} private, {reach.gated} gated) and writes "
            f"{reach.writable}, with {reach.downloads_month} downloads/month"
            + (f": {_listed(writable, '')}" if writable else "")
            + "."
            + (f" Not counted: {'; '.join(reach.not_counted)}." if reach.not_counted else "")
        )
    return RunbookStep(
        "reach",
        "Determine access",
        do,
        "The list is saved with the incident record before permissions change.",
        command,
    )


def _replace(recommendation: Recommendation) -> Iterator[RunbookStep]:
    if recommendation.replacement == "no-token":
        notes = " ".join(recommendation.notes)
        yield RunbookStep(
            "replace",
            "Remove the token",
            f"Everything it reads is public. {notes}",
            "The consumers run without HF_TOKEN.",
        )
        return
    grants = _listed(
        [f"{', '.join(label_of(p) for p in g.permissions)} on {name_of(g.entity)}" for g in recommendation.grants],
        "none yet",
    )
    what = {
        "trusted-publisher": "Set up the Trusted Publisher",
        "service-account": "Create the service account's token",
    }.get(recommendation.replacement, "Create the new token")
    link = f" Form: {recommendation.create_url}" if recommendation.create_url else ""
    do = f"Grants: {grants}. {' '.join(recommendation.notes)}{link}"
    yield RunbookStep("replace", what, do, _replaced_when(recommendation), _create_command(recommendation))
    if recommendation.replacement != "trusted-publisher":
        names = [g.entity.name for g in recommendation.grants if g.entity.name and "/" in g.entity.name]
        repository = names[0] if names else "a repository of its grants"
        yield RunbookStep(
            "verify-new",
            "Verify the new token",
            "Inspect it and compare its grants with the required ones.",
            f"Same account, role fineGrained, exactly the grants above; it can access {repository} and no other "
            "repository.",
            "tokenaudit inspect",
        )


def _create_command(recommendation: Recommendation) -> str | None:
    """The command that creates the token of a service account; the account and the consumer are filled in by hand."""
    if recommendation.replacement != "service-account":
        return None
    entity = recommendation.grants[0].entity
    organization = entity.name if entity.type == "org" else namespace_of(entity)
    return f"tokenaudit service-accounts create-token {organization} ACCOUNT --plan PLAN.json --to CONSUMER"


def _replaced_when(recommendation: Recommendation) -> str:
    if recommendation.replacement == "trusted-publisher":
        return "A run publishes without HF_TOKEN; its commit is marked [OIDC]."
    if recommendation.replacement == "service-account":
        return "The command reports that the token is verified: whoami, its repositories, and no access to others."
    return "The form shows exactly these grants, none on the whole account."


def _move(number: int, consumer: RunbookConsumer, recommendation: Recommendation) -> RunbookStep:
    doubt = "" if consumer.certain else " Only its name matches this credential: compare its date first."
    how = consumer.how[:1].upper() + consumer.how[1:]
    if recommendation.replacement in {"trusted-publisher", "no-token"} and consumer.kind.endswith(
        ("secret", "variable")
    ):
        how = "Remove it from the job and delete it after a successful run without it"
    return RunbookStep(
        f"move-{number}",
        _thing(consumer),
        f"{how}.{doubt}" + (f" Contact {consumer.owner}, who last changed it." if consumer.owner else ""),
        _moved_when(consumer),
    )


def _moved_when(consumer: RunbookConsumer) -> str:
    if consumer.kind in {"space-secret", "github-secret"}:
        return "Its date of change is later than the start of this rotation."
    if consumer.kind in {"gitlab-variable", "dotenv", "machine", "keyring"}:
        return "Its value has the fingerprint of the new token (`tokenaudit fingerprint`)."
    return "A scan no longer finds the old fingerprint, and the consumer still works."


def _investigate(credential: Credential) -> RunbookStep:
    dates = [loc.date for loc in credential.locations if loc.date]
    since = f"since {day(min(dates))}, the date of the first commit with the value" if dates else "since it was exposed"
    account = credential.inspection.account.name if credential.inspection and credential.inspection.account else None
    orgs = credential.inspection.orgs if credential.inspection else ()
    logs = [f"huggingface.co/organizations/{o.name}/settings/audit-log" for o in orgs if o.plan]
    return RunbookStep(
        "investigate",
        "Review activity",
        f"Review the activity of {account or 'the account'} {since}: commits, pull requests, discussions, new tokens, "
        f"SSH keys, webhooks, Spaces, Jobs, billing." + (f" Audit logs: {_listed(logs, '')}." if logs else ""),
        "All activity is confirmed as legitimate or reported to security@huggingface.co.",
    )


def _prevent(credential: Credential, recommendation: Recommendation) -> Iterator[RunbookStep]:
    repositories = sorted(
        {loc.target for loc in credential.locations if loc.commit or loc.source in {"tree", "history"}}
    )
    if repositories:
        yield RunbookStep(
            "prevent",
            "Prevent new leaks",
            f"In {_listed(repositories, '')}: run `tokenaudit scan --staged` before each commit and `tokenaudit scan` "
            "in CI, and enable push protection."
            + (
                " Apply the patch for keyless CI (`tokenaudit plan REPORT.json --write-patch DIR` writes it)."
                if recommendation.patch
                else ""
            ),
            "A commit with a test token is rejected.",
        )
    yield RunbookStep(
        "close",
        "Close the incident",
        "Scan again, and save the report with this record.",
        "No active credential with this fingerprint is left, and the scan exits with 0.",
        look_again(credential, hub_of(credential)) if credential.locations else None,
    )


def _spoken(consumer: RunbookConsumer) -> str:
    return _thing(consumer) + (f" (owner {consumer.owner})" if consumer.owner else "")


def _thing(consumer: RunbookConsumer) -> str:
    if not consumer.name or consumer.where.endswith(consumer.name):
        return f"{consumer.kind} {consumer.where}"
    where = "this repository" if consumer.where == "." else consumer.where
    return f"{consumer.kind} {consumer.name} of {where}"


def _places(credential: Credential) -> str:
    seen = [f"{loc.path or loc.source}{f':{loc.line}' if loc.line else ''}" for loc in credential.locations]
    return f"found in {_listed(list(dict.fromkeys(seen)), '')}" if seen else "not found in any scanned place"


def _listed(items: Sequence[str], none: str) -> str:
    unique = list(dict.fromkeys(items))
    return listed(unique, _MOST) if unique else none
