"""The usage report as CSV with one row per token and address, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.csv import table
from tokenaudit.report.usage.phrasing import describe
from tokenaudit.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tokenaudit.audit_log.model import AddressUse, TokenUse, UsageReport
    from tokenaudit.report import Options

COLUMNS = (
    "row", "severity", "flags", "token_id", "last4", "role", "owner", "fingerprint", "candidates", "exposed_at",
    "known_as", "ip", "location", "country", "new_after_exposure", "events", "first_seen", "last_seen", "type",
    "message", "user_agent",
)  # fmt: skip


def render(usage: UsageReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """Rows `token` and, below each, `address` and `after-exposure`; last `skipped`, with the reason as message."""
    return table(COLUMNS, _rows(usage))


def _rows(usage: UsageReport) -> Iterator[dict[str, object]]:
    for use in usage.tokens:
        yield {
            "row": "token", **_token(use), "events": use.total, "first_seen": _time(use.first_seen),
            "last_seen": _time(use.last_seen), "type": " ".join(use.events),
            "user_agent": "; ".join(each.user_agent for each in use.user_agents[:5]),
        }  # fmt: skip
        for address in use.addresses:
            yield {"row": "address", **_token(use), **_address(address)}
        for event in use.after_exposure:
            yield {
                "row": "after-exposure", **_token(use), "ip": event.ip, "location": event.location, "events": 1,
                "first_seen": _time(event.at), "last_seen": _time(event.at), "type": event.type,
                "message": event.message, "user_agent": event.user_agent,
            }  # fmt: skip
    for entry in usage.skipped:
        yield {"row": "skipped", "location": entry.where, "message": entry.reason}


def _token(use: TokenUse) -> dict[str, object]:
    return {
        "severity": use.severity.value, "flags": " ".join(use.flags), "token_id": use.token_id, "last4": use.last4,
        "role": use.role, "owner": use.owner, "fingerprint": use.fingerprint, "candidates": " ".join(use.candidates),
        "exposed_at": _time(use.exposed_at), "known_as": describe(use.known_as),
    }  # fmt: skip


def _address(address: AddressUse) -> dict[str, object]:
    return {
        "ip": address.ip, "location": address.location, "country": address.country, "events": address.events,
        "new_after_exposure": "yes" if address.new else "no", "first_seen": _time(address.first_seen),
        "last_seen": _time(address.last_seen),
    }  # fmt: skip


def _time(moment: datetime | None) -> str:
    return rfc3339(moment) if moment is not None else ""
