"""`tokenaudit scan` as a user runs it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.posix import is_root
from tokenaudit.secret import fingerprint


@pytest.fixture
def mint() -> Mint:
    return Mint(21)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def located(report: Any, value: str) -> list[tuple[Any, ...]]:
    """(source, path, line, column) of every location of `value`."""
    return [
        (place["source"], place["path"], place["line"], place["column"])
        for credential in report["credentials"]
        if credential["fingerprint"] == fingerprint(value)
        for place in credential["locations"]
    ]


def test_a_clean_repository_exits_0(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("first", {"a.py": "print('hello')\n"})
    ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.report["complete"] is True
    assert ran.report["credentials"] == ran.report["problems"] == ran.report["skipped"] == []


def test_one_credential_in_many_places_is_one_entry(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    introduced = repo.commit("add", {"src/a.py": f"x = 1\ntoken = '{value}'\n"})
    repo.write("untracked.txt", f"{value}\n")
    repo.write(".gitignore", "*.log\n")
    repo.write("run.log", f"line\nline\n  {value}\n")
    ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
    assert ran.code == 1
    (credential,) = ran.report["credentials"]
    assert credential["fingerprint"] == fingerprint(value)
    assert credential["display"] == f"hf_****{value[-4:]}"
    assert credential["kind"] == "user_token"
    assert located(ran.report, value) == [
        ("tree", "run.log", 3, 3),
        ("tree", "src/a.py", 2, 10),
        ("tree", "untracked.txt", 1, 1),
        ("history", "src/a.py", 2, 10),
    ]
    history = credential["locations"][-1]
    assert history["commit"] == introduced
    assert history["reachable"] is True
    assert history["in_head"] is True
    assert history["author"]
    assert history["date"].endswith("Z")


def test_a_credential_removed_from_head_is_still_found(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    introduced = repo.commit("add", {"a.py": value})
    repo.commit("remove", {"a.py": "nothing"})
    ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
    ((place,),) = (credential["locations"] for credential in ran.report["credentials"])
    assert (place["commit"], place["in_head"], place["reachable"]) == (introduced, False, True)


def test_bare_repositories_and_file_urls(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    repo.commit("add", {"a.py": value})
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    for target in (str(tmp_path / "bare.git"), f"file://{repo.path}"):
        ran = tokenaudit("scan", target, "-f", "json", home=tmp_path)
        assert ran.code == 1, ran.err
        assert located(ran.report, value) == [("history", "a.py", 1, 1)]
        assert {entry["target"] for entry in ran.report["targets"]} == {target}


@pytest.mark.parametrize("target", ["repo", "./repo", "repo/", "../{here}/repo", "repo/.git", "bare.git", "linked"])
def test_a_relative_target_is_the_same_place(repo: GitRepo, tmp_path: Path, mint: Mint, target: str) -> None:
    value = mint.user_token()
    repo.commit("add", {"a.py": value})
    repo.commit("remove", {"a.py": "nothing"})
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    ran = tokenaudit("scan", target.format(here=tmp_path.name), "-f", "json", home=tmp_path, cwd=tmp_path)
    assert (ran.code, ran.err, ran.report["skipped"]) == (1, "", [])
    assert located(ran.report, value) == [("history", "a.py", 1, 1)]


def test_a_place_that_is_named_twice_is_read_once(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    repo.commit("add", {"a.py": value})
    ran = tokenaudit("scan", "repo", "./repo", repo.path, "-f", "json", home=tmp_path, cwd=tmp_path)
    assert {place["target"] for place in ran.report["targets"]} == {"repo"}
    assert len(located(ran.report, value)) == 2


def test_an_empty_target_is_not_taken_for_the_current_folder(tmp_path: Path) -> None:
    ran = tokenaudit("scan", "", home=tmp_path, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "empty target" in ran.err


def test_nothing_is_left_open(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    repo.commit("add", {"a.py": mint.user_token()})
    ran = tokenaudit("scan", repo.path, home=tmp_path, env={"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"})
    assert (ran.code, ran.err) == (1, "")


@pytest.mark.parametrize("option", [["--staged"], ["--since", "HEAD"]])
def test_changes_of_a_relative_target(repo: GitRepo, tmp_path: Path, mint: Mint, option: list[str]) -> None:
    value = mint.user_token()
    repo.commit("first", {"b.py": "b"})
    repo.git("branch", "base")
    if option == ["--staged"]:
        repo.write("a.py", value)
        repo.git("add", "a.py")
    else:
        repo.commit("add", {"a.py": value})
        option = ["--since", "base"]
    ran = tokenaudit("scan", "repo", *option, "-f", "json", home=tmp_path, cwd=tmp_path)
    assert (ran.code, ran.err, ran.report["skipped"]) == (1, "", [])
    assert [(path, line) for _, path, line, _ in located(ran.report, value)] == [("a.py", 1)]


def test_staged_and_since_are_not_asked_together(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("first", {"b.py": "b"})
    ran = tokenaudit("scan", repo.path, "--staged", "--since", "HEAD", home=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "can't be combined" in ran.err


def test_a_blob_that_only_the_index_names_is_said_to_be_in_no_commit(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    repo.commit("first", {"b.py": "b"})
    repo.write("a.py", mint.user_token())
    repo.git("add", "a.py")
    ran = tokenaudit("scan", repo.path, "--only", "history", home=tmp_path)
    assert "in no commit" in ran.out


def test_a_plain_folder_and_a_single_file(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.txt").write_text(f"key: {value}\n")
    assert located(tokenaudit("scan", folder, "-f", "json", home=tmp_path).report, value) == [("tree", "a.txt", 1, 6)]
    ran = tokenaudit("scan", folder / "a.txt", "-f", "json", home=tmp_path)
    assert located(ran.report, value) == [("tree", "a.txt", 1, 6)]


def test_the_default_target_is_the_repository_around_here(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    repo.commit("add", {"src/a.py": value})
    for folder in (repo.path, repo.path / "src"):
        ran = tokenaudit("scan", "-f", "json", home=tmp_path, cwd=folder)
        assert ("history", "src/a.py", 1, 1) in located(ran.report, value)


def test_repositories_within_a_place_give_their_histories(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    vendored, submodule = mint.user_token(), mint.user_token()
    for name, value in (("vendored", vendored), ("library", submodule)):
        other = GitRepo(tmp_path / name)
        other.commit("add", {"a.py": value})
        other.commit("remove", {"a.py": "nothing"})
    repo.commit("first", {"b.py": "b\n"})
    repo.git("clone", "-q", str(tmp_path / "vendored"), "third_party/vendored")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "library")
    report = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path).report
    assert report["complete"] is True
    assert located(report, vendored) == located(report, submodule) == [("history", "a.py", 1, 1)]
    targets = {place["target"] for credential in report["credentials"] for place in credential["locations"]}
    assert targets == {f"{repo.path}/third_party/vendored", f"{repo.path}/.git/modules/library"}
    assert tokenaudit("scan", repo.path, "--only", "tree", home=tmp_path).code == 0


WORKFLOW = """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: hf auth login --token ${{ secrets.HF_TOKEN }}
"""


def test_ci_configuration_of_other_refs_is_read_on_request(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("first", {"a.txt": "a\n"})
    repo.switch("side", "HEAD")
    repo.commit("ci", {".github/workflows/ci.yml": WORKFLOW})
    repo.switch("main")
    arguments = ["scan", str(repo.path), "--only", "ci", "-f", "json"]
    assert tokenaudit(*arguments, home=tmp_path).report["problems"] == []
    for ref in ("side", "*"):
        problems = tokenaudit(*arguments, "--ci-ref", ref, home=tmp_path).report["problems"]
        assert "ci-token-in-argv" in {problem["rule"] for problem in problems}


@pytest.mark.skipif(shutil.which("zizmor", path=Path(sys.executable).parent) is None, reason="zizmor is not installed")
def test_zizmor_speaks_up_for_jobs_with_a_credential(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("ci", {".github/workflows/ci.yml": WORKFLOW})
    problems = tokenaudit("scan", repo.path, "--only", "ci", "--zizmor", "-f", "json", home=tmp_path).report["problems"]
    assert any(problem["rule"].startswith("zizmor/") for problem in problems)


def test_several_targets_make_one_report(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    repo.commit("add", {"a.py": value})
    other = GitRepo(tmp_path / "other")
    other.commit("add", {"b.py": value})
    ran = tokenaudit("scan", repo.path, other.path, "-f", "json", home=tmp_path)
    (credential,) = ran.report["credentials"]
    assert {place["target"] for place in credential["locations"]} == {str(repo.path), str(other.path)}


def test_only_and_skip_choose_parts(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    repo.commit("add", {"a.py": value})
    for option, expected in (
        (["--only", "tree"], {"tree"}),
        (["--only", "history"], {"history"}),
        (["--skip", "history"], {"tree"}),
        (["--skip", "history,tree"], set()),
    ):
        ran = tokenaudit("scan", repo.path, "-f", "json", *option, home=tmp_path)
        assert {place[0] for place in located(ran.report, value)} == expected, option
    assert tokenaudit("scan", repo.path, "--only", "future", home=tmp_path).code == 2


def test_placeholders_are_counted_and_shown_on_request(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("add", {"README.md": "HF_TOKEN=hf_" + "x" * 34})
    ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
    assert ran.code == 0
    assert ran.report["credentials"] == []
    assert ran.report["summary"]["unlikely"] == 1
    shown = tokenaudit("scan", repo.path, "-f", "json", "--show-unlikely", home=tmp_path)
    assert shown.code == 0
    assert [credential["likelihood"] for credential in shown.report["credentials"]] == ["placeholder"]


def test_inline_allow_comments_count_only_when_asked(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    repo.commit(
        "add",
        {
            "a.py": f"t = '{mint.user_token()}'  # gitleaks:allow\n",
            "b.py": f"t = '{mint.user_token()}'  # pragma: allowlist secret\n",
            "c.py": f"t = '{mint.user_token()}'  # trufflehog:ignore\n",
            "d.py": f"t = '{mint.user_token()}'\n",
        },
    )
    assert tokenaudit("scan", repo.path, "-f", "json", home=tmp_path).report["summary"]["credentials"] == 4
    honoured = tokenaudit("scan", repo.path, "-f", "json", "--honour-ignores", home=tmp_path).report
    assert [place["path"] for c in honoured["credentials"] for place in c["locations"]] == ["d.py", "d.py"]


@pytest.mark.parametrize(("level", "code"), [("info", 1), ("low", 1), ("high", 1), ("critical", 0), ("never", 0)])
def test_fail_on(repo: GitRepo, tmp_path: Path, mint: Mint, level: str, code: int) -> None:
    """An exposed credential that nobody has asked about is of high severity."""
    repo.commit("add", {"a.py": mint.user_token()})
    assert tokenaudit("scan", repo.path, "--fail-on", level, home=tmp_path).code == code


def test_output_goes_to_a_file(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    repo.commit("add", {"a.py": mint.user_token()})
    ran = tokenaudit("scan", repo.path, "-f", "json", "-o", tmp_path / "report.json", home=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert (tmp_path / "report.json").read_text().startswith("{")
    ran = tokenaudit("scan", repo.path, "-o", tmp_path / "missing" / "report.json", home=tmp_path)
    assert ran.code == 2
    assert "missing" in ran.err


def test_the_report_does_not_depend_on_the_number_of_processes(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    for number in range(40):
        repo.commit(f"change {number}", {f"{number % 7}.py": f"{mint.user_token()}\n" * (number % 3)})
    reports = []
    for jobs in ("1", "2", "3"):
        report = tokenaudit("scan", repo.path, "-f", "json", "-j", jobs, home=tmp_path).report
        reports.append({key: value for key, value in report.items() if not key.endswith("_at") and key != "command"})
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["summary"]["credentials"] > 10


class TestBadInput:
    """One clear line on stderr, the documented exit code, and whatever could be read."""

    def test_a_path_that_does_not_exist(self, tmp_path: Path) -> None:
        ran = tokenaudit("scan", tmp_path / "nowhere", home=tmp_path)
        assert ran.code == 2
        assert ran.out == ""
        assert ran.err.count("\n") == 1
        assert "nowhere" in ran.err

    def test_an_unknown_option(self, tmp_path: Path) -> None:
        ran = tokenaudit("scan", "--frobnicate", home=tmp_path)
        assert ran.code == 2
        assert ran.err.count("\n") == 1
        assert "--frobnicate" in ran.err

    def test_an_empty_repository(self, repo: GitRepo, tmp_path: Path) -> None:
        ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
        assert (ran.code, ran.report["complete"]) == (3, False)
        assert "no commits" in ran.report["skipped"][0]["reason"]

    def test_a_shallow_clone_is_not_called_clean(self, repo: GitRepo, tmp_path: Path) -> None:
        for number in range(3):
            repo.commit(f"{number}", {"a.txt": f"{number}\n"})
        repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(tmp_path / "shallow"))
        ran = tokenaudit("scan", tmp_path / "shallow", "-f", "json", home=tmp_path)
        assert ran.code == 3
        assert ran.report["complete"] is False
        assert any("shallow" in entry["reason"] for entry in ran.report["skipped"])

    def test_a_partial_clone_is_not_called_clean(self, repo: GitRepo, tmp_path: Path) -> None:
        repo.commit("add", {"a.txt": "text\n", "b.txt": "more\n"})
        repo.git("config", "uploadpack.allowFilter", "true")
        repo.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{repo.path}", str(tmp_path / "partial"))
        ran = tokenaudit("scan", tmp_path / "partial", "-f", "json", home=tmp_path)
        assert ran.code == 3
        assert ran.report["complete"] is False

    def test_a_missing_object_is_named_and_the_rest_is_read(self, repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
        value = mint.user_token()
        repo.commit("add", {"lost.txt": "lost\n", "found.txt": value})
        lost = repo.head("HEAD:lost.txt")
        (repo.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
        ran = tokenaudit("scan", repo.path, "-f", "json", "--only", "history", home=tmp_path)
        assert ran.code == 1
        assert ran.report["complete"] is False
        assert any(lost in entry["where"] + entry["reason"] for entry in ran.report["skipped"])
        assert located(ran.report, value) == [("history", "found.txt", 1, 1)]

    def test_a_clone_url_that_answers_nothing(self, tmp_path: Path) -> None:
        ran = tokenaudit("scan", f"file://{tmp_path}/nothing.git", home=tmp_path)
        assert ran.code == 3
        assert "nothing.git" in ran.out
        assert "Traceback" not in ran.err

    def test_a_target_that_fails_does_not_lose_the_others(self, repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
        repo.commit("add", {"a.py": mint.user_token()})
        ran = tokenaudit("scan", repo.path, f"file://{tmp_path}/nothing.git", "-f", "json", home=tmp_path)
        assert ran.code == 1
        assert ran.report["complete"] is False
        assert ran.report["summary"]["credentials"] == 1

    def test_a_program_running_transport_is_refused(self, tmp_path: Path) -> None:
        ran = tokenaudit("scan", f"ext::touch {tmp_path}/owned", home=tmp_path)
        assert ran.code == 2
        assert not (tmp_path / "owned").exists()

    @pytest.mark.parametrize("endpoint", ["http://example.org", "ftp://example.org", "nonsense"])
    def test_an_endpoint_that_must_not_see_credentials(self, repo: GitRepo, tmp_path: Path, endpoint: str) -> None:
        ran = tokenaudit("scan", repo.path, "--inspect", "--endpoint", endpoint, home=tmp_path)
        assert ran.code == 2
        assert ran.err.count("\n") == 1
        assert "https" in ran.err

    @pytest.mark.skipif(os.name != "posix" or is_root, reason="root reads everything")
    def test_a_file_without_permission(self, repo: GitRepo, tmp_path: Path) -> None:
        repo.commit("add", {"a.txt": "text\n"})
        repo.write("private.txt", "?").chmod(0)
        ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path)
        assert ran.code == 3
        assert any("private.txt" in entry["where"] for entry in ran.report["skipped"])

    def test_a_plugin_file_that_is_none(self, repo: GitRepo, tmp_path: Path) -> None:
        (tmp_path / "broken.py").write_text("this is not python")
        ran = tokenaudit("scan", repo.path, "--plugin", tmp_path / "broken.py", home=tmp_path)
        assert ran.code == 2
        assert ran.err.count("\n") == 1
        assert "broken.py" in ran.err

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_command_exits_130(self, tmp_path: Path, number: signal.Signals) -> None:
        if signal.getsignal(number) == signal.SIG_IGN:
            pytest.skip("a shell that runs the tests in the background has it ignored, by children too")
        process = subprocess.Popen(
            [sys.executable, "-m", "tokenaudit", "fingerprint"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"x\n")
        process.stdin.flush()
        process.stdout.readline()  # it is at work now, waiting for more
        process.send_signal(number)
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 130
        assert complaint.decode().splitlines() == ["tokenaudit: interrupted; run the same command again to resume"]


def test_what_is_staged_is_called_uncommitted(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    repo.commit("first", {"a.py": "1\n"})
    repo.write("a.py", f"login('{mint.user_token()}')\n")
    repo.git("add", "a.py")
    ran = tokenaudit("scan", "--staged", "--quiet", cwd=repo.path, home=tmp_path)
    assert ran.code == 1
    said = " ".join(ran.out.split())
    assert "staged, not committed yet" in said
    assert "still present" not in said
    assert "remove the value from the file, stage the file again" in said


def test_a_hook_of_pre_commit_scans_the_range_it_is_given(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    old, new = mint.user_token(), mint.user_token()
    first = repo.commit("first", {"a.py": old})
    second = repo.commit("second", {"a.py": "", "b.py": new})
    repo.commit("third", {"b.py": ""})
    ranges: list[tuple[dict[str, str], set[str]]] = [
        ({"PRE_COMMIT_FROM_REF": first, "PRE_COMMIT_TO_REF": second}, {new}),
        ({"PRE_COMMIT_FROM_REF": second, "PRE_COMMIT_TO_REF": "HEAD"}, set()),
        ({"PRE_COMMIT_FROM_REF": "0" * 40, "PRE_COMMIT_TO_REF": first}, {old}),
        ({"PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main"}, {old, new}),
        ({}, set()),
    ]
    for env, values in ranges:
        ran = tokenaudit("scan", "--staged", "-f", "json", cwd=repo.path, home=tmp_path, env=env)
        found = {credential["fingerprint"] for credential in ran.report["credentials"]}
        assert found == {fingerprint(value) for value in values}, env


def test_since_an_id_of_zeros_is_the_whole_branch(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    repo.commit("first", {"a.py": value})
    repo.commit("second", {"a.py": ""})
    ran = tokenaudit("scan", "--since", "0" * 40, "-f", "json", cwd=repo.path, home=tmp_path)
    assert [one["fingerprint"] for one in ran.report["credentials"]] == [fingerprint(value)]


def test_a_hook_with_nothing_staged_scans_every_tracked_file(repo: GitRepo, tmp_path: Path, mint: Mint) -> None:
    value, other = mint.user_token(), mint.user_token()
    repo.commit("first", {"a.py": value})
    repo.write("untracked.py", other)
    ran = tokenaudit("scan", "--staged", "-f", "json", cwd=repo.path, home=tmp_path, env={"PRE_COMMIT": "1"})
    (found,) = ran.report["credentials"]
    assert ran.code == 1
    assert found["fingerprint"] == fingerprint(value)
    assert [(one["source"], one["path"]) for one in found["locations"]] == [("tree", "a.py")]
    repo.commit("second", {"a.py": "", "untracked.py": ""})
    assert tokenaudit("scan", "--staged", cwd=repo.path, home=tmp_path, env={"PRE_COMMIT": "1"}).code == 0
    assert tokenaudit("scan", "--staged", cwd=repo.path, home=tmp_path).code == 0
