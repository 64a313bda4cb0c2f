"""What can be named as a target, and that an unread target is never clean."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file types")


@pytest.fixture
def value() -> str:
    return Mint(71).user_token()


def locations(report: Any, value: str) -> list[dict[str, Any]]:
    return [
        place
        for credential in report["credentials"]
        if credential["fingerprint"] == fingerprint(value)
        for place in credential["locations"]
    ]


def skipped(report: Any) -> dict[str, str]:
    return {entry["where"]: entry["reason"] for entry in report["skipped"]}


@posix
class TestNamedLinks:
    """A link that the user names is read; a link that a folder holds is not the user's word."""

    def test_a_link_to_a_file(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "real.log").write_text(f"x\ny {value}\n")
        (tmp_path / "current.log").symlink_to("real.log")
        (tmp_path / "again.log").symlink_to(tmp_path / "current.log")
        for name in ("current.log", "again.log"):
            ran = tokenaudit("scan", name, "-f", "json", home=tmp_path, cwd=tmp_path)
            assert (ran.code, ran.report["complete"]) == (1, True)
            assert [(place["path"], place["line"]) for place in locations(ran.report, value)] == [(name, 2)]

    @pytest.mark.parametrize("kind", ["folder", "repository", "bare"])
    def test_a_link_to_a_folder_or_repository(self, tmp_path: Path, value: str, kind: str) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"a.py": value})
        repo.commit("remove", {"a.py": "nothing"})
        (tmp_path / "plain").mkdir()
        (tmp_path / "plain" / "a.py").write_text(value)
        repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
        (tmp_path / "link").symlink_to({"folder": "plain", "repository": "repo", "bare": "bare.git"}[kind])
        ran = tokenaudit("scan", "link", "-f", "json", home=tmp_path, cwd=tmp_path)
        assert (ran.code, ran.report["complete"]) == (1, True)
        assert {place["path"] for place in locations(ran.report, value)} == {"a.py"}

    @pytest.mark.parametrize(("to", "says"), [("nowhere", "does not exist"), ("link", "a link to itself")])
    def test_a_link_that_leads_nowhere(self, tmp_path: Path, to: str, says: str) -> None:
        (tmp_path / "link").symlink_to(to)
        ran = tokenaudit("scan", "link", "-f", "json", home=tmp_path, cwd=tmp_path)
        assert (ran.code, ran.report["complete"]) == (3, False)
        assert says in skipped(ran.report)["link: link"]
        assert len(ran.report["skipped"]) == 1

    def test_a_credential_in_the_text_of_a_dangling_link(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "link").symlink_to(f"/nowhere/{value}")
        ran = tokenaudit("scan", "link", "-f", "json", home=tmp_path, cwd=tmp_path)
        assert ran.code == 1
        assert value not in ran.out

    def test_a_folder_and_a_link_to_it_are_one_place(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "x").write_text(value)
        (tmp_path / "b").symlink_to("a")
        report = tokenaudit("scan", "a", "b", "-f", "json", home=tmp_path, cwd=tmp_path).report
        assert {target["target"] for target in report["targets"]} == {"a"}

    def test_what_is_written_through_a_link_leaves_the_link(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "a.py").write_text(value)
        (tmp_path / "kept").mkdir()
        for name, option in (("report", ["-o"]), ("baseline", ["--update-baseline", "--baseline"])):
            (tmp_path / "kept" / name).write_text('{"results": {}}')
            (tmp_path / name).symlink_to(f"kept/{name}")
            tokenaudit("scan", "a.py", *option, name, home=tmp_path, cwd=tmp_path)
            assert (tmp_path / name).is_symlink()
            assert value[-4:] in (tmp_path / "kept" / name).read_text() or name == "baseline"

    @pytest.mark.parametrize("command", ["plan", "report"])
    def test_a_report_is_read_through_a_link_and_from_a_pipe(self, tmp_path: Path, value: str, command: str) -> None:
        (tmp_path / "a.py").write_text(value)
        written = tokenaudit("scan", "a.py", "-f", "json", home=tmp_path, cwd=tmp_path).out
        (tmp_path / "real.json").write_text(written)
        (tmp_path / "link.json").symlink_to("real.json")
        expected = tokenaudit(command, "real.json", home=tmp_path, cwd=tmp_path)
        assert fingerprint(value)[:8] in expected.out
        for name in ("link.json", "-", "/dev/stdin"):
            ran = tokenaudit(command, name, home=tmp_path, cwd=tmp_path, stdin=written.encode())
            assert (ran.code, ran.out) == (expected.code, expected.out)


@posix
class TestStreams:
    """Standard input, pipes and what shells make of them."""

    @pytest.mark.parametrize("target", ["-", "/dev/stdin", "/dev/fd/0"])
    def test_what_is_piped_in(self, tmp_path: Path, value: str, target: str) -> None:
        ran = tokenaudit("scan", target, "-f", "json", home=tmp_path, stdin=f"x\n key: {value}\n".encode())
        assert (ran.code, ran.report["complete"]) == (1, True)
        (place,) = locations(ran.report, value)
        assert (place["target"], place["path"], place["line"], place["column"]) == (target, None, 2, 7)

    def test_standard_input_from_a_file(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "log").write_text(value)
        with (tmp_path / "log").open("rb") as file:
            done = subprocess.run(
                [sys.executable, "-m", "tokenaudit", "scan", "/dev/stdin"],
                stdin=file, capture_output=True, env=environment(tmp_path), check=False,
            )  # fmt: skip
        assert done.returncode == 1

    def test_it_is_read_once_whatever_it_is_called(self, tmp_path: Path, value: str) -> None:
        report = tokenaudit("scan", "-", "/dev/stdin", "-f", "json", home=tmp_path, stdin=value.encode()).report
        assert len(report["targets"]) == 1
        assert len(locations(report, value)) == 1

    def test_process_substitution(self, tmp_path: Path, value: str) -> None:
        reading, writing = os.pipe()
        os.write(writing, f"token={value}\n".encode())
        os.close(writing)
        done = subprocess.run(
            [sys.executable, "-m", "tokenaudit", "scan", f"/dev/fd/{reading}"],
            capture_output=True, pass_fds=[reading], env=environment(tmp_path), check=False,
        )  # fmt: skip
        os.close(reading)
        assert (done.returncode, done.stderr) == (1, b"")

    def test_a_named_pipe(self, tmp_path: Path, value: str) -> None:
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(f"a {value}"))
        writer.start()
        ran = tokenaudit("scan", "pipe", "-f", "json", home=tmp_path, cwd=tmp_path)
        writer.join()
        assert (ran.code, len(locations(ran.report, value))) == (1, 1)

    def test_a_file_that_was_deleted_while_it_is_open(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "gone").write_text(value)
        with (tmp_path / "gone").open("rb") as file:
            (tmp_path / "gone").unlink()
            done = subprocess.run(
                [sys.executable, "-m", "tokenaudit", "scan", f"/dev/fd/{file.fileno()}"],
                capture_output=True, pass_fds=[file.fileno()], env=environment(tmp_path), check=False,
            )  # fmt: skip
        assert done.returncode == 1

    def test_an_archive_that_is_piped_in(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "x").write_text(value)
        packed = subprocess.run(["tar", "cz", "x"], cwd=tmp_path, capture_output=True, check=True).stdout
        assert tokenaudit("scan", "-", home=tmp_path, stdin=packed).code == 1

    def test_nothing_piped_in_is_not_clean(self, tmp_path: Path) -> None:
        ran = tokenaudit("scan", "-", "-f", "json", home=tmp_path)
        assert (ran.code, skipped(ran.report)) == (3, {"-": "no content (the input is empty)"})

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
    def test_a_device_without_an_end_is_refused(self, tmp_path: Path, device: str) -> None:
        ran = tokenaudit("scan", device, "-f", "json", home=tmp_path)
        assert ran.code == 3
        assert "device" in skipped(ran.report)[device]

    @pytest.mark.parametrize("option", [["--staged"], ["--since", "HEAD"]])
    def test_a_stream_has_no_changes(self, tmp_path: Path, option: list[str]) -> None:
        ran = tokenaudit("scan", *option, "-", home=tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert "needs a git repository" in ran.err

    def test_revoke_finds_the_value_behind_a_link(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "real").write_text(value)
        (tmp_path / "link").symlink_to("real")
        ran = tokenaudit("revoke", fingerprint(value), "--from", "link", "--no-token", home=tmp_path, cwd=tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert "nothing was sent: not a terminal" in ran.err


class TestNothingThere:
    """What was asked for and is not there is reported: exit code 3 and one line that says what was missing."""

    def nothing(self, tmp_path: Path, *arguments: str) -> dict[str, str]:
        ran = tokenaudit("scan", *arguments, "-f", "json", home=tmp_path, cwd=tmp_path)
        assert (ran.code, ran.report["complete"]) == (3, False)
        assert "Clean" not in tokenaudit("scan", *arguments, home=tmp_path, cwd=tmp_path).out
        return skipped(ran.report)

    def test_the_history_of_no_repository(self, tmp_path: Path) -> None:
        (tmp_path / "plain").mkdir()
        (tmp_path / "plain" / "a").write_text("a")
        for target in ("plain", "plain/a"):
            assert self.nothing(tmp_path, "--only", "history", target) == {target: "no history (not a git repository)"}
            assert "no history" in self.nothing(tmp_path, "--only", "history,tree", target)[target]
        assert tokenaudit("scan", "--skip", "ci", "plain", home=tmp_path, cwd=tmp_path).code == 0

    def test_the_history_of_a_part_of_a_repository(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"src/a.py": "a"})
        for target in ("repo/src", "repo/src/a.py"):
            assert f"part of the repository {repo.path}" in self.nothing(tmp_path, "--only", "history", target)[target]

    def test_repositories_in_a_folder_are_a_history(self, tmp_path: Path, value: str) -> None:
        repo = GitRepo(tmp_path / "all" / "repo")
        repo.commit("add", {"a.py": value})
        repo.commit("remove", {"a.py": "nothing"})
        ran = tokenaudit("scan", "--only", "history", "all", "-f", "json", home=tmp_path, cwd=tmp_path)
        assert (ran.code, ran.report["complete"]) == (1, True)
        empty = GitRepo(tmp_path / "none" / "repo")
        assert empty.path.is_dir()
        assert self.nothing(tmp_path, "--only", "history", "none")

    def test_a_branch_without_a_commit(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.write("a.py", "a")
        repo.git("add", "a.py")
        assert self.nothing(tmp_path, "--only", "history", "repo") == {"repo": "no history (no commits)"}
        assert tokenaudit("scan", "repo", home=tmp_path, cwd=tmp_path).code == 0

    def test_a_branch_without_a_commit_beside_others(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"a.py": "a"})
        repo.git("checkout", "-q", "--orphan", "new")
        assert tokenaudit("scan", "--only", "history", "repo", home=tmp_path, cwd=tmp_path).code == 0

    def test_commits_that_no_ref_leads_to_are_a_history(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"a.py": "a"})
        repo.git("update-ref", "-d", "refs/heads/main")
        assert tokenaudit("scan", "--only", "history", "repo", home=tmp_path, cwd=tmp_path).code == 0

    def test_the_tree_of_a_bare_repository(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"a.py": "a"})
        repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
        assert "no working tree" in self.nothing(tmp_path, "--only", "tree", "bare.git")["bare.git"]
        url = f"file://{repo.path}"
        assert "no working tree" in self.nothing(tmp_path, "--only", "tree", url)[url]
        assert tokenaudit("scan", "bare.git", home=tmp_path, cwd=tmp_path).code == 0

    def test_an_empty_bare_repository(self, tmp_path: Path) -> None:
        GitRepo(tmp_path / "repo").git("init", "-q", "--bare", str(tmp_path / "bare.git"))
        assert "no commits" in self.nothing(tmp_path, "bare.git")["bare.git"]

    def test_configuration_where_there_is_none(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"a.py": "a", "config.yml": "a: 1\n"})
        (tmp_path / "plain").mkdir()
        for target in ("repo", "plain", "repo/a.py"):
            assert self.nothing(tmp_path, "--only", "ci", target) == {target: "no CI configuration"}

    def test_a_named_workflow_is_judged(self, tmp_path: Path) -> None:
        repo = GitRepo(tmp_path / "repo")
        run = "- run: hf auth login --token ${{ secrets.HF_TOKEN }}"
        name = ".github/workflows/ci.yml"
        repo.write(name, f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      {run}\n")
        ran = tokenaudit("scan", name, "-f", "json", home=tmp_path, cwd=repo.path)
        found = {(problem["rule"], problem["path"]) for problem in ran.report["problems"]}
        assert ("ci-token-in-argv", "ci.yml") in found

    def test_an_empty_folder_and_empty_files(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "__init__.py").touch()
        assert "no files" in self.nothing(tmp_path, "empty")["empty"]
        assert "all files are empty" in self.nothing(tmp_path, "files")["files"]
        assert "an empty file" in self.nothing(tmp_path, "files/__init__.py")["files/__init__.py"]

    def test_one_of_several_targets(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "full").write_text(value)
        ran = tokenaudit("scan", "full", "empty", "-f", "json", home=tmp_path, cwd=tmp_path)
        assert (ran.code, set(skipped(ran.report))) == (1, {"empty"})

    def test_no_changes_are_no_gap_and_not_clean(self, tmp_path: Path) -> None:
        """A commit hook must let a commit pass that changes nothing; its report still claims nothing."""
        repo = GitRepo(tmp_path / "repo")
        repo.commit("add", {"a.py": "a"})
        for option in (["--staged"], ["--since", "HEAD"]):
            ran = tokenaudit("scan", "repo", *option, home=tmp_path, cwd=tmp_path)
            assert (ran.code, ran.out) == (0, "Nothing to scan: no objects were read.\n")
