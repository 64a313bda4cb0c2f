"""What is written down (journal, cache, database, patches) is masked there, too, wherever its texts came from."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import Text
from sqlalchemy.dialects import sqlite

from tests.support import reports
from tests.support.cli import tokenaudit
from tests.support.mint import Mint
from tests.support.traces import assert_hidden
from tokenaudit.inspect.inspector import DiskCache
from tokenaudit.inventory.tables import METADATA, SafeText, packed
from tokenaudit.model import Inspection, Problem, SecretName, Severity
from tokenaudit.remediate.rotation.journal import Journal, Record
from tokenaudit.remediate.runbook.plan import write_patches
from tokenaudit.report.github import write_summary
from tokenaudit.report.revocation import to_markdown

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_a_journal_holds_no_value(tmp_path: Path) -> None:
    value = Mint(1).user_token()
    record = Record("f" * 32, "hf_****abcd", "https://hub.example", "breach", NOW)
    journal = Journal.opened(tmp_path / "journal.json", record, lambda: NOW)
    journal.note("step", f"move {value}", "done", f"the Hub said {value}, {value[10:]}")
    assert_hidden((tmp_path / "journal.json").read_text(), [value], "the journal")
    assert_hidden(to_markdown(journal.record), [value], "the journal as Markdown")


def test_a_cached_answer_holds_no_value(tmp_path: Path) -> None:
    value = Mint(2).user_token()
    cache = DiskCache(tmp_path / "answers.sqlite")
    cache.put("f" * 32, Inspection("active", NOW, f"the Hub said {value}", name=value, endpoint="https://hub.example"))
    cache.close()
    for path in tmp_path.iterdir():
        assert_hidden(path.read_bytes().decode("latin-1"), [value], path.name)


def test_a_row_holds_no_value() -> None:
    value = Mint(3).oauth_token()
    row = SafeText().process_bind_param(f"a {value}", sqlite.dialect())
    assert row is not None
    assert_hidden(row, [value], "the column")
    assert_hidden(
        packed(SecretName("acme/app", value, "space-secret", description=f"{value} {value[20:]}")), [value], "JSON"
    )


def test_every_column_of_text_is_masked_or_takes_masked_json() -> None:
    """Those of a fixed length hold fingerprints, digests and words of ours."""
    open_ended = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if type(column.type) is Text
    }
    assert open_ended == {"credentials.document", "sightings.location", "notes.document"}


def test_a_patch_and_its_name_hold_no_value(tmp_path: Path) -> None:
    value = Mint(4).user_token()
    path = f".github/workflows/{value}.yml"
    problem = Problem("ci-x", Severity.HIGH, "t", path, 1, 1, None, None, "said", "do", patch=f"+ {value}\n")
    list(write_patches(replace(reports.clean(), problems=(problem,)), tmp_path))
    (written,) = tmp_path.iterdir()
    assert_hidden(written.name + written.read_text(), [value], "the patch")


def test_the_summary_page_holds_no_value(tmp_path: Path) -> None:
    value = Mint(5).user_token()
    report = replace(reports.incomplete(), tool=replace(reports.clean().tool, version=value))
    page = tmp_path / "page.md"
    write_summary(report, {"GITHUB_STEP_SUMMARY": str(page)})
    assert_hidden(page.read_text(), [value], "the page")


def test_a_baseline_holds_the_hash_that_the_security_policy_tells_of_and_no_other_form(tmp_path: Path) -> None:
    value = Mint(6).user_token()
    (tmp_path / "a.py").write_text(f"login('{value}')\n")
    baseline = tmp_path / ".secrets.baseline"
    tokenaudit("scan", "a.py", "--baseline", baseline, "--update-baseline", home=tmp_path, cwd=tmp_path)
    written = baseline.read_text()
    assert hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest() in written
    assert hashlib.sha256(value.encode()).hexdigest() not in written
    assert_hidden(written, [value], "the baseline")
    policy = (Path(__file__).parent.parent / "SECURITY.md").read_text("utf-8")
    assert "unsalted SHA-1" in policy
