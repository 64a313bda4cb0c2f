"""What is read of a small repository without git is what git says of it; where it is unusual, git is asked."""

from __future__ import annotations

import os
import random
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.gitrepo import GitRepo
from tokenaudit.git import layout, whole
from tokenaudit.git.command import GitError
from tokenaudit.git.files import BrokenLinkError, look_at
from tokenaudit.git.layout import Repository, open_repository, staged_files
from tokenaudit.git.plain import plain_index, plain_objects, plain_refs
from tokenaudit.git.whole import read_whole

MOST = 32 << 20
LINES = "".join(f"value_{number} = {number * 7919 % 1000}\n" for number in range(300))
Objects = set[tuple[str, str, bytes]]


def opened_by_git(path: Path) -> Repository | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "plain_refs", lambda *_: None)
        try:
            return open_repository(path)
        except GitError:
            return None


def objects_by_git(git_dir: Path) -> Objects | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "plain_objects", lambda *_: None)
        read = read_whole(git_dir)
    return None if read is None else {(each.id, each.type, each.data) for each in read.objects.values()}


def index_by_git(git_dir: Path, work_tree: Path) -> bytes | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "plain_index", lambda *_: None)
        try:
            return staged_files(git_dir, work_tree)
        except GitError:
            return None


def objects(git_dir: Path) -> Objects | None:
    found = plain_objects(look_at(git_dir), MOST)
    assert found is None or len({name for name, _, _ in found}) == len(found)
    return None if found is None else set(found)


def agree(path: Path, git_dir: Path) -> list[str]:
    """Checks that what is read without git is what git says; returns what is left to git."""
    left = []
    try:
        refs = plain_refs(look_at(git_dir))
    except BrokenLinkError:
        return ["all"]
    if refs is None and opened_by_git(path) is None:
        return ["all"]  # nothing else is read then
    if refs is None:
        left.append("refs")
    else:
        assert open_repository(path) == opened_by_git(path)
    read = objects(git_dir)
    if read is None:
        left.append("objects")
    else:
        assert read == objects_by_git(git_dir)
    listed = plain_index(git_dir, MOST)
    if listed is None:
        left.append("index")
    else:
        assert listed == index_by_git(git_dir, path)
    return left


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    for change in range(4):
        text = LINES.replace("value_7 ", f"changed_{change} ")
        made.commit(f"change {change}", {"a.txt": text, "folder/b c.py": f"x = {change}\n", f"ä{change}": b"\0\xff"})
    return made


def _packed(repo: GitRepo) -> None:
    repo.git("gc", "-q")
    repo.git("tag", "-a", "-m", "tag", "v1")


def _many_kinds(repo: GitRepo) -> None:
    repo.git("tag", "-a", "-m", "tag", "v1")
    repo.git("tag", "-a", "-m", "tag of a tag", "v2", "v1")
    repo.git("notes", "add", "-m", "note")
    repo.git("pack-refs", "--all")
    repo.git("branch", "feature/one")
    repo.git("tag", "-f", "light", "HEAD~1")
    repo.write("a.txt", "stashed\n")
    repo.git("stash")
    repo.git("remote", "add", "origin", "https://huggingface.co/acme/model")
    repo.git("remote", "set-url", "--add", "origin", "https://example.org/other")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    repo.git("config", "branch.main.remote", "origin")
    repo.git("config", "branch.main.merge", "refs/heads/main")
    repo.git("config", "user.name", "A Committer")


def _staged(repo: GitRepo) -> None:
    repo.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (repo.path / "link").symlink_to("a.txt")
    repo.write("d/" * 20 + "x" * 200, "deep\n")
    repo.git("add", ".")
    longer_than_a_length_fits = "/".join(["y" * 200] * 21)
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{repo.head(':a.txt')},{longer_than_a_length_fits}")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    repo.git("update-index", "--assume-unchanged", "a.txt")
    repo.git("rm", "-q", "--cached", "folder/b c.py")


def _detached(repo: GitRepo) -> None:
    repo.git("checkout", "-q", "--detach", "HEAD~1")


@pytest.mark.parametrize("change", [None, _packed, _many_kinds, _staged, _detached])
def test_a_usual_repository_is_read_as_by_git(change: Callable[[GitRepo], None] | None, repo: GitRepo) -> None:
    if change is not None:
        change(repo)
    assert agree(repo.path, repo.path / ".git") == []
    assert objects(repo.path / ".git")


def test_a_clone_is_read_as_by_git(repo: GitRepo, tmp_path: Path) -> None:
    for number in range(30):
        repo.commit("more", {"a.txt": LINES.replace("value_9 ", f"v{number} ")})
    _packed(repo)
    for name, option in (("clone", "--no-hardlinks"), ("mirror.git", "--mirror")):
        repo.git("clone", "-q", option, repo.path.as_uri(), str(tmp_path / name))
        path = tmp_path / name
        git_dir = path / ".git" if name == "clone" else path
        assert agree(path, git_dir) == ([] if name == "clone" else ["index"])
    assert len(list((tmp_path / "clone/.git/objects/pack").glob("*.pack"))) == 1
    with (tmp_path / "clone/.git/config").open("a") as config:
        config.write('[remote "up/stream"]\n\turl = git@example.org:acme/x.git\n\tfetch = +refs/heads/*:refs/up/*\n')
    assert open_repository(tmp_path / "clone").remotes["up/stream"] == "git@example.org:acme/x.git"
    assert agree(tmp_path / "clone", tmp_path / "clone/.git") == []


def _append(name: str, text: str) -> Callable[[GitRepo], object]:
    def append(repo: GitRepo) -> None:
        with (repo.path / ".git" / name).open("a") as file:
            file.write(text)

    return append


def _write(name: str, text: str) -> Callable[[GitRepo], object]:
    return lambda repo: (repo.path / ".git" / name).write_text(text)


def _git(*arguments: str) -> Callable[[GitRepo], object]:
    return lambda repo: repo.git(*arguments)


def _loose(content: bytes, tail: bytes = b"") -> Callable[[GitRepo], object]:
    return lambda repo: hostile.loose_packed(repo.path / ".git/objects", zlib.compress(content) + tail, "12" * 20)


def _split(repo: GitRepo) -> None:
    repo.git("update-index", "--split-index")


def _linked_head(repo: GitRepo) -> None:
    head = repo.path / ".git/HEAD"
    head.unlink()
    head.symlink_to("refs/heads/main")


def _unmerged(repo: GitRepo) -> None:
    blob = repo.head("HEAD:a.txt")
    repo.git("update-index", "--index-info", stdin=f"100644 {blob} 2\tconflict\n100644 {blob} 3\tconflict\n".encode())


def _two_packs(repo: GitRepo) -> None:
    repo.git("repack", "-q", "-a", "-d")
    name = next((repo.path / ".git/objects/pack").glob("*.idx")).stem
    for suffix in (".idx", ".pack"):
        pack = repo.path / ".git/objects/pack" / name
        shutil.copy(pack.with_suffix(suffix), pack.with_name("pack-" + "1" * 40).with_suffix(suffix))


def _multi_pack_index(repo: GitRepo) -> None:
    repo.git("repack", "-q", "-a", "-d")
    repo.git("multi-pack-index", "write")


UNUSUAL: dict[str, tuple[Callable[[GitRepo], object], list[str]]] = {
    "shallow": (lambda repo: _write("shallow", repo.head("HEAD~1") + "\n")(repo), ["refs"]),
    "worktree": (lambda repo: repo.git("worktree", "add", "-q", str(repo.path.parent / "w")), ["refs"]),
    "include": (_append("config", "[include]\n\tpath = other\n"), ["refs", "objects", "index"]),
    "extension": (_append("config", "[extensions]\n\tnoop = true\n"), ["refs", "objects", "index"]),
    "version": (_git("config", "core.repositoryformatversion", "1"), ["refs", "objects", "index"]),
    "work tree elsewhere": (_git("config", "core.worktree", "../folder"), ["refs", "objects", "index"]),
    "promisor": (_append("config", '[remote "o"]\n\tpromisor = true\n'), ["refs", "objects", "index"]),
    "quotes": (_append("config", '[remote "o"]\n\turl = "a;b"\n'), ["refs", "objects", "index"]),
    "comment": (_append("config", "[user]\n\tname = a ; b\n"), ["refs", "objects", "index"]),
    "continued line": (_append("config", '[remote "o"]\n\turl = a\\\n\tb\n'), ["refs", "objects", "index"]),
    "carriage return": (_append("config", "[user]\n\tname = a\r\n"), ["refs", "objects", "index"]),
    "no end of line": (_append("config", "[user]\n\tname = a"), ["refs", "objects", "index"]),
    "linked HEAD": (_linked_head, ["refs"]),
    "HEAD without a commit": (_git("symbolic-ref", "HEAD", "refs/heads/none"), ["refs"]),
    "HEAD with two lines": (_append("HEAD", "x\n"), ["refs"]),
    "lock": (_write("refs/heads/x.lock", ""), ["refs"]),
    "dots": (lambda repo: _write("refs/heads/a..b", repo.head() + "\n")(repo), ["refs"]),
    "null ref": (_write("refs/heads/null", "0" * 40 + "\n"), ["refs"]),
    "short ref": (_write("refs/heads/short", "12\n"), ["refs"]),
    "lost symbolic ref": (_write("refs/heads/lost", "ref: refs/heads/none\n"), ["refs"]),
    "packed ref in a folder's place": (
        lambda repo: _write("packed-refs", f"{repo.head()} refs/heads/a\n{repo.head()} refs/heads/a/b\n")(repo),
        ["refs"],
    ),
    "packed ref twice": (lambda repo: _write("packed-refs", f"{repo.head()} refs/tags/a\n" * 2)(repo), ["refs"]),
    "alternates": (_write("objects/info/alternates", "/nowhere\n"), ["objects"]),
    "damaged": (_loose(b"blob 2\0abc"), ["objects"]),
    "shorter than it says": (_loose(b"blob 4\0abc"), ["objects"]),
    "unknown type": (_loose(b"blub 3\0abc"), ["objects"]),
    "leading zero": (_loose(b"blob 03\0abc"), ["objects"]),
    "more behind": (_loose(b"blob 3\0abc", b"x"), ["objects"]),
    "huge": (_loose(b"blob 9999999999\0abc"), ["objects"]),
    "two packs with the same objects": (_two_packs, ["objects"]),
    "multi-pack-index": (_multi_pack_index, ["objects"]),
    "old index of a pack": (lambda repo: (repo.git("config", "pack.indexVersion", "1"), repo.git("gc", "-q")), []),
    "index version 4": (_git("update-index", "--index-version", "4"), ["index"]),
    "split index": (_split, ["index"]),
    "not checked out": (_git("update-index", "--skip-worktree", "a.txt"), ["index"]),
    "intent to add": (lambda repo: (repo.write("new", "x"), repo.git("add", "-N", "new")), ["index"]),
    "unmerged": (_unmerged, ["index"]),
    "untracked cache": (_git("update-index", "--force-untracked-cache"), ["index"]),
}


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
@pytest.mark.parametrize("name", UNUSUAL)
def test_git_is_asked_about_everything_unusual(name: str, repo: GitRepo) -> None:
    change, expected = UNUSUAL[name]
    change(repo)
    left = agree(repo.path, repo.path / ".git")
    assert set(expected) <= set(left), name


def test_another_hash_is_left_to_git(tmp_path: Path) -> None:
    made = GitRepo(tmp_path / "repo", object_format="sha256")
    made.commit("first", {"a.txt": "a\n"})
    assert agree(made.path, made.path / ".git") == ["refs", "objects", "index"]


def test_content_that_is_not_what_its_id_says_is_read_as_by_git(repo: GitRepo) -> None:
    hostile.loose(repo.path / ".git/objects", b"blob 5\0other", "34" * 20)
    assert agree(repo.path, repo.path / ".git") == []
    assert ("34" * 20, "blob", b"other") in (objects(repo.path / ".git") or ())


def test_more_content_than_permitted_is_left_to_git(repo: GitRepo) -> None:
    found = objects(repo.path / ".git") or set()
    size = sum(len(data) for _, _, data in found)
    assert plain_objects(look_at(repo.path / ".git"), size) is not None
    assert plain_objects(look_at(repo.path / ".git"), size - 1) is None


def test_deltas_that_refer_to_each_other_are_left_to_git(tmp_path: Path) -> None:
    made = GitRepo(tmp_path / "repo")
    made.commit("first", {"a.txt": "a\n"})
    one, other = b"\x12" * 20, b"\x34" * 20
    delta = hostile.number(3) + hostile.number(3) + b"\x03abc"
    packed = [
        (name, hostile.entry(hostile.REF_DELTA, len(delta), zlib.compress(delta), base))
        for name, base in ((one, other), (other, one))
    ]
    hostile.write_pack(made.path / ".git/objects/pack", packed)
    assert "objects" in agree(made.path, made.path / ".git")


@pytest.mark.parametrize("seed", range(6))
def test_no_damage_makes_a_difference(seed: int, repo: GitRepo) -> None:
    """One changed, lost or added byte in any file: git is asked, or says the same."""
    chance = random.Random(seed)
    if seed % 2:
        _many_kinds(repo)
        repo.git("gc", "-q")
    top = repo.path / ".git"
    files = sorted(
        file for file in top.rglob("*") if file.is_file() and not {"hooks", "logs"} & set(file.relative_to(top).parts)
    )
    for _ in range(8):
        file = chance.choice(files)
        before = file.read_bytes()
        at = chance.randrange(len(before))
        byte = bytes([chance.choice([before[at] ^ 1, before[at] ^ 0x80, 0, 10, 32, 255])])
        file.chmod(0o644)
        file.write_bytes(
            chance.choice([before[:at] + byte + before[at + 1 :], before[:at], before[:at] + byte + before[at:]])
        )
        agree(repo.path, top)
        file.write_bytes(before)
