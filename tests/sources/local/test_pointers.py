"""Files that only name their content: read where it is here, reported with the command that fetches it elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.audit.auditor import scan as audit
from tokenaudit.audit.targets import Scope
from tokenaudit.detect.pointers import read_pointers
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.secret import fingerprint
from tokenaudit.sources.local.git_dir import GitDirSource


@pytest.fixture
def value() -> str:
    return Mint(73).user_token()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def lfs(content: bytes, version: str = "https://git-lfs.github.com/spec/v1") -> str:
    return f"version {version}\noid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n"


def store_lfs(git_dir: Path, content: bytes) -> None:
    key = hashlib.sha256(content).hexdigest()
    folder = git_dir / "lfs" / "objects" / key[:2] / key[2:4]
    folder.mkdir(parents=True)
    (folder / key).write_bytes(content)


def annex_key(content: bytes) -> str:
    return f"SHA256E-s{len(content)}--{hashlib.sha256(content).hexdigest()}.bin"


def store_annex(git_dir: Path, content: bytes) -> None:
    key = annex_key(content)
    folder = git_dir / "annex" / "objects" / "1x" / "2y" / key
    folder.mkdir(parents=True)
    (folder / key).write_bytes(content)


def dvc(content: bytes, path: str = "data.csv") -> str:
    return f"outs:\n- md5: {hashlib.md5(content).hexdigest()}\n  size: {len(content)}\n  hash: md5\n  path: {path}\n"  # noqa: S324 - DVC's own sum


def scan(place: Path, *options: str, code: int) -> Any:
    ran = tokenaudit("scan", place, "-f", "json", *options, home=place.parent)
    assert ran.code == code, ran.out + ran.err
    assert ran.report["complete"] is (not ran.report["skipped"])
    return ran.report


def reasons(report: Any) -> list[str]:
    return [f"{entry['where']}: {entry['reason']}" for entry in report["skipped"]]


def spots(report: Any, value: str) -> set[tuple[str, str, int, tuple[str, ...]]]:
    return {
        (place["source"], place["path"], place["line"], tuple(place["via"]))
        for credential in report["credentials"]
        if credential["fingerprint"] == fingerprint(value)
        for place in credential["locations"]
    }


CONTENT = b"x" * 171
POINTERS = {
    "git-lfs": (lfs(CONTENT), "git lfs pull --include data.jsonl"),
    "git-lfs, first version": (lfs(CONTENT, "https://hawser.github.com/spec/v1"), "git lfs pull"),
    "git-lfs, CRLF": (lfs(CONTENT).replace("\n", "\r\n"), "git lfs pull"),
    "git-lfs, extension": (lfs(CONTENT).replace("oid", f"ext-0-x sha256:{'a' * 64}\noid"), "git lfs pull"),
    "xet": (f"# xet version 0\nfilesize = 171\nhash = '{'ab' * 32}'\n", "git xet materialize data.jsonl"),
    "git-annex, unlocked": (f"/annex/objects/{annex_key(CONTENT)}\n", "git annex get data.jsonl"),
    "git-fat": (f"#$# git-fat {'a' * 40} {171:20}\n", "git fat pull"),
    "dvc": (dvc(CONTENT), "dvc pull data.csv"),
}


@pytest.mark.parametrize("kind", POINTERS)
def test_a_pointer_without_its_content_is_reported(repo: GitRepo, kind: str) -> None:
    pointer, command = POINTERS[kind]
    repo.commit("add", {"data.jsonl": pointer})
    report = scan(repo.path, "--only", "tree", code=3)
    assert command in reasons(report)[0]
    assert "171 bytes" in reasons(report)[0]
    assert "history" in reasons(scan(repo.path, "--only", "history", code=3))[0]
    (repo.path / "data.jsonl").unlink()
    repo.commit("remove", {})
    assert "history" in reasons(scan(repo.path, code=3))[0]


def test_a_locked_file_of_git_annex(repo: GitRepo, value: str) -> None:
    content = f"x\n{value}\n".encode()
    key = annex_key(content)
    (repo.path / "data.bin").symlink_to(f".git/annex/objects/1x/2y/{key}/{key}")
    repo.commit("add", {})
    report = scan(repo.path, code=3)
    assert any("git annex get data.bin" in reason for reason in reasons(report))
    assert any("git annex get --all" in reason for reason in reasons(report))
    store_annex(repo.path / ".git", content)
    assert spots(scan(repo.path, "--only", "tree", code=1), value) == {("tree", "data.bin", 2, ("git-annex",))}
    assert ("history", "data.bin", 2, ("git-annex",)) in spots(scan(repo.path, code=1), value)


def test_git_annex_in_a_submodule(repo: GitRepo, tmp_path: Path, value: str) -> None:
    key = annex_key(value.encode())
    library = GitRepo(tmp_path / "library")
    (library.path / "data.bin").symlink_to(f"../.git/modules/lib/annex/objects/1x/2y/{key}/{key}")
    library.commit("add", {})
    repo.commit("first", {"x": "x"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "lib")
    store_annex(repo.path / ".git" / "modules" / "lib", value.encode())
    report = scan(repo.path / "lib", code=1)
    assert report["complete"] is True
    assert ("tree", "data.bin", 1, ("git-annex",)) in spots(report, value)


def test_content_that_is_here_is_read(repo: GitRepo, value: str) -> None:
    content = f"first\n{value}\n".encode()
    repo.commit("add", {"data.jsonl": lfs(content), "unlocked.bin": f"/annex/objects/{annex_key(content)}\n"})
    store_lfs(repo.path / ".git", content)
    store_annex(repo.path / ".git", content)
    found = {("data.jsonl", 2, ("git-lfs",)), ("unlocked.bin", 2, ("git-annex",))}
    assert {spot[1:] for spot in spots(scan(repo.path, "--only", "tree", code=1), value)} == found
    repo.commit("remove", {"data.jsonl": "", "unlocked.bin": ""})
    report = scan(repo.path, code=1)
    assert report["complete"] is True
    assert {spot[1:] for spot in spots(report, value) if spot[0] == "history"} == found
    commits = {
        place["commit"] for c in report["credentials"] for place in c["locations"] if place["source"] == "history"
    }
    assert None not in commits


def test_what_git_lfs_has_fetched_has_no_size_limit(repo: GitRepo, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenaudit.windows.WINDOW", 2 << 20)
    monkeypatch.setattr("tokenaudit.sources.local.file_reader._SMALL", 1 << 10)
    repo.commit("add", {"a": "a"})
    store_lfs(repo.path / ".git", b"line\n" * 1_000_000 + value.encode())
    found = [
        each
        for each in GitDirSource(repo.path, "r").findings(ScanContext(ToyExaminer()))
        if isinstance(each, LocatedDetection)
    ]
    assert [each.location.line for each in found] == [1_000_001]


def test_linked_worktrees_and_subfolders_find_the_store(repo: GitRepo, tmp_path: Path, value: str) -> None:
    content = value.encode()
    repo.commit("add", {"src/data.jsonl": lfs(content)})
    store_lfs(repo.path / ".git", content)
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    assert spots(scan(tmp_path / "linked", code=1), value)
    assert spots(scan(repo.path / "src", code=1), value) == {("tree", "data.jsonl", 1, ("git-lfs",))}
    assert spots(scan(repo.path / "src" / "data.jsonl", code=1), value)


def test_staged_content_is_read_where_git_lfs_has_put_it(repo: GitRepo, value: str) -> None:
    repo.commit("first", {"a": "a"})
    content = value.encode()
    repo.write("data.jsonl", lfs(content))
    repo.git("add", "data.jsonl")
    assert "git lfs pull --include data.jsonl" in reasons(scan(repo.path, "--staged", code=3))[0]
    store_lfs(repo.path / ".git", content)
    assert spots(scan(repo.path, "--staged", code=1), value) == {("staged", "data.jsonl", 1, ("git-lfs",))}
    repo.commit("add", {})
    assert scan(repo.path, "--since", "HEAD~1", code=1)["complete"] is True
    (repo.path / ".git" / "lfs").rename(repo.path / ".git" / "gone")
    assert "git lfs fetch --all" in reasons(scan(repo.path, "--since", "HEAD~1", code=3))[0]


def test_a_bare_repository_and_a_clone_url(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("add", {"data.jsonl": lfs(CONTENT)})
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    for target in (str(tmp_path / "bare.git"), f"file://{repo.path}"):
        ran = tokenaudit("scan", target, "-f", "json", home=tmp_path)
        assert ran.code == 3
        assert "1 Git LFS pointer in its history has no content here (171 bytes)" in reasons(ran.report)[0]


class TestDvc:
    """DVC puts content beside its files, where it is read as any other."""

    def test_what_dvc_has_put_into_the_folder_is_read_there(self, repo: GitRepo, value: str) -> None:
        repo.commit("add", {"sub/data.csv.dvc": dvc(value.encode()), "sub/.gitignore": "data.csv\n"})
        repo.write("sub/data.csv", value)
        assert spots(scan(repo.path, "--only", "tree", code=1), value) == {("tree", "sub/data.csv", 1, ())}

    @pytest.mark.parametrize("layout", [".dvc/cache", ".dvc/cache/files/md5"])
    def test_what_is_in_the_cache_is_read(self, repo: GitRepo, value: str, layout: str) -> None:
        key = hashlib.md5(value.encode()).hexdigest()  # noqa: S324 - DVC's own sum
        repo.commit("add", {"data.csv.dvc": dvc(value.encode())})
        repo.write(f"{layout}/{key[:2]}/{key[2:]}", value)
        assert ("history", "data.csv.dvc", 1, ("dvc",)) in spots(scan(repo.path, code=1), value)

    def test_a_folder_counts_as_here_when_all_of_it_is(self, repo: GitRepo, value: str) -> None:
        key = hashlib.md5(value.encode()).hexdigest()  # noqa: S324 - DVC's own sum
        manifest = json.dumps([{"md5": key, "relpath": "a"}, {"md5": "0" * 32, "relpath": "b"}])
        repo.commit("add", {"data.dvc": f"outs:\n- md5: {'ab' * 16}.dir\n  size: 9\n  nfiles: 2\n  path: data\n"})
        repo.write(f".dvc/cache/ab/{'ab' * 15}.dir", manifest)
        repo.write(f".dvc/cache/{key[:2]}/{key[2:]}", value)
        assert any("dvc pull data" in reason for reason in reasons(scan(repo.path, code=1)))
        repo.write(f".dvc/cache/00/{'0' * 30}", "b")
        assert scan(repo.path, code=1)["complete"] is True

    def test_a_lock_file(self, repo: GitRepo) -> None:
        out = f"- path: out/model.pkl\n      hash: md5\n      md5: {'a' * 32}\n      size: 7"
        kept = "- path: metrics.json\n      md5: b\n      cache: false"
        text = f"schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    outs:\n    {out}\n    {kept}\n"
        repo.commit("add", {"dvc.lock": text})
        assert [reason.split(": ")[1] for reason in reasons(scan(repo.path, "--only", "tree", code=3))] == [
            "out/model.pkl"
        ]

    def test_other_yaml_is_no_pointer(self, repo: GitRepo) -> None:
        texts = (
            "timeouts:\n- path: x\n",
            "outs:\n- path: x\n",
            "outs:\n- md5: [\n",
            "outs:\n- md5: 3\n",
            "a: &a [*a]\n",
        )
        repo.commit("add", {f"{number}.dvc": text for number, text in enumerate(texts)})
        assert scan(repo.path, code=0)["skipped"] == []


def test_a_text_about_pointers_is_none(repo: GitRepo) -> None:
    repo.commit("add", {"README.md": f"A pointer looks so:\n\n{lfs(CONTENT)}", "b": f"{lfs(CONTENT)}and more\n"})
    assert scan(repo.path, code=0)["skipped"] == []


def test_a_pointer_in_an_archive_is_reported(repo: GitRepo) -> None:
    data = lfs(CONTENT).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("repo-1.0/data.jsonl")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    repo.commit("add", {"a.tgz": out.getvalue()})
    report = scan(repo.path, "--only", "tree", code=3)
    assert reasons(report) == [f"{repo.path}: a.tgz: repo-1.0/data.jsonl is a git-lfs pointer without content"]


def test_many_pointers_are_summed_up(repo: GitRepo) -> None:
    repo.commit("add", {f"{number:03}.bin": lfs(b"%d" % number * 100) for number in range(50)})
    listed = reasons(scan(repo.path, "--only", "tree", code=3))
    assert len(listed) == 21
    assert "30 Git LFS pointers more have no content here" in "".join(listed)
    assert "fetch with: git lfs pull" in "".join(listed)


class TestNotCheckedOut:
    """What the index lists and the folder does not hold."""

    def test_submodules(self, repo: GitRepo, tmp_path: Path, value: str) -> None:
        library = GitRepo(tmp_path / "library")
        library.commit("add", {"a.py": value})
        repo.commit("first", {"b.py": "b\n"})
        allowed = ("-c", "protocol.file.allow=always")
        repo.git(*allowed, "submodule", "--quiet", "add", str(library.path), "my lib")
        repo.commit("add it", {})
        repo.git("clone", "-q", str(repo.path), str(tmp_path / "clone"))
        report = scan(tmp_path / "clone", code=3)
        command = "git submodule update --init 'my lib'"
        reason = f"submodule not checked out; fetch it with: {command}"
        assert reasons(report) == [f"{tmp_path}/clone: my lib: {reason}"]
        GitRepo(tmp_path / "clone").git(*allowed, "submodule", "--quiet", "update", "--init")
        assert scan(tmp_path / "clone", code=1)["complete"] is True

    def test_a_repository_that_was_added_by_mistake(self, repo: GitRepo, tmp_path: Path) -> None:
        GitRepo(repo.path / "vendored").commit("add", {"a": "a"})
        repo.commit("add", {})
        assert scan(repo.path, code=0)["complete"] is True
        repo.git("clone", "-q", str(repo.path), str(tmp_path / "clone"))
        assert "vendored" in reasons(scan(tmp_path / "clone", code=3))[0]

    def test_submodules_of_what_has_no_working_tree(self, repo: GitRepo, tmp_path: Path) -> None:
        """Bare repositories, clone URLs, `--only history`, other branches, and repositories inside of a folder."""
        link = "0123456789012345678901234567890123456789"

        def add(path: str, url: str | None) -> None:
            listed = repo.path / ".gitmodules"
            more = f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' if url else ""
            listed.write_text((listed.read_text() if listed.exists() else "") + more)
            repo.git("add", ".gitmodules")
            repo.git("update-index", "--add", "--cacheinfo", f"160000,{link},{path}")
            repo.git("commit", "-qm", "add")

        add("lib", "https://me:secret@example.org/a/lib.git")
        add("my lib", "../b.git")
        add("bare link", None)
        repo.git("switch", "-qc", "other")
        add("elsewhere", "https://example.org/c")
        repo.git("switch", "-q", "-")
        repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare"))
        said = "a submodule, which is a repository of its own and was not read"
        wanted = [
            ("bare link", f"{said}; its URL is not known"),
            ("elsewhere", f"{said}; read it with: tokenaudit scan https://example.org/c"),
            ("lib", f"{said}; read it with: tokenaudit scan https://example.org/a/lib.git"),
            ("my lib", f"{said}; its URL is not known"),
        ]
        for place in (tmp_path / "bare", repo.path):
            found = audit([str(place)], Scope(parts=["history"])).report
            assert [(each.where, each.reason) for each in found.skipped] == [
                (f"{place}: {path}", reason) for path, reason in wanted
            ]
        url = f"file://{tmp_path}/bare"
        reasons = {each.where: each.reason for each in audit([url]).report.skipped}
        assert reasons[f"{url}: lib"] == wanted[2][1]
        assert reasons[f"{url}: my lib"] == f"{said}; read it with: tokenaudit scan file://{tmp_path}/b.git"
        repo.git("clone", "-q", "--no-local", str(repo.path), str(tmp_path / "folder" / "vendored"))
        shutil.copytree(tmp_path / "bare", tmp_path / "folder" / "kept.git")
        folder = audit([str(tmp_path / "folder")]).report
        assert folder.complete is False
        places = {each.where.removeprefix(f"{tmp_path}/folder/") for each in folder.skipped}
        assert places >= {"vendored: lib", "vendored: my lib", "kept.git: lib", "kept.git: elsewhere"}

    def test_a_sparse_checkout(self, repo: GitRepo, value: str) -> None:
        repo.commit("add", {"a/a": "a", "b/b": value})
        repo.git("sparse-checkout", "set", "a")
        assert not (repo.path / "b").exists()
        assert "git sparse-checkout disable" in reasons(scan(repo.path, "--only", "tree", code=3))[0]
        assert scan(repo.path, code=1)["complete"] is True  # its history holds the file


def test_what_is_no_pointer_file() -> None:
    assert read_pointers(b"") == ()
    assert read_pointers(b"version https://git-lfs.github.com/spec/v1\n") == ()
    assert read_pointers(b"a" * (2 << 20)) == ()
    (found,) = read_pointers(b"../../.git/modules/x/annex/objects/a/b/WORM-s3-m5--n/WORM-s3-m5--n")
    assert (found.system, found.key, found.size) == ("git-annex", "WORM-s3-m5--n", 3)
