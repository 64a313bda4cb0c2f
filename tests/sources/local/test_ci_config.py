"""Configuration as a place: folders, bare repositories, other refs."""

from __future__ import annotations

from pathlib import Path

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.ci_config import CiSource

_WORKFLOW = ".github/workflows/publish.yml"
_HEAD = "on: push\njobs:\n  p:\n    runs-on: x\n    steps:\n"


def _leaky(token: str) -> str:
    return f"{_HEAD}      - run: python x.py\n        env:\n          HF_TOKEN: {token}\n"


def _argv() -> str:
    return _HEAD + "      - run: hf auth login --token ${{ secrets.HF_TOKEN }}\n"


def test_a_folder_gives_problems_and_the_literals_themselves(tmp_path: Path) -> None:
    token = Mint(1).user_token()
    file = tmp_path / _WORKFLOW
    file.parent.mkdir(parents=True)
    file.write_text(_leaky(token))
    run = ScanContext(ToyExaminer())
    found = list(CiSource(tmp_path, "repo").findings(run))
    assert [(one.rule, one.path, one.line) for one in found if isinstance(one, Problem)] == [
        ("ci-literal-token", _WORKFLOW, 8)
    ]
    (sighting,) = [one for one in found if isinstance(one, LocatedDetection)]
    assert (sighting.location.source, sighting.location.path, sighting.location.line) == ("ci", _WORKFLOW, 8)
    assert sighting.detection.secret.reveal() == token
    assert run.objects == 1


def test_a_bare_repository_is_read_at_head(tmp_path: Path) -> None:
    work = GitRepo(tmp_path / "work")
    work.commit(files={_WORKFLOW: _argv(), "README.md": "hello"})
    work.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    found = list(CiSource(tmp_path / "bare.git", "bare").findings(ScanContext(ToyExaminer())))
    assert {(one.rule, one.path) for one in found if isinstance(one, Problem)} == {("ci-token-in-argv", _WORKFLOW)}


def test_other_refs_are_looked_at_on_request_and_named(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={_WORKFLOW: "on: push\njobs: {}\n"})
    repo.git("checkout", "-q", "-b", "feature")
    repo.commit(files={_WORKFLOW: _argv()})
    repo.git("checkout", "-q", "main")
    assert not list(CiSource(repo.path, "repo").findings(ScanContext(ToyExaminer())))
    found = list(CiSource(repo.path, "repo", refs=["*"]).findings(ScanContext(ToyExaminer())))
    (problem,) = [one for one in found if isinstance(one, Problem)]
    assert problem.rule == "ci-token-in-argv"
    assert "refs/heads/feature" in problem.message


def test_a_folder_that_is_no_repository_has_no_other_refs(tmp_path: Path) -> None:
    found = list(CiSource(tmp_path, "folder", refs=["*"]).findings(ScanContext(ToyExaminer())))
    assert [type(one) for one in found] == [Skipped]


def test_the_claims_of_a_publisher_name_the_repository_that_origin_points_to(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.git("remote", "add", "origin", "git@github.com:acme/training.git")
    upload = "      - run: hf upload acme/model .\n        env:\n          HF_TOKEN: ${{ secrets.HF_TOKEN }}\n"
    repo.commit(files={_WORKFLOW: _HEAD + upload})
    found = list(CiSource(repo.path, "repo").findings(ScanContext(ToyExaminer())))
    (advice,) = [one for one in found if isinstance(one, Problem) and one.rule == "ci-could-be-keyless"]
    assert "repository = acme/training" in advice.remedy


def test_local_files_that_a_pipeline_includes_are_read_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / ".gitlab-ci.yml").write_text("include:\n  - local: /templates/*.yml\n# HF_TOKEN\n")
    (tmp_path / "templates" / "hub.yml").write_text("a:\n  script:\n    - hf auth login --token $HF_TOKEN\n")
    (tmp_path / "templates" / "other.yaml").write_text("a:\n  script:\n    - hf auth login --token $HF_TOKEN\n")
    found = list(CiSource(tmp_path, "repo").findings(ScanContext(ToyExaminer())))
    assert {(one.path, one.rule) for one in found if isinstance(one, Problem)} == {
        ("templates/hub.yml", "ci-token-in-argv")
    }
