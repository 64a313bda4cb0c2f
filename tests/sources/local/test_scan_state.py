"""A second scan reads only what is new, and finds what a full one finds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tokenaudit.detect import Detector
from tokenaudit.git import attribution, log, reachability
from tokenaudit.git.object_reader import ObjectReader, ObjectStream
from tokenaudit.git.objects import Unread
from tokenaudit.git.pack.layout import PackIndex, read_index
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.git_history import HistorySource
from tokenaudit.sources.local.scan_state import load_state

DETECTOR = Detector.load()


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small repositories are always read whole; here none counts as small."""
    monkeypatch.setattr("tokenaudit.git.object_store.SMALL_REPOSITORY", 0)


@pytest.fixture
def tokens() -> list[str]:
    mint = Mint(5)
    return [mint.user_token() for _ in range(3)]


@pytest.fixture
def repo(tmp_path: Path, tokens: list[str]) -> GitRepo:
    return random_repository(tmp_path / "repo", 21, plant=tokens)


def scan(repo: GitRepo, state: Path | None) -> tuple[set[Finding], int]:
    run = ScanContext(DETECTOR)
    found = set(HistorySource(repo.path, "place", state).findings(run))
    return found, run.objects


def marks(found: set[Finding]) -> set[str]:
    return {item.detection.secret.reveal() for item in found if isinstance(item, LocatedDetection)}


def test_nothing_new_is_read_twice(repo: GitRepo, tokens: list[str], tmp_path: Path) -> None:
    state = tmp_path / "states/one"
    full, read = scan(repo, state)
    assert marks(full) == set(tokens)
    assert read > 30
    again, nothing = scan(repo, state)
    assert again == full == scan(repo, None)[0]
    assert nothing == 0


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commits were compared with their parents, a number for each scan."""
    numbers: list[int] = []

    def counted(git_dir: Path, blobs: frozenset[str], commits: Sequence[str], jobs: int) -> object:
        numbers.append(len(commits))
        return log.changes(git_dir, blobs, commits, jobs)

    monkeypatch.setattr(attribution, "changes", counted)
    return numbers


def test_introductions_are_remembered(
    repo: GitRepo, tmp_path: Path, compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    opened: list[str] = []
    whole = ObjectReader.open

    def recorded(reader: ObjectReader, name: str) -> ObjectStream | Unread:
        opened.append(name)
        return whole(reader, name)

    monkeypatch.setattr(ObjectReader, "open", recorded)
    full, _ = scan(repo, state)
    blobs = {str(item.location.object) for item in full if isinstance(item, LocatedDetection) and item.location.path}
    opened.clear()
    assert scan(repo, state)[0] == full
    assert compared[1] < compared[0]
    assert sorted(name for name in opened if name in blobs) == sorted(blobs), "each once, and no version that follows"
    assert len(opened) < len(blobs) + 10
    add_commit(repo, Mint(1).user_token(), ref="refs/heads/new")
    assert scan(repo, state)[0] == scan(repo, None)[0] > full
    assert compared[2] == compared[1] + 1


def test_reachability_is_remembered_until_a_ref_changes(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    full, _ = scan(repo, state)
    walks: list[str] = []
    reached = reachability.reached
    monkeypatch.setattr(reachability, "reached", lambda *given: (walks.append(given[1]), reached(*given))[1])  # type: ignore[func-returns-value]
    again, _ = scan(repo, state)
    assert again == full
    remembered = len(walks)
    walks.clear()
    tips = repo.git("for-each-ref", "--format=%(refname)").split()
    repo.git("update-ref", "--stdin", stdin="".join(f"delete {name}\n" for name in tips).encode())
    without, _ = scan(repo, state)
    assert without == scan(repo, None)[0] != full
    assert len(walks) > remembered


def test_an_attribution_that_failed_is_not_remembered(
    repo: GitRepo, tmp_path: Path, compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    with monkeypatch.context() as patched:
        patched.setattr(attribution, "changes", lambda *_: ([], ["a commit can't be compared"]))
        scan(repo, state)
    assert scan(repo, state)[0] == scan(repo, None)[0]
    assert compared[0] == compared[1]


def test_a_file_that_changes_often_is_compared_where_a_credential_is_added(tmp_path: Path, compared: list[int]) -> None:
    repo, state = GitRepo(tmp_path / "repo"), tmp_path / "state"
    token = Mint(3).user_token()
    for number in range(12):
        line = f"key = '{token}'\n" if number in {2, 3, 4, 8, 9} else ""
        repo.commit(f"{number}", {"a.py": f"x = {number}\n{line}"})
    repo.write("b.py", f"other = '{token}'\n")
    repo.git("add", "b.py")
    full, _ = scan(repo, state)
    assert scan(repo, state)[0] == full
    assert compared == [12, 2]
    (staged,) = (item for item in full if isinstance(item, LocatedDetection) and item.location.path == "b.py")
    assert staged.location.commit is None
    repo.commit("b", {"b.py": f"other = '{token}'\n"})
    assert scan(repo, state)[0] == scan(repo, None)[0]
    assert compared[2:] == [3, 13]


def test_a_version_whose_commit_is_gone_is_still_reported(tmp_path: Path) -> None:
    repo, state = GitRepo(tmp_path / "repo"), tmp_path / "state"
    token = Mint(4).user_token()
    repo.commit("first", {"a.py": f"key = '{token}'\n"})
    kept = repo.commit("second", {"a.py": f"key = '{token}'\nx = 1\n"})
    lost = repo.commit("third", {"a.py": f"key = '{token}'\nx = 2\n"})
    repo.commit("fourth", {"a.py": "x = 3\n"})
    scan(repo, state)
    repo.git("reset", "-q", "--hard", kept)
    (repo.git_dir / "objects" / lost[:2] / lost[2:]).unlink()
    assert scan(repo, state)[0] == scan(repo, None)[0]


@pytest.mark.parametrize("seed", range(2))
def test_a_history_that_grows_is_attributed_as_a_whole(tmp_path: Path, seed: int) -> None:
    tokens = [Mint(seed).user_token(), Mint(f"{seed}b").user_token()]
    origin = random_repository(tmp_path / "origin", seed, commits=40, plant=tokens)
    mirror = GitRepo(tmp_path / "mirror", bare=True)
    commits = origin.git("rev-list", "--all", "--date-order", "--reverse").split()
    for number, upto in enumerate((8, 9, 20, 33, len(commits))):
        mirror.git("fetch", "-q", str(origin.path), *commits[:upto])
        mirror.git("update-ref", f"refs/heads/{number % 2}", commits[upto - 1])
        assert scan(mirror, tmp_path / "state")[0] == scan(mirror, None)[0]
    mirror.git("fetch", "-q", str(origin.path), "+refs/*:refs/*")
    mirror.git("gc", "-q", "--prune=now")
    assert scan(mirror, tmp_path / "state")[0] == scan(mirror, None)[0]


def test_processes_return_what_the_parent_needs(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenaudit.git.parallel.SMALL_WORK", 0)
    monkeypatch.setattr("tokenaudit.git.parallel.may_fork", lambda: True)
    run = ScanContext(DETECTOR, jobs=2)
    state = tmp_path / "state"
    assert set(HistorySource(repo.path, "place", state).findings(run)) == scan(repo, None)[0] == scan(repo, state)[0]


def test_only_what_is_new_is_read(repo: GitRepo, tmp_path: Path) -> None:
    state = tmp_path / "state"
    scan(repo, state)
    token = Mint(6).user_token()
    blob = repo.blob(f"new {token}".encode())
    new, read = scan(repo, state)
    assert read == 1
    assert new == scan(repo, None)[0]
    assert token in marks(new)
    repo.git("update-ref", "refs/blobs/kept", blob)
    repo.git("repack", "-adfq", "--depth=9")
    assert scan(repo, state) == (scan(repo, None)[0], 0)


def test_what_was_removed_is_not_told_again(repo: GitRepo, tmp_path: Path) -> None:
    state = tmp_path / "state"
    blob = repo.blob(Mint(7).user_token().encode())
    before, _ = scan(repo, state)
    (repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    after, read = scan(repo, state)
    assert after < before
    assert (after, read) == (scan(repo, None)[0], 0)


@pytest.mark.parametrize("damage", [b"", b"junk", b"{}\n", None])
def test_a_state_that_does_not_fit_is_not_used(repo: GitRepo, tmp_path: Path, damage: bytes | None) -> None:
    state = tmp_path / "state"
    full, read = scan(repo, state)
    whole = state.read_bytes()
    state.write_bytes(whole[:-20] if damage is None else damage)
    assert scan(repo, state) == (full, read)
    assert state.read_bytes() == whole


def test_a_state_of_another_form_is_never_an_error(repo: GitRepo, tmp_path: Path) -> None:
    """Every field replaced or missing, with the right checksum."""
    state = tmp_path / "state"
    packed(repo)
    scan(repo, state)
    head, line, columns = state.read_bytes().split(b"\n", 2)
    header, body = json.loads(head), json.loads(line)
    assert load_state(state, header["detection"]) is not None

    def load(changed: object, rest: bytes) -> object:
        content = json.dumps(changed).encode() + b"\n" + rest
        first = json.dumps(header | {"sha256": hashlib.sha256(content).hexdigest()}).encode()
        state.write_bytes(first + b"\n" + content)
        return load_state(state, header["detection"])

    assert load(body, columns) is not None
    assert load(body, columns[:-1]) is None
    assert load([body], columns) is None
    assert load(body | {"ids": -1, "blobs": 2}, columns) is None
    others: list[object] = [None, -1, 10**30, 1.5, "x", [], [1], ["x"], [["x"]], {}, {"x": {}}]
    for field in body:
        assert load({name: value for name, value in body.items() if name != field}, columns) is None
        for value in others:
            load(body | {field: value}, columns)


def test_another_detection_reads_everything(repo: GitRepo, tmp_path: Path) -> None:
    state = tmp_path / "state"
    full, read = scan(repo, state)
    run = ScanContext(Detector.load(limits=dataclasses.replace(DETECTOR.limits)))
    assert set(HistorySource(repo.path, "place", state).findings(run)) == full
    assert run.objects == 0, "equal limits are the same detection"
    name = dataclasses.fields(DETECTOR.limits)[0].name
    other = dataclasses.replace(DETECTOR.limits, **{name: getattr(DETECTOR.limits, name) + 1})
    run = ScanContext(Detector.load(limits=other))
    list(HistorySource(repo.path, "place", state).findings(run))
    assert run.objects == read


def test_content_that_a_partial_clone_fetches_later_is_attributed(tmp_path: Path) -> None:
    origin, state = GitRepo(tmp_path / "origin"), tmp_path / "state"
    for name in ("a.py", "b.py"):
        origin.commit(f"add {name}", {name: f"key = '{Mint(name).user_token()}'\n"})
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    origin.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{origin.path}", str(tmp_path / "clone"))
    clone = GitRepo(tmp_path / "clone", bare=True)
    for name in ("a.py", "b.py"):
        clone.git("cat-file", "-p", f"HEAD:{name}")
        full, _ = scan(clone, None)
        assert {item.location.path for item in full if isinstance(item, LocatedDetection)} >= {name}
        assert scan(clone, state)[0] == full


def test_what_could_not_be_read_is_tried_again(repo: GitRepo, tmp_path: Path) -> None:
    state = tmp_path / "state"
    bad = repo.blob(b"bad" * 100)
    file = repo.git_dir / "objects" / bad[:2] / bad[2:]
    good = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(b"junk")
    scan(repo, state)
    assert not state.exists()
    file.write_bytes(good)
    assert scan(repo, state) == scan(repo, None)


def test_a_state_holds_no_credential_and_is_private(repo: GitRepo, tokens: list[str], tmp_path: Path) -> None:
    state = tmp_path / "state"
    scan(repo, state)
    data = state.read_bytes()
    assert not any(token.encode() in data for token in tokens)
    assert state.stat().st_mode & 0o077 == 0


def test_a_state_that_cannot_be_written_is_said(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found, _ = scan(repo, tmp_path / "file" / "state")
    (said,) = (item for item in found if isinstance(item, Skipped))
    assert "can't be saved" in said.reason


def add_commit(repo: GitRepo, text: str, name: str = "more.py", ref: str = "HEAD") -> None:
    """Add a commit with one file to that of HEAD, and let `ref` name it."""
    tree = repo.git("mktree", stdin=f"100644 blob {repo.blob(text.encode())}\t{name}\n".encode())
    repo.git("update-ref", ref, repo.git("commit-tree", tree, "-p", "HEAD", "-m", "one more"))


def packed(repo: GitRepo) -> Path:
    """Pack everything, and return the pack."""
    repo.git("repack", "-adfq", "--depth=9")
    repo.git("prune-packed")
    (pack,) = (repo.git_dir / "objects/pack").glob("*.pack")
    return pack


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packs that were opened."""
    names: list[str] = []

    def recorded(index: Path) -> PackIndex:
        names.append(index.stem)
        return read_index(index)

    monkeypatch.setattr("tokenaudit.git.pack.partition.read_index", recorded)
    return names


def test_packs_that_are_known_are_not_opened(repo: GitRepo, tmp_path: Path, opened: list[str]) -> None:
    state, pack = tmp_path / "state", packed(repo)
    full, _ = scan(repo, state)
    written = state.stat()
    opened.clear()
    assert scan(repo, state) == (full, 0)
    assert opened == []
    assert (state.stat().st_ino, state.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns), "not written again"
    add_commit(repo, f"x = '{Mint(8).user_token()}'\n", ref="refs/heads/new")
    repo.git("repack", "-q")
    repo.git("prune-packed")
    opened.clear()
    more, read = scan(repo, state)
    assert pack.stem not in opened
    assert len(set(opened)) == 1
    assert read == 2, "a commit and a blob"
    assert more == scan(repo, None)[0] > full
    opened.clear()
    assert scan(repo, state) == (more, 0)
    assert opened == []
    moved = pack.with_name(pack.name.replace("pack-", "pack-0"))
    for suffix in (".pack", ".idx"):
        pack.with_suffix(suffix).rename(moved.with_suffix(suffix))
    pack.with_suffix(".rev").unlink(missing_ok=True)
    opened.clear()
    assert scan(repo, state) == (more, 0)
    assert opened == [], "the name makes no difference"


def test_a_known_pack_that_was_changed_is_opened(repo: GitRepo, tmp_path: Path, opened: list[str]) -> None:
    """Each of these is reported by opening a pack, so it is reported by a scan that knows the pack."""
    state, pack = tmp_path / "state", packed(repo)
    full, _ = scan(repo, state)
    index = pack.with_suffix(".idx")
    good, table = pack.read_bytes(), index.read_bytes()
    bad_packs = [good[:-1], good[:-20], good + b"x", b"", good[:-1] + bytes([good[-1] ^ 1]), b"J" + good[1:]]
    bad_packs += [good[:7] + b"\x07" + good[8:], good[:11] + bytes([good[11] ^ 1]) + good[12:]]
    bad_tables = [table[:-1], b"", table[:9] + b"\xff" + table[10:], table[:-30] + b"x" + table[-29:]]
    pack.chmod(0o644)
    index.chmod(0o644)
    for content, listing in [*((each, table) for each in bad_packs), *((good, each) for each in bad_tables)]:
        pack.write_bytes(content)
        index.write_bytes(listing)
        opened.clear()
        said = {item.where for item in scan(repo, state)[0] if isinstance(item, Skipped)}
        assert f"place: {pack.name}" in said
        assert opened
    pack.write_bytes(good)
    index.write_bytes(table)
    opened.clear()
    assert scan(repo, state) == (full, 0)
    assert opened == []
    end = 8 + 256 * 4 + 20
    index.write_bytes(table[: end - 1] + bytes([table[end - 1] ^ 1]) + table[end:])
    scan(repo, state)
    assert opened, "an id has changed"


class Store:
    """Changes of the objects of a repository, which can borrow those of another."""

    def __init__(self, repo: GitRepo, lender: GitRepo, chance: random.Random) -> None:
        self.repo, self.lender, self.chance = repo, lender, chance
        self.objects = repo.git_dir / "objects"

    def commit(self) -> None:
        token = Mint(f"{self.chance.random()}").user_token() if self.chance.random() < 0.5 else ""
        add_commit(self.repo, f"x = {self.chance.random()}\n'{token}'\n", f"f{self.chance.randrange(4)}.py")

    def unpack(self) -> None:
        for pack in list((self.objects / "pack").glob("*.pack")):
            content = pack.read_bytes()
            for file in (self.objects / "pack").glob(f"{pack.stem}.*"):
                file.unlink()
            self.repo.git("unpack-objects", "-q", stdin=content)

    def borrow(self) -> None:
        lent = f"{self.lender.git_dir}/objects\n" if self.chance.random() < 0.7 else ""
        (self.objects / "info/alternates").write_text(lent)

    def copy_pack(self) -> None:
        for file in (self.lender.git_dir / "objects/pack").glob("pack-*"):
            if file.suffix in {".pack", ".idx"} and not (self.objects / "pack" / file.name).exists():
                (self.objects / "pack" / file.name).write_bytes(file.read_bytes())

    def forget(self) -> None:
        if int(self.repo.git("rev-list", "--count", "--first-parent", "HEAD")) > 1:
            self.repo.git("update-ref", "HEAD", "HEAD~1")

    def point(self) -> None:
        """Move or add a branch, a tag of a tag, or a note, to any commit; also to one that no ref reaches."""
        listed = self.repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
        commits = [line.removeprefix("commit ") for line in listed.splitlines() if line.startswith("commit ")]
        target = self.chance.choice(commits)
        kind = self.chance.choice(["heads", "heads", "tags", "notes"])
        while kind == "tags" and self.chance.random() < 0.7:
            type_ = self.repo.git("cat-file", "-t", target)
            text = f"object {target}\ntype {type_}\ntag t\ntagger A <a@example.org> 1 +0000\n\n{self.chance.random()}\n"
            target = self.repo.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=text.encode())
        self.repo.git("update-ref", f"refs/{kind}/{self.chance.randrange(3)}", target)

    def remove(self) -> None:
        refs = frozenset(self.repo.git("for-each-ref", "--format=%(refname)").split())
        for ref in sorted(refs - {"refs/heads/main"})[:1]:
            self.repo.git("update-ref", "-d", ref)

    def pack_new(self) -> None:
        self.repo.git("repack", "-q", *(["-d"] if self.chance.random() < 0.5 else []))

    def pack_all(self) -> None:
        self.repo.git("repack", "-q", self.chance.choice(["-ad", "-adf", "-a", "-Ad"]))

    def collect(self) -> None:
        self.repo.git("gc", "-q", "--prune=now")

    def nothing(self) -> None:
        pass


@pytest.mark.parametrize("seed", range(0, 2000, 500))
def test_what_tips_reach_after_a_change(seed: int) -> None:
    """Commits are numbers, with parents among the smaller ones. Some are new, and tips are moved."""
    for each in range(seed, seed + 500):
        check_reach(random.Random(each))


def check_reach(chance: random.Random) -> None:
    names = [str(number) for number in range(14)]
    parents = {
        name: [names[chance.randrange(number)] for _ in range(chance.randrange(3) if number else 0)]
        for number, name in enumerate(names)
    }

    def reach(tips: frozenset[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(tips)
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += parents[each]
        return frozenset(found)

    first = chance.randrange(4, 14)
    before = frozenset(chance.sample(names[:first], chance.randrange(1, 4)))
    kept = frozenset(name for name in before if chance.random() < 0.7)
    now = kept | frozenset(chance.sample(names, chance.randrange(3)))
    asked = frozenset(chance.sample(names[:first], 3))
    unreached = asked - reach(before)
    links = {name: parents[name] for name in names[first:]}
    new = reachability.newly_reached(links, before, now, unreached)
    if new is not None:
        assert new == reach(now) - frozenset(names[:first])
        assert unreached == asked - reach(now)
    if before <= now and now - before <= links.keys() and not unreached:
        assert new is not None, "the usual case"


@pytest.mark.parametrize("seed", range(3))
def test_any_change_of_the_object_store(tmp_path: Path, seed: int) -> None:
    """Objects that come, go, are packed, unpacked, packed twice or borrowed; refs that come and go."""
    chance = random.Random(seed)
    repo = random_repository(tmp_path / "repo", seed, commits=12, plant=[Mint(f"{seed}").user_token()])
    lender = random_repository(tmp_path / "lender", seed + 100, commits=6, plant=[Mint(f"{seed}b").user_token()])
    packed(lender)
    store = Store(repo, lender, chance)
    changes = [
        store.commit, store.commit, store.unpack, store.borrow, store.copy_pack, store.forget, store.pack_new,
        store.pack_new, store.pack_all, store.collect, store.nothing, store.point, store.point, store.remove,
    ]  # fmt: skip
    for _ in range(9):
        chance.choice(changes)()
        expected = scan(repo, None)[0]
        assert scan(repo, tmp_path / "state")[0] == expected
        if chance.random() < 0.3:
            assert scan(repo, tmp_path / "state") == (expected, 0)
