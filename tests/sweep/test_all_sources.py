"""A sweep finds what is planted at every kind of place, says where, and nowhere shows it."""

from __future__ import annotations

from tests.hub import bodies
from tests.hub.state import MOMENT
from tests.sweep.example_org import Acme, everything
from tokenaudit.inventory import export
from tokenaudit.report import render
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepResult, SweepScope


def places(org: Acme, swept: SweepResult) -> dict[str, set[tuple[str, str]]]:
    """Where each planted token was found, as (source, target)."""
    found = {credential.fingerprint: credential for credential in swept.report.credentials}
    return {
        place: {(spot.source, spot.target) for spot in found[fingerprint(token)].locations}
        for place, token in org.tokens.items()
        if fingerprint(token) in found
    }


EVERYWHERE = {
    "tiny-model": {("history", "models/acme/tiny-model")},
    "corpus": {("history", "datasets/acme/corpus")},
    "pull request": {("history", "spaces/acme/demo")},
    "variable": {("space-variable", "spaces/acme/demo")},
    "comment": {("discussion", "spaces/acme/demo")},
    "edited away": {("discussion", "spaces/acme/demo")},
    "job command": {("job", "jobs/acme")},
    "job environment": {("job", "jobs/acme")},
    "scheduled job": {("job", "scheduled-jobs/acme")},
    "webhook": {("webhook", "webhooks/acme")},
    "endpoint": {("endpoint", "endpoints/acme")},
    "collection note": {("collection", "collections/acme")},
    "bucket": {("bucket", "buckets/acme/files")},
}


def test_every_planted_token_is_found_where_it_was_put(org: Acme) -> None:
    everything(org)
    swept = org.sweep()
    assert swept.finished
    assert swept.report.skipped == ()
    assert places(org, swept) == EVERYWHERE
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    assert {c.inspection.status for c in swept.report.credentials if c.inspection} == {"invalid"}
    with org.book() as book:
        kept = {(secret.target, secret.name, secret.kind) for secret in book.secrets()}
    assert kept == {
        ("spaces/acme/demo", "HF_TOKEN", "space-variable"),
        ("spaces/acme/demo", "HF_TOKEN", "space-secret"),
        (f"jobs/acme/{'a' * 24}", "WANDB_API_KEY", "job-secret"),
        (f"jobs/acme/{'a' * 24}", "HF_TOKEN", "job-secret"),
        (f"jobs/acme/{'a' * 24}", "hfToken", "job-token"),
        (f"scheduled-jobs/acme/{'b' * 24}", "HF_TOKEN", "job-secret"),
        (f"webhooks/acme/{'d' * 24}", "HF_TOKEN", "webhook-secret"),
        ("endpoints/acme/serve", "HF_API_TOKEN", "endpoint-secret"),
    }


def test_a_live_token_is_inspected_where_it_was_found_and_asked_once(org: Acme) -> None:
    repo = org.repository("one", secret=False)
    token = org.token("shared")
    repo.commit("add", {"a.py": f"'{token}'", "b.py": f"x = '{token}'"})
    org.push(repo, "one")
    org.repository("two", secret=False)
    org.double.world.repos["model", "acme/two"].discussions.append(
        {"num": 1, "title": token, "status": "open", "isPullRequest": False, "createdAt": MOMENT, "events": []}
    )
    org.double.knows(token, bodies.classic("write"))
    before = org.double.count("whoami")
    (credential,) = org.sweep().report.credentials
    assert credential.inspection is not None
    assert credential.inspection.status == "active"
    assert credential.verdict is not None
    assert len(credential.locations) == 3
    assert org.double.count("whoami") - before == 2  # the auditor, and the token once


def test_no_value_is_in_the_report_the_inventory_or_the_files(org: Acme) -> None:
    """Not even where a file, a branch, an author, a Job or a secret's description is named after it."""
    everything(org)
    token = org.token("name")
    repo = org.repository("named", secret=False)
    repo.commit("x", {f"{token}.py": f"'{token}'\n"}, author=f"{token} <{token}@example.org>")
    org.push(repo, "named", "model", "main", f"main:refs/heads/{token}")
    demo = org.double.world.repos["space", "acme/demo"]
    demo.secrets["OTHER"] = {"key": "OTHER", "description": f"was {token}"}
    org.double.world.jobs["acme"].append({"id": token, "environment": {token: "x"}})
    swept = org.sweep()
    with org.book() as book:
        texts = [export.as_json(book.credentials(), book.secrets(), book.sweeps())]
    texts += [render(swept.report, name) for name in ("text", "json", "sarif", "markdown")]
    files = b"".join(file.read_bytes() for file in (org.folder / "data").iterdir())
    for value in org.tokens.values():
        assert all(value not in text for text in texts)
        assert value.encode() not in files
    assert fingerprint(token) in {credential.fingerprint for credential in swept.report.credentials}


def test_a_sweep_finds_what_a_scan_of_the_clone_finds(org: Acme) -> None:
    from tokenaudit.audit.auditor import Auditor, scan  # noqa: PLC0415 - the other way to read

    everything(org)
    swept = org.sweep(SweepScope(("acme",), types=("model", "space")))
    for repo_type, name in (("model", "tiny-model"), ("space", "demo")):
        hosted = org.double.world.repos[repo_type, f"acme/{name}"]
        assert hosted.git is not None
        scanned = scan([f"file://{hosted.git}"], auditor=Auditor(jobs=1)).report
        target = f"{repo_type}s/acme/{name}"
        mine = {
            (credential.fingerprint, spot.source, spot.path, spot.line, spot.column, spot.commit, spot.object)
            for credential in swept.report.credentials
            for spot in credential.locations
            if spot.target == target and spot.source in {"history", "commit-message", "ci", "ref-name"}
        }
        other = {
            (credential.fingerprint, spot.source, spot.path, spot.line, spot.column, spot.commit, spot.object)
            for credential in scanned.credentials
            for spot in credential.locations
        }
        assert mine == other
        assert mine
