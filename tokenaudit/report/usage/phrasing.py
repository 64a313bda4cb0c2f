"""Texts that all formats of a usage report share, and its timeline."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from tokenaudit import exit_codes
from tokenaudit.text import count, listed
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenaudit.audit_log.model import KnownToken, TokenUse, UsageFlag, UsageReport
    from tokenaudit.model import Severity

FLAGS: dict[UsageFlag, str] = {
    "new-address-after-exposure": "used from an address that was never seen before the exposure",
    "new-country": "used from a country that was never seen before the exposure",
    "minted-token": "used to create a token",
    "changed-secret": "used to change a secret",
    "deleted-token": "used to delete a token",
    "unknown-token": "belongs to no known service account, Job or found credential",
}
_MOST_NAMES = 3


def exit_code(usage: UsageReport, fail_on: Severity | None) -> int:
    """1 for a flagged token of at least `fail_on` (None: never), else 3 if the log is incomplete, else 0."""
    return exit_codes.exit_code((use.severity for use in usage.flagged), fail_on, complete=usage.complete)


def answer(usage: UsageReport) -> str:
    """The summary in one sentence."""
    period = f" from {day(usage.from_)} to {day(usage.to)}" if usage.from_ and usage.to else ""
    text = f"{count(len(usage.tokens), 'token')} used, {len(usage.flagged):,} flagged; "
    text += f"{count(usage.events, 'event')}{period}"
    if usage.complete:
        return f"{text}."
    return f"{text}; incomplete, {count(len(usage.skipped), 'place')} skipped."


def flag(name: UsageFlag, use: TokenUse) -> str:
    """What a flag means for a token."""
    if name == "deleted-token" and use.deleted:
        other = any(kind.startswith("org.service_account") and kind.endswith("delete") for kind in use.events)
        return f"{FLAGS[name]}; no longer exists itself" if other else "no longer exists"
    return FLAGS[name]


def title(use: TokenUse) -> str:
    """The token in a few words."""
    end = f"…{use.last4}" if use.last4 else "token"
    identity = f" {use.token_id}" if use.token_id else ""
    owner = f" of {use.owner}" if use.owner else ""
    return f"{end}{identity}{owner}"


def credential(use: TokenUse) -> str:
    """The found credential of the token and its exposure; empty if there is none."""
    if use.candidates:
        return f"ambiguous: {count(len(use.candidates), 'found credential')} end in {use.last4}: " + listed(
            [fingerprint[:12] for fingerprint in use.candidates], _MOST_NAMES
        )
    if use.fingerprint is None:
        return ""
    exposed = f", exposed {moment(use.exposed_at)}" if use.exposed_at else ", no known exposure"
    return f"{use.fingerprint[:12]}{exposed}"


def describe(known: Sequence[KnownToken]) -> str:
    """What a token ID is known from."""
    return listed([f"{each.kind} {each.where}{f' ({each.name})' if each.name else ''}" for each in known], _MOST_NAMES)


def span(first: datetime | None, last: datetime | None) -> str:
    """A first and last time."""
    if first is None or last is None:
        return "at unknown times"
    return moment(first) if minute(first) == minute(last) else f"{moment(first)} to {moment(last)}"


def moment(time: datetime | None) -> str:
    """A time to the minute."""
    return f"{minute(time)} UTC" if time is not None else "time unknown"


def timeline(use: TokenUse, usage: UsageReport, columns: int) -> tuple[list[int], int | None]:
    """The number of events in each of `columns` equal periods of the log, and the period of the exposure.

    The period is -1 if the exposure is before the log, None if there is none or it is after the log.
    """
    counts = [0] * columns
    if usage.from_ is None or usage.to is None:
        return counts, None
    first, days = usage.from_.toordinal(), usage.to.toordinal() - usage.from_.toordinal() + 1

    def column(ordinal: int) -> int:
        return (ordinal - first) * columns // days

    for name, events in use.days.items():
        at = column(date.fromisoformat(name).toordinal())
        if 0 <= at < columns:
            counts[at] += events
    if use.exposed_at is None or use.exposed_at > usage.to:
        return counts, None
    return counts, max(-1, column(use.exposed_at.toordinal()))
