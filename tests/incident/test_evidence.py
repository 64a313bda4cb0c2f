"""Reports, inventory and values put together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from tests.support.mint import Mint
from tokenaudit.ci.model import Names
from tokenaudit.incident.affected import affected_secrets
from tokenaudit.incident.changes.namespaces import SpaceSettings
from tokenaudit.incident.evidence import IncidentEvidence
from tokenaudit.inventory import KnownCredential, Sweep
from tokenaudit.model import Credential, Location, Report, SecretName, Target, Tool
from tokenaudit.policy.settings import Incident
from tokenaudit.secret import Secret

NOW = datetime(2026, 9, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
SECRET = Secret(Mint(1).user_token())
AT = Location("tree", "repo", ".env", 1)
FOUND = Credential(SECRET.fingerprint, "user_token", SECRET.display, "credential", (AT,))
INCIDENT = Incident("x", "x", NOW, "", "")


def report(at: datetime, *found: Credential, complete: bool = True) -> Report:
    return Report(Tool("t", "1"), at, at, complete, targets=(Target("repo", "tree"),), credentials=found)


def test_a_later_reading_of_a_place_tells_who_uses_it_still() -> None:
    material = IncidentEvidence()
    material.report(report(NOW, FOUND), "old")
    assert [consumer.where for consumer in material.consumers(SECRET.fingerprint)] == ["repo: .env"]
    material.report(report(NOW + DAY), "new")
    assert material.consumers(SECRET.fingerprint) == ()


def test_a_later_reading_that_is_incomplete_proves_nothing() -> None:
    material = IncidentEvidence()
    material.report(report(NOW, FOUND), "old")
    material.report(report(NOW + DAY, complete=False), "new")
    assert len(material.consumers(SECRET.fingerprint)) == 1


def test_places_are_united_and_what_one_source_believes_counts() -> None:
    material = IncidentEvidence()
    other = replace(AT, path="b.py")
    material.report(report(NOW, replace(FOUND, likelihood="identifier")), "one")
    material.report(report(NOW, replace(FOUND, locations=(other,))), "two")
    merged = material.credentials[SECRET.fingerprint]
    assert (merged.likelihood, set(merged.locations)) == ("credential", {AT, other})


def test_a_credential_that_is_gone_uses_nothing_and_an_unfinished_sweep_is_said() -> None:
    material = IncidentEvidence()
    material.inventory([KnownCredential(FOUND, NOW - DAY, NOW, present=False)], ())
    material.sweeps([Sweep(1, "acme", ("acme",), NOW)], ())
    assert material.consumers(SECRET.fingerprint) == ()
    assert material.first_seen[SECRET.fingerprint] == NOW - DAY
    assert "not finished" in material.skipped[0].reason


def variable(mark: str | None) -> SecretName:
    return SecretName("spaces/a/b", "HF_TOKEN", "space-variable", NOW, fingerprint=mark)


def test_a_variable_is_settled_by_what_it_holds_now() -> None:
    recorded = [variable("old")]
    cases = {"old": "open", "new": "done", None: "done"}
    for mark, state in cases.items():
        (found,) = affected_secrets(
            recorded, {"spaces/a/b": SpaceSettings((), (variable(mark),))}, frozenset({"old"}), INCIDENT, Names()
        )
        assert (found.state, found.asked_now) == (state, True)
    (gone,) = affected_secrets(recorded, {"spaces/a/b": SpaceSettings((), ())}, frozenset({"old"}), INCIDENT, Names())
    assert (gone.state, gone.why) == ("done", "no longer exists")


def test_what_could_not_be_asked_now_stays_as_it_was_recorded() -> None:
    recorded = [variable("old"), SecretName("spaces/a/b", "KEY", "space-secret", NOW - DAY)]
    found = affected_secrets(recorded, {"spaces/a/b": SpaceSettings(None, None)}, frozenset({"old"}), INCIDENT, Names())
    assert [(one.state, one.asked_now) for one in found] == [("open", False), ("open", False)]


def test_a_secret_that_no_sweep_has_seen_is_found_by_asking() -> None:
    new = SecretName("spaces/a/b", "KEY", "space-secret", NOW - DAY)
    (found,) = affected_secrets((), {"spaces/a/b": SpaceSettings((new,), ())}, frozenset(), INCIDENT, Names())
    assert (found.state, found.touched) == ("open", "yes")
