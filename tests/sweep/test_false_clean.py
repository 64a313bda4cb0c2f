"""A repository that could not be read is never remembered as read, however the Hub words its failure."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.hub.faults import Fault
from tests.hub.routes_owned import _all_refs
from tests.sweep.example_org import Acme
from tokenaudit.sweep import SweepScope

MODELS = SweepScope(("acme",), types=("model",), include=("*",))
ODD = {
    "an empty object": Fault(200, {"Content-Type": "application/json"}, b"{}"),
    "maintenance": Fault(200, {"Content-Type": "application/json"}, b'{"error": "maintenance"}'),
    "a line of HTML": Fault(200, {"Content-Type": "text/html"}, b"<html>We are back soon</html>"),
    "nothing": Fault(200, {"Content-Type": "text/plain"}, b""),
    "a cut advertisement": Fault(
        200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, b"001e# service=git-upload-pack\n0000"
    ),
    "a redirect": Fault(302, {"Location": "http://127.0.0.1:9/acme/m"}),
}


def bare(org: Acme, name: str) -> Path:
    found = org.double.world.repos["model", f"acme/{name}"].git
    assert found is not None
    return found


@pytest.mark.parametrize("kept", [False, True], ids=["copies", "mirrors"])
@pytest.mark.parametrize("answer", sorted(ODD))
def test_an_answer_that_is_no_repository_is_skipped_and_read_next_time(org: Acme, answer: str, kept: bool) -> None:
    org.repository("m")
    setup: dict[str, Any] = {"cache": org.folder / "cache"} if kept else {}
    org.double.fails("/m/info/refs", ODD[answer], always=True)
    first = org.sweep(MODELS, inspect=False, **setup)
    assert first.report.credentials == ()
    assert [gap.where for gap in first.report.skipped] == ["models/acme/m"]
    assert not first.report.complete
    org.double.server.faults.clear()
    second = org.sweep(MODELS, inspect=False, **setup)
    assert {c.fingerprint for c in second.report.credentials} == org.marks
    assert second.report.complete


@pytest.mark.parametrize("answer", sorted(ODD))
def test_a_mirror_that_was_good_stays_good(org: Acme, answer: str) -> None:
    repo = org.repository("m")
    cache = org.folder / "cache"
    assert org.sweep(MODELS, inspect=False, cache=cache).report.complete
    repo.commit("later", {"later.py": f"token = '{org.token('later')}'\n"})
    org.push(repo, "m")
    org.double.fails("/m/info/refs", ODD[answer], always=True)
    assert not org.sweep(MODELS, inspect=False, cache=cache).report.complete
    org.double.server.faults.clear()
    third = org.sweep(MODELS, inspect=False, cache=cache)
    assert third.report.complete
    assert {c.fingerprint for c in third.report.credentials} == org.marks


@pytest.mark.parametrize("kept", [False, True], ids=["copies", "mirrors"])
@pytest.mark.parametrize("lost", ["refs/pr/1", "refs/heads/main", "everything"])
def test_a_copy_with_fewer_refs_than_the_hub_names_is_not_whole(org: Acme, lost: str, kept: bool) -> None:
    """A replica that lags behind: what it has is read and reported, and the place is read again."""
    repo = org.repository("m")
    repo.git("switch", "-q", "-c", "pr")
    repo.commit("proposal", {"pr.py": f"token = '{org.token('pr')}'\n"})
    org.push(repo, "m", "model", "main", "pr:refs/pr/1")
    setup: dict[str, Any] = {"cache": org.folder / "cache"} if kept else {}
    named = _named(org)
    org.double.fails("/m/refs", Fault(200, {}, json.dumps(named).encode()), always=True)
    before = _all_refs(bare(org, "m"))
    for ref in before:
        if lost in (ref, "everything"):
            subprocess.run(["git", "update-ref", "-d", ref], cwd=bare(org, "m"), check=True)
    first = org.sweep(MODELS, inspect=False, **setup)
    (gap,) = first.report.skipped
    assert gap.where == "models/acme/m"
    assert "refs on the server" in gap.reason or lost == "everything"
    if lost == "refs/pr/1":
        assert len(first.report.credentials) == 1
    for ref, commit in before.items():
        subprocess.run(["git", "update-ref", ref, commit], cwd=bare(org, "m"), check=True)
    second = org.sweep(MODELS, inspect=False, **setup)
    assert second.report.complete
    assert {c.fingerprint for c in second.report.credentials} == org.marks


def test_a_copy_of_an_older_state_is_not_whole(org: Acme) -> None:
    """All refs are there, but the commits that the Hub names are not."""
    repo = org.repository("m")
    old = repo.git("rev-parse", "HEAD").strip()
    repo.commit("later", {"later.py": f"token = '{org.token('later')}'\n"})
    org.push(repo, "m")
    named = _named(org)
    subprocess.run(["git", "update-ref", "refs/heads/main", old], cwd=bare(org, "m"), check=True)
    org.double.fails("/m/refs", Fault(200, {}, json.dumps(named).encode()), always=True)
    first = org.sweep(MODELS, inspect=False)
    assert [gap.where for gap in first.report.skipped] == ["models/acme/m"]
    org.push(repo, "m")
    second = org.sweep(MODELS, inspect=False)
    assert {c.fingerprint for c in second.report.credentials} == org.marks
    assert second.report.complete


def test_a_ref_that_is_deleted_meanwhile_is_no_gap(org: Acme) -> None:
    repo = org.repository("m")
    repo.git("branch", "gone")
    org.push(repo, "m", "model", "main", "gone")
    named = _named(org)
    subprocess.run(["git", "update-ref", "-d", "refs/heads/gone"], cwd=bare(org, "m"), check=True)
    org.double.fails("/m/refs", Fault(200, {}, json.dumps(named).encode()))
    swept = org.sweep(MODELS, inspect=False)
    assert swept.report.complete
    assert org.sweep(MODELS, inspect=False).report.complete
    assert org.double.count("/m/git-upload-pack") <= 2


@pytest.mark.parametrize(
    "body", [b"{}", b'{"error": "maintenance"}', b"[]", b'{"branches": {}}', b"null", b'{"branches": [], "tags": []}']
)
def test_an_answer_about_refs_of_another_shape_is_not_an_empty_repository(org: Acme, body: bytes) -> None:
    org.repository("m")
    org.double.fails("/m/refs", Fault(200, {}, body), always=True)
    first = org.sweep(MODELS, inspect=False)
    assert [gap.where for gap in first.report.skipped] == ["models/acme/m"]
    org.double.server.faults.clear()
    second = org.sweep(MODELS, inspect=False)
    assert {c.fingerprint for c in second.report.credentials} == org.marks


def test_a_repository_that_is_empty_is_remembered(org: Acme) -> None:
    org.double.world.add_repo("acme/new", "model", git=_empty(org.folder / "new.git"))
    assert org.sweep(MODELS, inspect=False).report.complete
    asked = org.double.count("/new/info/refs")
    assert org.sweep(MODELS, inspect=False).report.complete
    assert org.double.count("/new/info/refs") == asked


@pytest.mark.parametrize(
    "path", ["/api/webhooks|settings/webhooks", "/v2/endpoint", "/api/jobs/", "/api/collections", "/discussions"]
)
def test_other_listings_of_another_shape_are_not_empty_lists(org: Acme, path: str) -> None:
    org.repository("m", secret=False)
    org.double.fails(path, Fault(200, {}, b'{"error": "maintenance"}'), always=True)
    swept = org.sweep(inspect=False)
    assert len(swept.report.skipped) == 1
    assert not swept.report.complete


def _named(org: Acme) -> Any:
    """What the Hub says of the refs now."""
    groups: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": [], "pullRequests": []}
    for ref, commit in _all_refs(bare(org, "m")).items():
        group = "pullRequests" if ref.startswith("refs/pr/") else "branches"
        groups[group].append({"name": ref.rpartition("/")[2], "ref": ref, "targetCommit": commit})
    return groups


def _empty(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    return folder
