"""Which credentials and kept secrets an incident touches: what is not known is never a no."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from tests.support.mint import Mint
from tokenaudit.ci.model import Names
from tokenaudit.incident.affected import counts, credential_touched, secret_touched
from tokenaudit.model import Claims, Credential, Inspection, Location, SecretName
from tokenaudit.policy.settings import Incident
from tokenaudit.secret import Secret

CUTOFF = datetime(2026, 7, 16, tzinfo=timezone.utc)
DAY = timedelta(days=1)
INCIDENT = Incident("x", "x", CUTOFF, "replace it", "")
SECRET = Secret(Mint(1).user_token())
CREDENTIAL = Credential(SECRET.fingerprint, "user_token", SECRET.display, "credential")


def said(created: datetime | None) -> list[Inspection]:
    return [Inspection("active", CUTOFF + DAY, "", created_at=created)]


@pytest.mark.parametrize(
    ("created", "expected"),
    [(CUTOFF - DAY, "yes"), (CUTOFF - timedelta(seconds=1), "yes"), (CUTOFF, "no"), (CUTOFF + DAY, "no")],
)
def test_the_time_of_creation_decides(created: datetime, expected: str) -> None:
    assert credential_touched(CREDENTIAL, said(created), None, INCIDENT)[0] == expected


@pytest.mark.parametrize("inspections", [[], said(None)])
def test_without_any_time_it_is_perhaps(inspections: list[Inspection]) -> None:
    assert credential_touched(CREDENTIAL, inspections, None, INCIDENT)[0] == "perhaps"


def test_being_seen_later_says_nothing() -> None:
    late = replace(CREDENTIAL, locations=(Location("history", "x", "a.py", date=CUTOFF + DAY, commit="a" * 40),))
    assert credential_touched(late, [], CUTOFF + DAY, INCIDENT)[0] == "perhaps"


def test_being_seen_before_is_enough() -> None:
    early = replace(CREDENTIAL, locations=(Location("history", "x", "a.py", date=CUTOFF - DAY, commit="a" * 40),))
    assert credential_touched(early, [], None, INCIDENT) == (
        "yes",
        "found in commit aaaaaaaaaaaa of 2026-07-15",
    )
    assert credential_touched(CREDENTIAL, [], CUTOFF - DAY, INCIDENT)[0] == "yes"


@pytest.mark.parametrize(("days", "expected"), [(-1, "yes"), (1, "no")])
def test_a_jwt_tells_its_own_age(days: int, expected: str) -> None:
    claimed = replace(CREDENTIAL, claims=Claims(issued_at=CUTOFF + days * DAY))
    assert credential_touched(claimed, [], None, INCIDENT)[0] == expected


@pytest.mark.parametrize(
    ("kind", "days", "expected"),
    [
        ("space-secret", -1, "yes"),
        ("space-secret", 0, "no"),
        ("space-secret", None, "perhaps"),
        ("job-secret", 1, "no"),
        ("endpoint-secret", -1, "yes"),
        ("endpoint-secret", 1, "perhaps"),
        ("gitlab-variable", None, "perhaps"),
    ],
)
def test_what_was_last_set_before_the_cut_off_is_touched(kind: str, days: int | None, expected: str) -> None:
    at = None if days is None else CUTOFF + days * DAY
    assert secret_touched(SecretName("x", "HF_TOKEN", kind, at), INCIDENT)[0] == expected


@pytest.mark.parametrize(
    ("kind", "target", "name", "mark", "expected"),
    [
        ("space-secret", "spaces/acme/app", "WANDB_API_KEY", None, True),
        ("space-variable", "spaces/acme/app", "HF_TOKEN", None, False),
        ("space-variable", "spaces/acme/app", "MODEL", "touched", True),
        ("space-variable", "spaces/acme/app", "MODEL", "other", False),
        ("github-secret", "github:acme/x", "AWS_KEY", None, False),
        ("github-secret", "github:acme/x", "HF_TOKEN", None, True),
        ("gitlab-variable", "gitlab:acme/x", "HF_TOKEN", None, True),
        ("job-secret", "jobs/acme/1", "HF_TOKEN", None, False),
        ("job-secret", "scheduled-jobs/acme/1", "HF_TOKEN", None, True),
        ("job-token", "scheduled-jobs/acme/1", "hfToken", None, True),
        ("webhook-secret", "webhooks/acme/1", "HF_TOKEN", None, True),
    ],
)
def test_what_counts_as_a_place(kind: str, target: str, name: str, mark: str | None, expected: bool) -> None:
    assert counts(SecretName(target, name, kind, fingerprint=mark), {"touched"}, Names()) is expected
