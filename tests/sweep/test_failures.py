"""What can't be read is told with the permission it needs; what goes wrong stops nothing else and can be resumed."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.hub import bodies
from tests.hub.faults import Fault, error
from tests.sweep.example_org import Acme, everything
from tokenaudit.errors import InventoryError, UsageError
from tokenaudit.inventory import Inventory
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepScope, run_sweep
from tokenaudit.sweep.scheduler import thread_pool


def gaps(org: Acme) -> dict[str, str]:
    return {gap.where: gap.reason for gap in org.sweep().report.skipped}


def test_a_reader_is_told_which_permissions_are_missing(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    everything(org)
    reader = org.mint.user_token()
    org.double.knows(reader, bodies.classic("read"))
    org.double.fails("/api/(scheduled-)?jobs/acme", error(403, "Forbidden"), always=True)
    org.double.fails("/v2/endpoint", error(403, "missing permissions"), always=True)
    monkeypatch.setenv("HF_TOKEN", reader)
    told = gaps(org)
    assert "repo.write on spaces/acme/demo" in told["spaces/acme/demo: variables"]
    assert "repo.write on spaces/acme/demo" in told["spaces/acme/demo: secret names"]
    assert "job.write on acme" in told["jobs/acme"]
    assert "job.write on acme" in told["scheduled-jobs/acme"]
    assert "inference.endpoints.write on acme" in told["endpoints/acme"]
    assert "membership of acme" in told["repositories of acme"]


def test_without_a_token_only_what_is_public_is_read_and_that_is_told(
    org: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(org)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_HOME", str(org.folder / "nowhere"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    swept = org.sweep(auditor_token=False)
    targets = {target.target for target in swept.report.targets}
    assert "models/acme/tiny-model" in targets
    assert "datasets/acme/corpus" not in targets
    assert not swept.report.complete
    assert {request.token for request in org.double.requests if "whoami" not in request.path} == {None}


def test_a_repository_that_cannot_be_cloned_stops_no_other_and_is_tried_again(org: Acme) -> None:
    for name in ("a", "broken", "z"):
        org.repository(name)
    broken = org.double.world.repos["model", "acme/broken"]
    assert broken.git is not None
    moved = broken.git.with_name("moved.git")
    shutil.move(broken.git, moved)
    broken.git.mkdir()
    first = org.sweep()
    assert first.finished
    assert {gap.where for gap in first.report.skipped} == {"models/acme/broken"}
    assert len(first.report.credentials) == 2
    broken.git.rmdir()
    shutil.move(moved, broken.git)
    assert {c.fingerprint for c in org.sweep().report.credentials} == org.marks


def test_a_discussion_that_fails_is_told_and_read_next_time(org: Acme) -> None:
    everything(org)
    org.double.fails("/discussions/1$", error(403, "Forbidden"))
    assert "repo.content.read on spaces/acme/demo" in gaps(org)["spaces/acme/demo: discussions/1"]
    assert gaps(org) == {}


def test_an_unknown_namespace_is_said(org: Acme) -> None:
    with pytest.raises(UsageError, match="user or organization nobody not found"):
        org.sweep(SweepScope(("nobody",)))
    with pytest.raises(UsageError, match="invalid user or organization name"):
        org.sweep(SweepScope(("../acme",)))


def test_a_refused_token_is_said_before_anything_is_read(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", org.mint.user_token())
    with pytest.raises(UsageError, match="rejects your token"):
        org.sweep()


def test_a_hub_that_does_not_answer_is_said(org: Acme) -> None:
    org.double.fails("overview", Fault(503), always=True)
    with pytest.raises(UsageError, match="acme can't be looked up"):
        org.sweep()


@pytest.mark.parametrize("fault", [error(401, "Invalid credentials in Authorization header"), Fault(503)])
def test_a_sweep_that_loses_the_hub_half_way_stops_and_is_continued(org: Acme, fault: Fault) -> None:
    """Whether the auditor's token expires or the Hub goes down: what was read stays, the rest is read next time."""
    for number in range(12):
        org.repository(f"m{number}")
    org.double.fails(r"/m([2-9]|1\d)/(refs|discussions)", fault, always=True)
    org.double.fails("whoami", _whoami(org), fault, always=True)
    first = org.sweep(
        SweepScope(("acme",), types=("model",), include=("*",)), executor_pool=thread_pool(1), inspect=False
    )
    assert not first.finished
    assert not first.report.complete
    (rest,) = [gap for gap in first.report.skipped if gap.where == "the rest of the sweep"]
    assert "run the same command again" in rest.reason
    assert {c.fingerprint for c in first.report.credentials} == {fingerprint(org.tokens[name]) for name in ("m0", "m1")}
    org.double.server.faults.clear()
    clones = org.double.count("/m0/git-upload-pack")
    second = org.sweep(SweepScope(("acme",), types=("model",), include=("*",)), inspect=False)
    assert (second.number, second.finished) == (first.number, True)
    assert second.report.skipped == ()
    assert org.double.count("/m0/git-upload-pack") == clones
    assert {c.fingerprint for c in second.report.credentials} == org.marks


def _whoami(org: Acme) -> Fault:
    body = json.dumps(org.double.world.tokens[org.own]).encode()
    return Fault(200, body=body)


def test_a_full_inventory_stops_the_sweep_in_one_line_and_it_is_continued(org: Acme) -> None:
    everything(org)
    org.sweep(SweepScope(("acme",), types=("bucket",)))
    with org.book() as book:
        pages = book._open().exec_driver_sql("PRAGMA page_count").scalar()
        book._open().exec_driver_sql(f"PRAGMA max_page_count={pages}")
        book._open().rollback()
        with pytest.raises(InventoryError, match="disk full"):
            _sweep_for_ever(org, book)
    assert org.sweep().finished


def _sweep_for_ever(org: Acme, book: Inventory) -> None:
    demo = org.double.world.repos["space", "acme/demo"]
    for round_ in range(100):
        demo.secrets |= {f"S{round_}_{n}": {"key": f"S{round_}_{n}", "description": "x" * 500} for n in range(300)}
        run_sweep(
            SweepScope(("acme",), types=("space",), include=("*",)), org.context(), book, executor_pool=thread_pool(2)
        )


def test_two_sweeps_at_once_are_refused(org: Acme) -> None:
    with org.book() as book, book.alone(), pytest.raises(InventoryError, match="another sweep"):
        org.sweep()


def test_members_are_swept_on_request_only(org: Acme) -> None:
    org.double.world.members["acme"] = [{"user": "member", "fullname": "Member", "avatarUrl": "/m.png"}]
    org.double.world.users.add("member")
    repo = org.repository("own", secret=True)
    org.double.hosts(repo.path, "member/side")
    names = {target.target for target in org.sweep().report.targets}
    assert "models/member/side" not in names
    names = {target.target for target in org.sweep(SweepScope(("acme",), members=True)).report.targets}
    assert "models/member/side" in names


def test_patterns_and_types_narrow_a_sweep(org: Acme) -> None:
    everything(org)
    scope = SweepScope(("acme",), types=("model", "space"), include=("acme/d*", "models/*"), exclude=("*/tiny-*",))
    assert {target.target for target in org.sweep(scope).report.targets} == {"spaces/acme/demo"}
