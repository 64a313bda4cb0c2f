"""The runbook: order, consumers, concrete steps, and its two forms."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.support.mint import Mint
from tokenaudit.audit.auditor import scan
from tokenaudit.errors import UsageError
from tokenaudit.model import (
    Account,
    Credential,
    Inspection,
    Location,
    Problem,
    Reach,
    Reason,
    Report,
    Severity,
    Skipped,
    Status,
    Tool,
    Verdict,
)
from tokenaudit.remediate.runbook.plan import plan, write_patches
from tokenaudit.report import render
from tokenaudit.report.plan import to_json, to_markdown
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
MINT = Mint(40)
STEP_ORDER = {
    "breach": ["identify", "revoke", "reach", "consumers", "replace", "verify-new", "investigate", "close"],
    "planned": ["identify", "reach", "consumers", "replace", "verify-new", "revoke", "close"],
}


def inspected(status: Status = "active") -> Inspection:
    return Inspection(status, NOW, "the Hub answered", account=Account("user", "ada"), role="write", created_at=NOW)


def credential(*locations: Location, severity: Severity = Severity.HIGH, status: Status = "active") -> Credential:
    secret = Secret(MINT.user_token())
    verdict = Verdict(severity, "over", (Reason("token-classic-write", severity, "It may write everything."),))
    found = inspected(status)
    return Credential(
        secret.fingerprint, "user_token", secret.display, "credential", locations, None, found, None, verdict
    )


def report(*credentials: Credential, problems: tuple[Problem, ...] = (), skipped: tuple[Skipped, ...] = ()) -> Report:
    return Report(Tool("tokenaudit", "1"), NOW, NOW, not skipped, skipped, (), credentials, problems)


def in_git(path: str = "app.py", source: str = "history", **more: object) -> Location:
    found = Location(
        source, "/srv/app", path, 3, 1, "c" * 40, "A Committer <committer@example.org>", NOW, reachable=True
    )
    return replace(found, in_head=False, **more)  # type: ignore[arg-type]


def ids(found: Credential, mode: str | None = None) -> list[str]:
    (planned,) = plan(report(found), mode=mode).credentials  # type: ignore[arg-type]
    return [step.id for step in planned.steps]


def test_a_breach_contains_first_and_a_planned_change_revokes_last() -> None:
    found = credential(in_git())
    for mode, order in STEP_ORDER.items():
        assert [i for i in ids(found, mode) if i in order] == order


def test_what_stands_in_a_repository_is_a_breach_and_what_stands_on_the_machine_is_not() -> None:
    assert plan(report(credential(in_git()))).mode == "breach"
    assert plan(report(credential(Location("machine", "~/.cache/huggingface/token")))).mode == "planned"


def test_the_most_harmful_comes_first() -> None:
    dead = credential(in_git(), severity=Severity.CRITICAL, status="invalid")
    mild = credential(in_git(), severity=Severity.MEDIUM)
    bad = credential(in_git(), severity=Severity.CRITICAL)
    worst = replace(credential(in_git(), severity=Severity.CRITICAL), reach=Reach(writable=9, downloads_month=5))
    found = plan(report(mild, dead, bad, worst)).credentials
    assert [f.fingerprint for f in found] == [c.fingerprint for c in (worst, bad, mild, dead)]


def test_a_dead_credential_is_neither_revoked_nor_measured() -> None:
    found = ids(credential(in_git(), status="invalid"))
    assert "revoke" not in found
    assert "reach" not in found
    assert "investigate" in found


def test_placeholders_need_no_runbook() -> None:
    assert plan(report(replace(credential(), likelihood="placeholder"))).credentials == ()


def test_every_consumer_has_a_step_of_its_own() -> None:
    problem = Problem(
        "ci-token-in-argv", Severity.HIGH, "/srv/app", ".github/workflows/x.yml", 4, 1, "jobs.p", "HF_TOKEN", "m", "r"
    )
    found = credential(
        in_git(),
        Location("tree", "/srv/app", ".env", 1),
        Location("tree", "/srv/app", "train.py", 7),
        Location("space-variable", "spaces/acme/app", "HF_TOKEN"),
    )
    (planned,) = plan(report(found, problems=(problem,))).credentials
    kinds = [c.kind for c in planned.consumers]
    assert kinds == ["dotenv", "file", "space-variable", "github-secret"]
    assert [c.certain for c in planned.consumers] == [True, True, True, False]
    assert [s.id for s in planned.steps if s.id.startswith("move-")] == [f"move-{n}" for n in range(1, 5)]
    assert planned.unknown_consumers


def test_a_file_is_named_by_its_variable(tmp_path: Path) -> None:
    """As `tokenaudit scan` sees them: dotenv and CI files, a pair of name and value, a URL."""
    value = MINT.user_token()
    files = {
        ".env": f"export HF_TOKEN='{value}'\nREMOTE=https://me:{value}@huggingface.co/a/b\n{value}\n",
        ".github/workflows/x.yml": f"on: push\nenv:\n  HF_TOKEN: {value}\njobs: {{}}\n",
        ".gitlab-ci.yml": f"variables:\n  HUB_TOKEN:\n    value: {value}\n",
        "deploy/prod.env": f"HF_TOKEN={value}\n",
        "app.py": f"token = '{value}'\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (planned,) = plan(scan([str(tmp_path)]).report).credentials
    assert [(c.kind, c.where.rpartition(": ")[2], c.name) for c in planned.consumers if c.certain] == [
        ("dotenv", ".env", "HF_TOKEN"),
        ("dotenv", ".env", "REMOTE"),
        ("dotenv", ".env", ".env"),
        ("file", ".github/workflows/x.yml", "HF_TOKEN"),
        ("file", ".gitlab-ci.yml", "HUB_TOKEN"),
        ("file", "app.py", "app.py"),
        ("dotenv", "deploy/prod.env", "HF_TOKEN"),
    ]
    (how,) = [c.how for c in planned.consumers if c.name == "REMOTE"]
    assert f"--consumer 'dotenv:{tmp_path}/.env#REMOTE'" in how


def test_what_could_not_be_read_is_said_to_hide_consumers() -> None:
    found = plan(report(credential(in_git()), skipped=(Skipped("/srv/x", "no rights"),)))
    assert any("could not read" in words for words in found.credentials[0].unknown_consumers)
    assert "/srv/x" in to_markdown(found)


def test_the_purge_names_the_repository_and_never_a_value() -> None:
    messages = in_git("", "commit-message")
    (planned,) = plan(report(credential(in_git(), messages))).credentials
    (step,) = [s for s in planned.steps if s.id == "purge-1"]
    assert step.command is not None
    assert "/srv/app" in step.command
    assert "--replace-message" in step.command
    assert "read -r OLD" in step.command


def test_a_wrapped_value_is_purged_with_its_file() -> None:
    (planned,) = plan(report(credential(in_git("data/x y.json.gz", via=("gzip",))))).credentials
    (step,) = [s for s in planned.steps if s.id == "purge-1"]
    assert "--invert-paths --path 'data/x y.json.gz'" in (step.command or "")


def test_the_purge_commands_are_shell_that_parses() -> None:
    hostile = replace(in_git("a'$(touch x)\n.py", via=("base64",)), target="/srv/it's; rm -rf")
    (planned,) = plan(report(credential(hostile))).credentials
    for step in planned.steps:
        if step.command:
            subprocess.run(["bash", "-n"], input=step.command.encode(), check=True)


def test_only_some_can_be_asked_for_by_the_beginning_of_their_fingerprint() -> None:
    one, two = credential(in_git()), credential(in_git())
    assert [c.fingerprint for c in plan(report(one, two), only=[one.fingerprint[:10]]).credentials] == [one.fingerprint]
    assert len(plan(report(one, two), only=[one.fingerprint.upper()]).credentials) == 1
    with pytest.raises(UsageError, match="hex digits"):
        plan(report(one), only=["HF_TOKEN"])
    with pytest.raises(UsageError, match="no credential"):
        plan(report(one), only=["ffff0000ffff"])


def test_the_json_is_the_one_of_the_contract() -> None:
    found = json.loads(to_json(plan(report(credential(in_git(), Location("tree", "/srv/app", ".env", 1))))))
    assert found["schema"] == "tokenaudit/plan/1"
    assert next(iter(found)) == "schema"
    assert found["mode"] == "breach"
    (entry,) = found["credentials"]
    assert {"fingerprint", "display", "severity", "recommendation", "consumers", "steps"} <= set(entry)
    assert {"replacement", "grants", "create_url", "patch", "evidence"} <= set(entry["recommendation"])
    assert {"kind", "where", "name", "updated_at", "how"} <= set(entry["consumers"][0])
    assert all({"id", "title", "do", "verify", "command"} <= set(step) for step in entry["steps"])
    assert any("\n" in (step["command"] or "") for step in entry["steps"])


def test_the_markdown_is_a_checklist_with_the_link_to_the_form() -> None:
    written = to_markdown(plan(report(credential(in_git()))))
    assert "- [ ] **1.1 " in written
    assert "<https://huggingface.co/settings/tokens/new?tokenType=fineGrained>" in written
    assert "```sh" in written


def test_hostile_names_stay_text_in_the_markdown() -> None:
    """A file name can neither mention people nor make links nor close a table."""
    name = "@acme/team [x](https://evil.example) | <img src=x> ``` \u202e.py"
    written = to_markdown(plan(report(credential(in_git(name), Location("tree", "/srv/app", name, 1)))))
    outside = re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", written)
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert "<img" not in outside
    assert "@acme" not in outside
    assert "\u202e" not in written
    assert "acme/team" in outside


def test_patches_become_files_that_stay_in_their_folder(tmp_path: Path) -> None:
    patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b"
    problem = Problem(
        "ci-could-be-keyless",
        Severity.LOW,
        "/srv/app",
        "../../etc/x y.yml",
        4,
        1,
        "j",
        "HF_TOKEN",
        "m",
        "r",
        patch=patch,
    )
    again = replace(problem, line=9)
    found = list(write_patches(report(problems=(problem, again)), tmp_path / "patches"))
    assert found == [tmp_path / "patches" / "01-ci-could-be-keyless-x-y-yml.patch"]
    assert found[0].read_text() == patch + "\n"


def test_the_command_reads_standard_input_and_writes_both_forms(tmp_path: Path) -> None:
    given = render(report(credential(in_git())), "json")
    for options, start in ((["-f", "json"], "{"), ([], "# Breach"), (["--mode", "planned", "-"], "# Planned")):
        done = subprocess.run(
            [sys.executable, "-m", "tokenaudit", "plan", *options],
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(start)
    bad = subprocess.run(
        [sys.executable, "-m", "tokenaudit", "plan", str(tmp_path / "none.json")], capture_output=True, check=False
    )
    assert bad.returncode == 2
    assert b"Traceback" not in bad.stderr
