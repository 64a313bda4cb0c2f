"""Everything that the audit log knows of an affected token is in the incident report."""

from __future__ import annotations

from tests.hub.resources import TOKEN_ID
from tests.incident.breach import BEFORE, DURING, SINCE, Breach, event


def test_every_event_of_an_affected_token_is_shown_whatever_its_type(after: Breach) -> None:
    last4 = after.old[-4:]
    used = {"type": "access_token", "id": TOKEN_ID, "deleted": False}
    after.double.world.audit_log["acme"] = [
        event("collection.create", 1, BEFORE, last4=last4, ip="192.0.2.1"),
        event("billing.invented", 2, SINCE, last4=last4, ip="192.0.2.2"),
        event("spaces.update_hardware", 3, DURING, token=used),  # an event can lack the last four characters
        event("spaces.update_hardware", 4, SINCE, token={**used, "id": "b" * 24, "last4": "zzzz"}),
        *(event("collection.update", 10 + number, SINCE, last4=last4) for number in range(5)),
    ]
    view = after.view("--limit", "1")
    by_token = [change for change in view["changes"] if change["credential"] == after.mark]
    assert {change["id"][-2:] for change in by_token if change["kind"] == "audit"} == {
        "02", "03", "0a", "0b", "0c", "0d", "0e",
    }  # fmt: skip
    (use,) = view["usage"]
    assert (use["fingerprint"], use["token_id"]) == (after.mark, TOKEN_ID)
    assert use["events"] == {
        "collection.update": 5, "billing.invented": 1, "collection.create": 1, "spaces.update_hardware": 1,
    }  # fmt: skip
    assert {address["ip"] for address in use["addresses"]} == {"192.0.2.1", "192.0.2.2"}
    assert use["first_seen"] == "2026-01-05T10:00:00Z"
