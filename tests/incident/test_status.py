"""Of everything that was ever said of a credential, the last word that means something counts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tests.support.mint import Mint
from tokenaudit.incident.affected import CurrentStatus, current_status
from tokenaudit.model import Account, Claims, Credential, Inspection, Status
from tokenaudit.secret import Secret

HUB = "https://huggingface.co"
NOW = datetime(2026, 9, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
ALICE = Account("user", "alice")
SECRET = Secret(Mint(1).user_token())
CREDENTIAL = Credential(SECRET.fingerprint, "user_token", SECRET.display, "credential")


def said(status: Status, days_ago: int, account: Account | None = None, endpoint: str = HUB) -> Inspection:
    return Inspection(status, NOW - days_ago * DAY, "because", account, role="write", endpoint=endpoint)


def at(
    earlier: list[Inspection], fresh: Inspection | None = None, credential: Credential = CREDENTIAL
) -> CurrentStatus:
    return current_status(credential, earlier, fresh, endpoint=HUB, now=NOW)


def test_a_fresh_answer_wins_and_keeps_what_earlier_ones_told() -> None:
    found = at([said("active", 5, ALICE)], said("invalid", 0))
    assert (found.inspection.status, found.inspection.account, found.asked_now, found.dead) == (
        "invalid",
        ALICE,
        True,
        True,
    )


def test_without_one_the_last_answer_counts_whatever_the_order() -> None:
    found = at([said("active", 2, ALICE), said("unknown", 9)])
    assert (found.inspection.status, found.inspection.checked_at, found.asked_now) == ("active", NOW - 2 * DAY, False)


def test_what_was_dead_stays_dead() -> None:
    assert at([said("invalid", 9), said("unknown", 2)]).dead
    assert at([said("invalid", 9)], said("unknown", 0)).dead


def test_what_another_hub_does_not_know_may_live() -> None:
    found = at([said("invalid", 3, endpoint="https://mirror.example.com")])
    assert found.inspection.status == "unknown"
    assert "a different Hub" in found.inspection.reason


def test_an_unanswered_question_is_unknown_and_says_what_was_known() -> None:
    found = at([said("active", 2, ALICE)], said("unknown", 0))
    assert found.inspection.status == "unknown"
    assert "on 2026-08-30 it was active" in found.inspection.reason
    assert found.details is not None


def test_never_asked_is_unknown() -> None:
    found = at([])
    assert (found.inspection.status, found.has_status, found.details) == ("unknown", False, None)


def test_its_own_expiry_is_an_end() -> None:
    expired = Credential("f", "oauth_token", "d", "credential", claims=Claims(expires_at=NOW - DAY))
    assert at([said("active", 5, ALICE)], credential=expired).inspection.status == "expired"
