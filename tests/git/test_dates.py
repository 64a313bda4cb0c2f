"""Whatever date a commit claims, its changes are found, attributed, and written into every report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.report import FORMATS, render
from tokenaudit.rule_index import all_rules

DATES = {
    "before the year 1": ("-62135596801 +0000", None),
    "the year 0": ("-62167219200 +0000", None),
    "negative": ("-1 +0000", None),  # git itself knows no time before 1970
    "the year 33658": ("1000000000000 +0000", None),
    "no number holds it": ("1" * 40 + " +0000", None),
    "no date": ("", None),
    "words": ("yesterday noon", None),
    "a zone of four nines": ("1600000000 +9999", "2020-09-13T12:26:40Z"),
    "a zone of letters": ("1600000000 CEST", None),  # git reads no date without a zone
    "no zone": ("1600000000", None),
    "the epoch": ("0 -0000", "1970-01-01T00:00:00Z"),
    "the last second": ("253402300799 -1200", "9999-12-31T23:59:59Z"),
}


def commit_dated(repo: GitRepo, date: str, files: dict[str, str], parents: tuple[str, ...] = ()) -> str:
    """A commit as no git would make it, on the branch `main`."""
    for name, content in files.items():
        repo.write(name, content)
    repo.git("add", "-A", "-f", ".")
    person = f"A <a@example.org> {date}".rstrip()
    lines = [f"tree {repo.git('write-tree')}", *(f"parent {parent}" for parent in parents)]
    text = "\n".join([*lines, f"author {person}", f"committer {person}", "", f"at {date}\n"])
    commit = repo.git("hash-object", "-t", "commit", "--literally", "-w", "--stdin", stdin=text.encode())
    repo.git("update-ref", "refs/heads/main", commit)
    return commit


@pytest.mark.parametrize("kind", DATES)
def test_a_commit_of_any_date_is_attributed(kind: str, tmp_path: Path) -> None:
    date, meant = DATES[kind]
    repo = GitRepo(tmp_path / "repo")
    first = repo.commit("start", {"README": "nothing"})
    value = Mint(1).user_token()
    odd = commit_dated(repo, date, {"a.py": f"token = '{value}'\n"}, (first,))
    commit_dated(repo, "1700000000 +0000", {"a.py": "token = None\n"}, (odd,))
    report = scan([str(repo.path)], auditor=Auditor(jobs=1)).report
    (credential,) = report.credentials
    (place,) = [spot for spot in credential.locations if spot.source == "history"]
    assert (place.commit, place.path, place.reachable, place.in_head) == (odd, "a.py", True, False)
    for form in FORMATS:
        assert render(report, form, rules=all_rules())
    written = json.loads(render(report, "json"))
    (shown,) = [spot for spot in written["credentials"][0]["locations"] if spot["source"] == "history"]
    assert shown["date"] == meant


def test_a_value_in_a_message_of_any_date_is_found(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    values = []
    for seed, (date, _) in enumerate(DATES.values()):
        values.append(value := Mint(seed).user_token())
        content = (
            f"tree {repo.git('mktree')}\nauthor A <a@b> {date}\ncommitter A <a@b> {date}\n\nuse {value}\n".encode()
        )
        commit = repo.git("hash-object", "-t", "commit", "--literally", "-w", "--stdin", stdin=content)
        tag = f"object {commit}\ntype commit\ntag t{seed}\ntagger A <a@b> {date}\n\n{value}\n".encode()
        name = repo.git("hash-object", "-t", "tag", "--literally", "-w", "--stdin", stdin=tag)
        repo.git("update-ref", f"refs/tags/t{seed}", name)
    ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
    assert len(ran.report["credentials"]) == len(values), json.dumps(ran.report["skipped"])
