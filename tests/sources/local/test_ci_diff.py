"""Only what a change brings into the CI configuration is told."""

from __future__ import annotations

from pathlib import Path

from tests.ci.labelled import labelled
from tests.support.gitrepo import GitRepo
from tests.support.toy import ToyExaminer
from tokenaudit.audit.auditor import scan
from tokenaudit.audit.targets import Scope
from tokenaudit.ci import may_be_ci
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.ci_config import CiChangesSource

_PATH = ".github/workflows/a.yml"
_HEAD = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"
_ARGV = "      - run: hf auth login --token ${{ secrets.HF_TOKEN }}\n"
_PRINT = "      - run: echo ${{ secrets.HF_TOKEN }}\n"
_PLAIN = "      - run: python a.py\n"


def _rules(repo: GitRepo, since: str | None = None) -> list[str]:
    found = list(CiChangesSource(repo.path, "repo", since).findings(ScanContext(ToyExaminer())))
    assert not [one for one in found if isinstance(one, Skipped)], found
    return [one.rule for one in found if isinstance(one, Problem)]


def test_what_is_staged_is_judged_against_head(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit(files={_PATH: _HEAD + _ARGV})
    assert _rules(repo) == []
    repo.write(_PATH, "# moved by a line\n" + _HEAD + _ARGV)
    repo.git("add", _PATH)
    assert _rules(repo) == []
    repo.write(_PATH, _HEAD + _ARGV + _PRINT)
    assert _rules(repo) == []  # not staged yet
    repo.git("add", _PATH)
    assert _rules(repo) == ["ci-token-printed"]


def test_the_first_commit_is_judged_too(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.write(_PATH, _HEAD + _PRINT)
    repo.git("add", _PATH)
    assert _rules(repo) == ["ci-token-printed"]


def test_a_range_is_judged_from_where_it_left(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit(files={_PATH: _HEAD + _ARGV})
    repo.git("checkout", "-q", "-b", "feature")
    repo.commit(files={_PATH: _HEAD + _ARGV + _PRINT})
    repo.git("checkout", "-q", "main")
    repo.commit(files={_PATH: _HEAD + _PLAIN})
    repo.git("checkout", "-q", "feature")
    assert _rules(repo, "main") == ["ci-token-printed"]


def test_changes_elsewhere_are_not_looked_at(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit(files={_PATH: _HEAD + _ARGV})
    repo.write("a.py", "print(1)\n")
    repo.git("add", "a.py")
    run = ScanContext(ToyExaminer())
    assert list(CiChangesSource(repo.path, "repo").findings(run)) == []
    assert run.objects == 0


def test_the_quick_look_at_names_leaves_out_nothing_that_the_audit_reads() -> None:
    names = {one.path for one in labelled()} | {"a/.bashrc", ".zprofile", "x.ksh", "Justfile", "a.mk", "b.tfvars.json"}
    names |= {
        "bamboo-specs/a.java",
        "Procfile",
        "vercel.json",
        "fly.toml",
        ".env.local",
        "x.jenkinsfile",
        "Taskfile.yml",
    }
    for name in names:
        assert may_be_ci(name)


def test_an_unknown_revision_is_said(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path)
    repo.commit(files={_PATH: _HEAD})
    (found,) = CiChangesSource(repo.path, "repo", "nowhere").findings(ScanContext(ToyExaminer()))
    assert isinstance(found, Skipped)


def test_a_change_of_a_bare_repository(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    first = repo.commit("first", {"a": "a"})
    workflow = "on: push\nenv:\n  HF_TOKEN: ${{ secrets.HF_TOKEN }}\njobs:\n  a:\n    steps:\n      - run: hf upload\n"
    repo.commit("second", {".github/workflows/a.yml": workflow})
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    report = scan([str(tmp_path / "bare.git")], Scope(since=first)).report
    assert report.skipped == ()
    assert "ci-token-workflow-env" in {problem.rule for problem in report.problems}
