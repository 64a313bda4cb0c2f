"""The real detect-secrets takes our baselines, and we take its."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.baseline import apply, load, save, updated
from tokenaudit.detect.plugins import read_declarations, shipped
from tokenaudit.secret import Secret

BASELINE = ".secrets.baseline"


def run(folder: Path, program: str, *arguments: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / program
    return subprocess.run(
        [tool, *arguments], cwd=folder, input=answers, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def secret() -> Secret:
    return Secret(Mint(11).user_token())


@pytest.fixture
def checkout(tmp_path: Path, secret: Secret) -> Path:
    """A repository with the plugin file in it and a token in `config.py` and `notes.txt`."""
    (tmp_path / "plugins").mkdir()
    shutil.copy(shipped(), tmp_path / "plugins" / "huggingface.py")
    (tmp_path / "config.py").write_text(f'import os\n\nTOKEN = "{secret.reveal()}"\n')
    (tmp_path / "notes.txt").write_text(f"{secret.reveal()}\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    return tmp_path


def whole(secret: Secret, *places: tuple[str, int]) -> model.Report:
    report = reports.leaked(secret)
    spots = tuple(model.Location("tree", ".", path, line, 1) for path, line in places)
    gone = model.Location("history", ".", "gone.py", 1, 1, commit="a" * 40, reachable=True, in_head=False)
    return replace(report, credentials=(replace(report.credentials[0], locations=(*spots, gone)),))


def written(checkout: Path, secret: Secret) -> dict[str, Any]:
    plugins = read_declarations(checkout / "plugins" / "huggingface.py")
    report = whole(secret, ("config.py", 3), ("notes.txt", 1))
    save(updated(None, report, [secret], plugins, base=checkout), checkout / BASELINE)
    subprocess.run(["git", "-C", checkout, "add", "."], check=True)
    document: dict[str, Any] = json.loads((checkout / BASELINE).read_text())
    return document


def test_its_hook_accepts_what_our_baseline_lists_and_refuses_what_is_new(checkout: Path, secret: Secret) -> None:
    written(checkout, secret)
    known = run(checkout, "detect-secrets-hook", "--baseline", BASELINE, "config.py", "notes.txt")
    assert known.returncode == 0, known.stdout + known.stderr
    (checkout / "new.py").write_text(f'x = "{Mint(12).user_token()}"\n')
    assert run(checkout, "detect-secrets-hook", "--baseline", BASELINE, "new.py").returncode == 1


def test_its_scan_finds_the_same_and_keeps_our_settings(checkout: Path, secret: Secret) -> None:
    before = written(checkout, secret)
    done = run(checkout, "detect-secrets", "scan", "--baseline", BASELINE)
    assert done.returncode == 0, done.stderr
    after = json.loads((checkout / BASELINE).read_text())
    assert after["results"].keys() == {"config.py", "notes.txt"}
    assert {plugin["name"] for plugin in after["plugins_used"]} == {plugin["name"] for plugin in before["plugins_used"]}
    for name, entries in after["results"].items():
        ours = before["results"][name]
        assert [(e["type"], e["hashed_secret"], e["line_number"]) for e in entries] == [
            (e["type"], e["hashed_secret"], e["line_number"]) for e in ours
        ]


def test_its_audit_labels_our_entries_and_we_honour_the_label(checkout: Path, secret: Secret) -> None:
    """Run without its command line, which forgets plugins from files before it audits (seen in 1.5.0)."""
    written(checkout, secret)
    audit = f"from detect_secrets.audit.audit import audit_baseline; audit_baseline({BASELINE!r})"
    done = run(checkout, "python", "-c", audit, answers="y\ny\n")
    assert done.returncode == 0, done.stderr
    labelled = json.loads((checkout / BASELINE).read_text())
    assert [entry["is_secret"] for entries in labelled["results"].values() for entry in entries] == [False, False]
    report = whole(secret, ("somewhere/else.py", 1))
    assert apply(report, load(checkout / BASELINE), [secret], base=checkout).credentials == ()


def test_we_read_a_baseline_that_it_wrote(checkout: Path, secret: Secret) -> None:
    done = run(checkout, "detect-secrets", "scan", "-p", "plugins/huggingface.py")
    assert done.returncode == 0, done.stderr
    (checkout / BASELINE).write_text(done.stdout)
    report = whole(secret, ("config.py", 3), ("notes.txt", 1), ("fresh.py", 1))
    left = apply(report, load(checkout / BASELINE), [secret], base=checkout)
    assert {spot.path for spot in left.credentials[0].locations} == {"fresh.py", "gone.py"}
