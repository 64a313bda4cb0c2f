"""Large files of repositories, that are pointers in git: those that can be text are read, the others counted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.hub import faults
from tests.hub.double import HubDouble
from tests.support.gitrepo import GitRepo
from tests.sweep.example_org import Acme
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.hub.download import download
from tokenaudit.interfaces import ScanContext
from tokenaudit.sources.local.git_history import HistorySource
from tokenaudit.sweep import SweepResult
from tokenaudit.sweep.arguments import size_of


def pointer(content: bytes, size: int | None = None) -> str:
    key = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{key}\nsize {size or len(content)}\n"


def hosted(org: Acme, repo_type: str, files: dict[str, bytes], *older: bytes) -> GitRepo:
    """A repository `acme/large` with `files` as pointers, and `older` ones in its history only."""
    repo = GitRepo(org.folder / f"large-{repo_type}")
    for content in older:
        repo.commit("old", {"old.jsonl": pointer(content)})
    if older:
        (repo.path / "old.jsonl").unlink()
    repo.commit("add", {name: pointer(content) for name, content in files.items()})
    made = org.double.hosts(repo.path, "acme/large", repo_type)
    made.large_files = {hashlib.sha256(content).hexdigest(): content for content in files.values()}
    return repo


def found(swept: SweepResult) -> set[tuple[str, str | None, int | None]]:
    return {(s.source, s.path, s.line) for c in swept.report.credentials for s in c.locations}


def skipped(swept: SweepResult) -> dict[str, str]:
    return {each.where: each.reason for each in swept.report.skipped}


@pytest.mark.parametrize("repo_type", ["model", "dataset", "space"])
def test_what_can_be_text_is_read(org: Acme, repo_type: str) -> None:
    text = f"line\n{org.token('data')}\n".encode()
    hosted(
        org, repo_type, {"data/train set.jsonl": text, "NOTES": org.token("notes").encode(), "w.safetensors": b"w" * 99}
    )
    swept = org.sweep()
    assert found(swept) == {("large-file", "data/train set.jsonl", 2), ("large-file", "NOTES", 1)}
    assert {c.locations[0].target for c in swept.report.credentials} == {f"{repo_type}s/acme/large"}
    where = f"{repo_type}s/acme/large: large files"
    assert skipped(swept) == {
        where: "1 file (99 bytes) is only a pointer in git and was not read; read it with: --lfs 99"
    }
    assert swept.report.complete is False


def test_a_limit_reads_everything_up_to_it(org: Acme) -> None:
    files = {"small.bin": org.token("small").encode(), "big.jsonl": org.token("big").encode() * 3}
    hosted(org, "model", files)
    assert found(org.sweep(largest_lfs=50)) == {("large-file", "small.bin", 1)}
    swept = org.sweep(largest_lfs=len(files["big.jsonl"]))
    assert {path for _, path, _ in found(swept)} == {"small.bin", "big.jsonl"}
    assert swept.report.complete is True


def test_a_repository_without_pointers_is_not_asked_for_its_files(org: Acme) -> None:
    org.repository("plain")
    assert org.sweep().report.complete is True
    assert org.double.count("/tree/") == 0


def test_content_of_other_revisions_is_read_up_to_the_limit(org: Acme) -> None:
    """At the commit that brought it; what is larger, and what the Hub does not have any more, is said."""
    older = [f"line\n{org.token('old')}\n".encode(), b"b" * 900, b"c" * 30]
    repo = hosted(org, "model", {"a.txt": b"a" * 10}, *older)
    made = org.double.world.repos["model", "acme/large"]
    made.large_files |= {hashlib.sha256(content).hexdigest(): content for content in older[:2]}
    swept = org.sweep(largest_lfs=100)
    (place,) = swept.report.credentials[0].locations
    first = repo.git("log", "--reverse", "--format=%H", "--", "old.jsonl").split()[0]
    assert (place.source, place.path, place.line, place.commit, place.in_head) == (
        "large-file", "old.jsonl", 2, first, False,
    )  # fmt: skip
    said = skipped(swept)
    where = "models/acme/large: large files of its history"
    assert said.pop(where) == (
        "1 file of other revisions (900 bytes) is only a pointer in git and was not read; read it with: --lfs 900"
    )
    ((missing, reason),) = said.items()
    assert missing.startswith("models/acme/large: old.jsonl in ")
    assert "404" in reason or "not found" in reason.lower()


def test_pointers_that_no_commit_brought_are_counted(org: Acme) -> None:
    """The commit that had them was replaced: the Hub serves no path for them."""
    repo = hosted(org, "model", {"a.txt": b"a" * 10})
    repo.commit("more", {"old.jsonl": pointer(b"b" * 20)})
    history = HistorySource(repo.path, "models/acme/large", report_pointers=False)
    list(history.findings(ScanContext(scanner=Detector.load(), jobs=1)))
    assert sorted(path for path, _ in history.introductions(history.pointers).values()) == ["a.txt", "old.jsonl"]
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert [path for path, _ in history.introductions(history.pointers).values()] == ["a.txt"]


def test_a_second_sweep_reads_nothing_again_unless_more_is_asked_for(org: Acme) -> None:
    hosted(org, "model", {"a.txt": b"a" * 10, "b.bin": b"b" * 20})
    org.sweep()
    asked = org.double.count("/resolve/")
    org.sweep()
    assert org.double.count("/resolve/") == asked
    assert org.sweep(largest_lfs=11_000_000).report.complete is True
    asked = org.double.count("/resolve/")
    for less in (None, 20, 11_000_000):
        org.sweep(largest_lfs=less)
    assert org.double.count("/resolve/") == asked


def test_the_token_goes_to_the_hub_only(org: Acme) -> None:
    hosted(org, "model", {"a.txt": org.token("a").encode()})
    with HubDouble() as storage:
        storage.world.repos = org.double.world.repos
        org.double.world.storage = storage.endpoint
        assert found(org.sweep()) == {("large-file", "a.txt", 1)}
        (asked,) = storage.requests
        assert (asked.token, asked.headers.get("authorization")) == (None, None)
        assert asked.query == {"signature": "x"}
    assert {seen.token for seen in org.double.requests if "/resolve/" in seen.path} == {org.own}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/resolve/", faults.error(403, "no")),
        ("/resolve/", faults.redirect("/nowhere", 302)),
        ("/tree/", faults.error(500, "no")),
    ],
)
def test_what_cannot_be_fetched_is_reported(org: Acme, path: str, fault: faults.Fault) -> None:
    hosted(org, "model", {"a.txt": b"a" * 10})
    org.double.fails(path, fault, always=True)
    swept = org.sweep()
    assert swept.report.complete is False
    assert any(where.startswith("models/acme/large: ") for where in skipped(swept))


def test_what_fails_once_is_tried_again(org: Acme) -> None:
    hosted(org, "model", {"a.txt": org.token("a").encode()})
    org.double.fails("/resolve/", faults.error(503, "no"))
    assert found(org.sweep()) == {("large-file", "a.txt", 1)}


def test_a_file_that_is_larger_than_said_is_not_read_to_its_end(org: Acme) -> None:
    content = b"x" * 5000
    repo = GitRepo(org.folder / "lies")
    repo.commit("add", {"a.txt": pointer(content, 10)})
    made = org.double.hosts(repo.path, "acme/lies")
    made.large_files = {hashlib.sha256(content).hexdigest(): content}
    assert "larger than 10 bytes" in skipped(org.sweep())["models/acme/lies: a.txt"]


def test_nothing_is_left_on_the_disk(org: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    hosted(org, "model", {"a.txt": b"a" * 10})
    org.sweep()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_download_is_never_sent_to_an_open_place(org: Acme) -> None:
    org.double.fails("/resolve/", faults.redirect("http://storage.example.com/x", 302), always=True)
    hub = org.context().hub
    with (org.folder / "copy").open("w+b") as into:
        answer = download(hub, "/acme/large/resolve/main/a", None, into, 10)
    assert getattr(answer, "kind", None) == "redirect"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500000", 500_000),
        ("10MB", 10_000_000),
        ("10 mb", 10_000_000),
        ("2g", 2_000_000_000),
        ("1KiB", 1024),
        ("1.5GiB", 1_610_612_736),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert size_of("--lfs", text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "10 apples", "1e9", "ten"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="--lfs"):
        size_of("--lfs", text)
