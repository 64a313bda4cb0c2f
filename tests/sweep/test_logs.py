"""What Spaces printed is read on request, with the line it stands on; what can't be read of it is told."""

from __future__ import annotations

import pytest

from tests.hub import bodies
from tests.hub.faults import error
from tests.hub.state import MOMENT, Log
from tests.sweep.example_org import Acme, everything
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepScope
from tokenaudit.timestamps import parse_timestamp

LOGS = SweepScope(("acme",), logs=True)


@pytest.fixture
def talkative(org: Acme) -> Acme:
    """A Space that printed a token while it was built, and another, in colour, while it ran."""
    org.repository("app", "space", secret=False)
    space = org.double.world.repos["space", "acme/app"]
    space.logs["build"] = Log.of("Step 1/3", f"ARG HF_TOKEN={org.token('build log')}")
    coloured = f"\x1b[32m{org.token('run log')}\x1b[0m"
    space.logs["run"] = Log.of("===== start =====", "", f"logged in with {coloured}", then="print")
    return org


def test_logs_are_read_on_request_only(talkative: Acme) -> None:
    assert talkative.sweep().report.credentials == ()
    assert talkative.double.count("/logs/") == 0
    swept = talkative.sweep(LOGS)
    assert swept.report.skipped == ()
    found = {c.fingerprint: c.locations for c in swept.report.credentials}
    (build,) = found[fingerprint(talkative.tokens["build log"])]
    (run,) = found[fingerprint(talkative.tokens["run log"])]
    assert (build.source, build.target, build.path, build.line, build.column) == (
        "space-log", "spaces/acme/app", "build", 2, 14,
    )  # fmt: skip
    assert (run.source, run.path, run.line, run.column, run.date) == (
        "space-log",
        "run",
        3,
        16,
        parse_timestamp(MOMENT),
    )
    assert len(found) == 2


def test_logs_that_nobody_asked_for_this_time_are_not_gone(talkative: Acme) -> None:
    talkative.sweep(LOGS)
    talkative.sweep()
    with talkative.book() as book:
        assert [known.present for known in book.credentials()] == [True, True]
    del talkative.double.world.repos["space", "acme/app"]
    talkative.sweep()
    with talkative.book() as book:
        assert [known.present for known in book.credentials()] == [False, False]


def test_a_static_space_is_not_asked_for_logs(org: Acme) -> None:
    org.repository("page", "space", secret=False, info={"sdk": "static"})
    assert org.sweep(LOGS).report.skipped == ()
    assert org.double.count("/logs/") == 0


def test_a_reader_is_told_what_logs_need(talkative: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = talkative.mint.user_token()
    talkative.double.knows(reader, bodies.classic("read", orgs=[bodies.org("acme", "read")]))
    monkeypatch.setenv("HF_TOKEN", reader)
    gaps = {gap.where: gap.reason for gap in talkative.sweep(LOGS).report.skipped}
    assert "needs repo.write on spaces/acme/app" in gaps["spaces/acme/app: run log"]
    assert "needs repo.write on spaces/acme/app" in gaps["spaces/acme/app: build log"]


def test_one_log_that_fails_leaves_the_other(talkative: Acme) -> None:
    talkative.double.fails("/logs/build", error(500, "Oops"), always=True)
    swept = talkative.sweep(LOGS)
    assert {gap.where for gap in swept.report.skipped} == {"spaces/acme/app: build log"}
    assert {c.fingerprint for c in swept.report.credentials} == {fingerprint(talkative.tokens["run log"])}


def test_without_a_token_no_log_is_asked_for(talkative: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    gaps = {gap.where for gap in talkative.sweep(LOGS, auditor_token=False).report.skipped}
    assert {"spaces/acme/app: build log", "spaces/acme/app: run log"} <= gaps
    assert talkative.double.count("/logs/") == 0


def test_everything_else_is_found_as_well(org: Acme) -> None:
    everything(org)
    org.double.world.repos["space", "acme/demo"].logs["run"] = Log.of(org.token("log"), then="keep-alive")
    swept = org.sweep(LOGS)
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    text = repr(swept.report)
    assert not any(value in text for value in org.tokens.values())
