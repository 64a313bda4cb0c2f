"""What to do about a finding, in words that all formats share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from tokenaudit.policy.context import exposed
from tokenaudit.report.presentation import likely, problems, spots
from tokenaudit.text import count, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenaudit.model import Credential, Report

Row = TypeVar("Row")

REVOKE = "Revoke it at https://huggingface.co/settings/tokens and replace it; deleting the text is not enough."
REMOVE = "Remove the value from the location."
NO_ACTION = "No action: expected location"


def dead_lines(credentials: Sequence[Credential]) -> list[str]:
    """How many credentials are dead and what is left to do about them."""
    statuses = Counter(c.inspection.status for c in credentials if c.inspection is not None)
    by_status = ", ".join(f"{statuses[status]:,} {status}" for status in sorted(statuses, reverse=True))
    places = sum(len(spots(credential)) for credential in credentials)
    be = "is" if len(credentials) == 1 else "are"
    lines = [f"{count(len(credentials), 'credential')} {be} no longer valid ({by_status})"]
    if places:
        lines.append(
            f"Review what was done with them while they were valid, and remove the values ({count(places, 'place')})."
        )
    return lines


def remedies_of(credential: Credential) -> list[str]:
    """What to do about a credential, each sentence once; a dead one needs no replacement."""
    reasons = credential.verdict.reasons if credential.verdict else ()
    found = [reason.remedy for reason in reasons if reason.remedy]
    if not found and exposed(credential):
        found.append(REMOVE if credential.dead else REVOKE)
    kept_by_owner = not found and bool(credential.locations)
    if credential.recommendation is not None and not credential.dead and not kept_by_owner:
        found.append(f"Replace it with {replacement(credential.recommendation.replacement)}.")
    return list(dict.fromkeys(found))


def replacement(name: str) -> str:
    """The replacement of a credential as text, to follow "replace it with"."""
    return {
        "trusted-publisher": "a Trusted Publisher (no stored token in CI)",
        "fine-grained": "a fine-grained token with only the permissions in use",
        "no-token": "no token: everything it reads is public",
        "service-account": "a service account token",
    }.get(name, name)


class RemedyLog:
    """The remedies that a document has shown so far, to show each only once."""

    def __init__(self) -> None:
        self._shown: dict[object, str] = {}

    def new(self, rows: Sequence[Row], name: str) -> list[Row | str]:
        """`rows` without those of earlier findings, which a reference to those findings replaces.

        `name` is how a later reference names this finding.
        """
        earlier = list(dict.fromkeys(self._shown[row] for row in rows if row in self._shown))
        new: list[Row | str] = [row for row in rows if row not in self._shown]
        if earlier:
            where = next(number for number, row in enumerate(rows) if row in self._shown)
            new.insert(where, f"As for {listed(earlier, 3, ' and ')}, above.")
        self._shown.update((row, name) for row in rows if row not in self._shown)
        return new


def sentences(*parts: str) -> str:
    """The parts that say something, each ended by a full stop if it has no end of its own."""
    texts = [part.strip() for part in parts if part.strip()]
    return " ".join(part if part.endswith((".", "!", "?", ":")) else f"{part}." for part in texts)


def next_step(report: Report) -> str:
    """The next command, in one line; empty if there is nothing to do."""
    credentials = likely(report)
    if any(c.inspection is None for c in credentials):
        return "run the same command with --inspect to check which of these are active and what they can access."
    open_ones = [
        c for c in credentials if c.inspection and c.inspection.status in {"active", "unknown"} and c.locations
    ]
    if open_ones:
        return "tokenaudit plan REPORT.json shows how to replace each one (write REPORT.json with --format json)."
    if report.problems:
        return f"tokenaudit rules {problems(report)[0].rule} explains the first problem."
    if report.accepted_active:
        return (
            "revoke the accepted credentials that are still active, with tokenaudit revoke FINGERPRINT --from TARGET."
        )
    if not report.complete:
        return "make the skipped places readable and run the same command again."
    return ""
