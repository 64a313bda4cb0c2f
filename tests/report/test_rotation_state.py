"""The page knows how far a rotation is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit.remediate.rotation.journal import JournalEntry, Record, to_json
from tokenaudit.report import render
from tokenaudit.report.revocation import states
from tokenaudit.secret import Secret

REPORT = reports.leaked(Secret(Mint(3).user_token()))
MARK = REPORT.credentials[0].fingerprint


def journal(folder: Path, **what: object) -> None:
    entry = JournalEntry("verify", "The new token works", "done", reports.NOW)
    record = Record(MARK, "hf_****abcd", "https://hub.example", "planned", reports.NOW, entries=(entry,))
    (folder / f"{MARK}.json").write_text(to_json(replace(record, **what)))  # type: ignore[arg-type]


def told(folder: Path) -> dict[str, str]:
    return states(REPORT, lambda mark: folder / f"{mark}.json")


def test_no_journal_no_word(tmp_path: Path) -> None:
    assert told(tmp_path) == {}


def test_an_unfinished_rotation_names_its_last_step(tmp_path: Path) -> None:
    journal(tmp_path)
    words = told(tmp_path)[MARK]
    assert words == "started 2026-10-12, not finished: 1 step done, last: The new token works (done, 2026-10-12)."
    assert "not finished: 1 step done" in render(REPORT, "html", rotation=told(tmp_path))


def test_a_finished_one_says_when_and_by_what(tmp_path: Path) -> None:
    journal(tmp_path, finished_at=reports.NOW, new_display="hf_****wxyz")
    assert told(tmp_path)[MARK] == "finished 2026-10-12, replaced by hf_****wxyz."


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / f"{MARK}.json").write_text("{")
    assert "can't be read" in told(tmp_path)[MARK]


def test_a_forged_fingerprint_reads_no_file(tmp_path: Path) -> None:
    forged = replace(REPORT, credentials=(replace(REPORT.credentials[0], fingerprint="../../etc/passwd"),))
    asked: list[str] = []
    states(forged, lambda mark: asked.append(mark) or tmp_path)  # type: ignore[func-returns-value]
    assert asked == []
