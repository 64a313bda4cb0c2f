"""The steps of one credential's runbook, in the order of its mode."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from tokenaudit.model import Credential, Recommendation
from tokenaudit.permissions import label_of, name_of
from tokenaudit.remediate.locate import found_again, hub_of, look_again
from tokenaudit.remediate.runbook import Mode, RunbookConsumer, RunbookStep
from tokenaudit.remediate.runbook.purge import purge_steps
from tokenaudit.text import listed
from tokenaudit.timestamps import day, minute

ENDS_BY_ITSELF = frozenset({"oauth_token", "oidc_token", "s3_token"})
"""Kinds that can't be revoked by their value."""
_MOST = 6


def steps_of(
    credential: Credential,
    recommendation: Recommendation,
    consumers: Sequence[RunbookConsumer],
    unknown: Sequence[str],
    mode: Mode,
) -> tuple[RunbookStep, ...]:
    """Everything to do about one credential. A breach contains first; a planned change revokes last."""
    return tuple(_ordered(credential, recommendation, consumers, unknown, mode))


def _ordered(
    credential: Credential,
    recommendation: Recommendation,
    consumers: Sequence[RunbookConsumer],
    unknown: Sequence[str],
    mode: Mode,
) -> Iterator[RunbookStep]:
    dead = credential.inspection is not None and credential.inspection.dead
    yield _identify(credential)
    if mode == "breach" and not dead:
        yield _revoke(credential, mode, consumers)
    if not dead:
        yield _reach(credential, mode)
    yield RunbookStep(
        "consumers",
        "Know every consumer",
        _listed([_spoken(c) for c in consumers], "No consumer is known") + f". Not known: {'; '.join(unknown)}.",
        "Each known consumer has an owner who knows of the change; each unknown place has been looked at.",
    )
    if consumers or not dead:
        yield from _replace(recommendation)
    for number, consumer in enumerate(consumers, start=1):
        yield _move(number, consumer, recommendation)
    if consumers:
        yield RunbookStep(
            "restart",
            "Start again whatever reads it only once",
            f"Restart or rerun what reads: {_listed([_thing(c) for c in consumers], '')}.",
            "A run that started after the change has succeeded, for each of them.",
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
        do = f"Nobody asked the Hub about {credential.display}: {_places(credential)}. Ask who it speaks for."
        command = look_again(credential, hub_of(credential), ask=True)
    else:
        who = f"{found.account.type} {found.account.name}" if found.account else "an account the Hub did not name"
        age = f", created {day(found.created_at)}" if found.created_at else ""
        said = f"{credential.display} is {found.status} ({found.reason}): {who}, role {found.role}{age}"
        do = f"{said}; {_places(credential)}."
        command = None
    return RunbookStep(
        "identify", "Know whose it is", do, "The account is the expected one, and its owner knows.", command
    )


def _revoke(credential: Credential, mode: Mode, consumers: Sequence[RunbookConsumer]) -> RunbookStep:
    if credential.kind in ENDS_BY_ITSELF:
        ends = credential.claims.expires_at if credential.claims else None
        when = f"ends by itself at {minute(ends)} UTC" if ends else "ends by itself, when is not known"
        return RunbookStep(
            "revoke",
            "End it where it comes from",
            f"Revocation takes 200 characters at most; this kind {when}. Revoke what it was derived from, or remove "
            "the application's access.",
            "The Hub refuses it (whoami answers 401).",
        )
    breaks = _listed([_spoken(c) for c in consumers], "nothing that is known")
    first = "Contain: revoke it now" if mode == "breach" else "Revoke the old one, last"
    place = found_again(credential, hub_of(credential))
    paste = "" if place else " Its value goes to standard input."
    return RunbookStep(
        "revoke",
        first,
        f"This can't be undone. What stops working: {breaks}.{paste}",
        "The Hub refuses it: whoami answers 401. An accepted request (202) proves nothing.",
        f"tokenaudit revoke {shlex.quote(credential.fingerprint)}" + (f" --from {place}" if place else ""),
    )


def _reach(credential: Credential, mode: Mode) -> RunbookStep:
    reach, command = credential.reach, None
    if reach is None:
        early = ", and of a dead one it can't be: do this before, if a minute can be spared" if mode == "breach" else ""
        do = f"What it can read and write was not asked{early}. Its value goes to standard input."
        command = "tokenaudit inspect --reach summary"
    else:
        writable = [f"{r.type} {r.id}" for r in reach.repos if r.access == "write"]
        do = (
            f"It reads {reach.readable} repositories ({reach.private} private, {reach.gated} gated) and writes "
            f"{reach.writable}, with {reach.downloads_month} downloads a month"
            + (f": {_listed(writable, '')}" if writable else "")
            + "."
            + (f" Not counted: {'; '.join(reach.not_counted)}." if reach.not_counted else "")
        )
    return RunbookStep(
        "reach", "Know what it reaches", do, "The list is kept with the incident, before rights change.", command
    )


def _replace(recommendation: Recommendation) -> Iterator[RunbookStep]:
    if recommendation.replacement == "no-token":
        notes = " ".join(recommendation.notes)
        yield RunbookStep(
            "replace",
            "Do without a token",
            f"Everything seen is public. {notes}",
            "The consumers run with no HF_TOKEN set.",
        )
        return
    grants = _listed(
        [f"{', '.join(label_of(p) for p in g.permissions)} on {name_of(g.entity)}" for g in recommendation.grants],
        "nothing yet",
    )
    what = {
        "trusted-publisher": "Set up the Trusted Publisher",
        "service-account": "Create the service account's token",
    }.get(recommendation.replacement, "Create the new token")
    link = f" Form: {recommendation.create_url}" if recommendation.create_url else ""
    yield RunbookStep(
        "replace", what, f"It may: {grants}. {' '.join(recommendation.notes)}{link}", _replaced_when(recommendation)
    )
    if recommendation.replacement != "trusted-publisher":
        names = [g.entity.name for g in recommendation.grants if g.entity.name and "/" in g.entity.name]
        repository = names[0] if names else "a repository it is meant for"
        yield RunbookStep(
            "verify-new",
            "Prove the new one",
            "Ask the Hub who it is and compare what it may with what it should, more and less alike.",
            f"Same account, another token, role fineGrained, grants as above; it can reach {repository} and "
            "can't write any other.",
            "tokenaudit inspect",
        )


def _replaced_when(recommendation: Recommendation) -> str:
    if recommendation.replacement == "trusted-publisher":
        return "A first run publishes with no HF_TOKEN set; the commit shows as made by [OIDC]."
    return "The form shows exactly these rights, nothing on the whole account."


def _move(number: int, consumer: RunbookConsumer, recommendation: Recommendation) -> RunbookStep:
    doubt = "" if consumer.certain else " Only its name says that it holds this credential: compare its date first."
    how = consumer.how[:1].upper() + consumer.how[1:]
    if recommendation.replacement in {"trusted-publisher", "no-token"} and consumer.kind.endswith(
        ("secret", "variable")
    ):
        how = "Take it out of the job and delete it once a run without it has succeeded"
    return RunbookStep(
        f"move-{number}",
        _thing(consumer),
        f"{how}.{doubt}" + (f" Ask {consumer.owner}, who last touched it." if consumer.owner else ""),
        _moved_when(consumer),
    )


def _moved_when(consumer: RunbookConsumer) -> str:
    if consumer.kind in {"space-secret", "github-secret"}:
        return "Its time of change is later than the start of this rotation."
    if consumer.kind in {"gitlab-variable", "dotenv", "machine", "keyring"}:
        return "The fingerprint of what it holds is the new one's (`tokenaudit fingerprint`)."
    return "A scan of it shows the old fingerprint no more, and it still works."


def _investigate(credential: Credential) -> RunbookStep:
    dates = [loc.date for loc in credential.locations if loc.date]
    since = f"since {day(min(dates))}, the first commit with it" if dates else "since the day it could be seen"
    account = credential.inspection.account.name if credential.inspection and credential.inspection.account else None
    orgs = credential.inspection.orgs if credential.inspection else ()
    logs = [f"huggingface.co/organizations/{o.name}/settings/audit-log" for o in orgs if o.plan]
    return RunbookStep(
        "investigate",
        "Look at what was done with it",
        f"Go through what {account or 'the account'} did {since}: commits, pull requests, discussions, new tokens, SSH "
        f"keys, webhooks, Spaces, Jobs, billing." + (f" Audit logs: {_listed(logs, '')}." if logs else ""),
        "Someone has signed that all of it was their own, or it went to security@huggingface.co.",
    )


def _prevent(credential: Credential, recommendation: Recommendation) -> Iterator[RunbookStep]:
    repositories = sorted(
        {loc.target for loc in credential.locations if loc.commit or loc.source in {"tree", "history"}}
    )
    if repositories:
        yield RunbookStep(
            "prevent",
            "Keep it from happening again",
            f"In {_listed(repositories, '')}: run `tokenaudit scan --staged` before each commit and `tokenaudit scan` "
            "in CI, and switch on push protection."
            + (" Apply the patch for keyless CI." if recommendation.patch else ""),
            "A commit with a made-up token is refused.",
        )
    yield RunbookStep(
        "close",
        "Close it",
        "Scan again, and keep that report with this record.",
        "No live credential with this fingerprint is left, and the scan exits 0.",
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
    return f"seen in {_listed(list(dict.fromkeys(seen)), '')}" if seen else "seen in no place, only asked about"


def _listed(items: Sequence[str], none: str) -> str:
    unique = list(dict.fromkeys(items))
    return listed(unique, _MOST) if unique else none
