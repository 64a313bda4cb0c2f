"""With the compiled part, every search has the result of the reader in Python, whatever the pack contains."""

from __future__ import annotations

import itertools
import logging
import random
import shutil
import subprocess
import sys
import types
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.git.test_object_store import SHAPES
from tests.git.test_parallel import Literal
from tests.support.accelerator import SOURCE, built_or_skip
from tests.support.gitrepo import GitRepo
from tests.support.hostile import BLOB, OFS_DELTA, copies, distance, entry, number, write_pack
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tokenaudit._version import __version__
from tokenaudit.git import objects, parallel
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import SEARCHED, GitObject, KnownObjects
from tokenaudit.git.pack import compiled, delta, partition, reader, scan
from tokenaudit.git.pack.compiled import Accelerator
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.parallel import search

_numbers = itertools.count()
Outcome = tuple[list[tuple[str, str]], list[tuple[str, str]], int, int]
WORDS = [b"word77 word7", b"d13\nword", b"9 word9 "]


@pytest.fixture(scope="module")
def accelerator(tmp_path_factory: pytest.TempPathFactory) -> Accelerator:
    return built_or_skip(tmp_path_factory)


def outcome(
    path: Path, words: list[bytes], found: Accelerator | None, jobs: int = 1, known: KnownObjects | None = None
) -> Outcome:
    """Hits, unread objects with reasons, objects and bytes of a search with `found`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "accelerator", lambda: found)
        work = plan(open_repository(path), jobs, SEARCHED, small=0, known=known)
        batches = list(search(work.partitions, Literal(words), jobs))
    unread = [*work.unread, *(item for batch in batches for item in batch.unread)]
    return (
        sorted(hit for batch in batches for hit in batch.hits),
        sorted((item.id, item.reason) for item in unread),
        sum(batch.objects for batch in batches),
        sum(batch.bytes for batch in batches),
    )


def agree(path: Path, words: list[bytes], found: Accelerator, known: KnownObjects | None = None) -> Outcome:
    ours, theirs = (outcome(path, words, each, known=known) for each in (found, None))
    assert ours == theirs
    return ours


@pytest.fixture(autouse=True, scope="module")
def every_short_delta_is_parsed() -> Iterator[None]:
    """As the compiled part does; usually only where that is faster in Python."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scan, "_LEAST_BASE", 0)
        patched.setattr(scan, "_LEAST_RATIO", 0)
        yield


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), shape=st.sampled_from(SHAPES))
def test_random_repositories(
    tmp_path: Path, accelerator: Accelerator, seed: int, shape: Callable[[GitRepo], None]
) -> None:
    """Also where some objects are known from an earlier scan, and so are only bases."""
    home = tmp_path / f"{next(_numbers)}"
    tokens = [Mint(seed).user_token() for _ in range(2)]
    repo = random_repository(home / "repo", seed, commits=40, plant=tokens)
    shape(repo)
    words = [token.encode() for token in tokens] + WORDS
    agree(repo.path, words, accelerator)
    known = plan(open_repository(repo.path), 1, SEARCHED, small=0).known
    if known:
        ids = known().ids
        names = [ids[at : at + 20] for at in range(0, len(ids), 20)]
        some = b"".join(sorted(random.Random(seed).sample(names, len(names) // 2)))
        agree(repo.path, words, accelerator, KnownObjects(some))
    shutil.rmtree(home)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 40), name=st.sampled_from(["*.pack", "*.idx"]))
def test_damaged_repositories(
    damaged: GitRepo, tmp_path: Path, accelerator: Accelerator, seed: int, count: int, name: str
) -> None:
    home = tmp_path / "damaged"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(damaged.path, home)
    (file,) = (home / "objects/pack").glob(name)
    file.chmod(0o644)
    file.write_bytes(with_errors(file.read_bytes(), random.Random(seed), count))
    agree(home, WORDS, accelerator)


def with_errors(data: bytes, dice: random.Random, count: int) -> bytes:
    """`data` with `count` bytes changed, after the header and before the checksum."""
    changed = bytearray(data)
    for _ in range(count):
        changed[dice.randrange(12, len(data) - 20)] = dice.randrange(256)
    return bytes(changed)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    repo = random_repository(tmp_path_factory.mktemp("whole") / "repo", 21, commits=40)
    repo.git("repack", "-adfq", "--depth=20")
    return repo


def packed(folder: Path, contents: list[tuple[bytes, int]]) -> Path:
    """A repository with one pack: of each entry the inflated bytes, and how many entries back its base is (0: none)."""
    repo = GitRepo(folder, bare=True)
    entries: list[tuple[bytes, bytes]] = []
    places: list[int] = []
    at = 12
    for place, (data, back) in enumerate(contents):
        places.append(at)
        base = distance(at - places[place - back]) if back else b""
        made = entry(OFS_DELTA if back else BLOB, len(data), zlib.compress(data), base)
        entries.append((place.to_bytes(20, "big"), made))
        at += len(made)
    write_pack(repo.git_dir / "objects/pack", entries)
    return repo.path


def delta_of(base: int, size: int, *pieces: bytes) -> bytes:
    return number(base) + number(size) + b"".join(pieces)


TEXT = b"".join(b"line %d of a text\n" % place for place in range(300))
LENGTH = len(TEXT)
COPY_ALL = bytes([0x80 | 0x30]) + LENGTH.to_bytes(2, "little")
WORD = b"9 word9 "
HOSTILE: dict[str, list[bytes]] = {
    "empty": [b""],
    "sizes only": [delta_of(LENGTH, 0)],
    "size of the base is wrong": [delta_of(LENGTH + 1, LENGTH, COPY_ALL)],
    "size of the result is wrong": [delta_of(LENGTH, LENGTH - 1, COPY_ALL), delta_of(LENGTH, LENGTH + 1, COPY_ALL)],
    "number without an end": [b"\xff" * 9, b"\xff" * 12, number(LENGTH) + b"\xff" * 20],
    "number with leading zeros": [number(LENGTH) + b"\x83\x80\x80\x80\x80\x80\x80\x80\x80\x00" + b"\x03abc"],
    "number beyond 64 bits": [number(LENGTH) + b"\xff" * 9 + b"\x7f", number(1 << 64 | LENGTH) + b"\x03\x03abc"],
    "reserved instruction": [delta_of(LENGTH, 3, b"\x00\x03abc"), delta_of(LENGTH, 3, b"\x03abc\x00")],
    "insertion beyond the end": [delta_of(LENGTH, 100, b"\x64abc"), delta_of(LENGTH, 3, b"\x7f")],
    "copy cut off": [delta_of(LENGTH, 3, b"\xff\x01\x02"), delta_of(LENGTH, 3, b"\x03abc\x9f")],
    "last instruction without room": [
        delta_of(LENGTH, 3, b"\x03abc" + last)
        for last in (b"\x80", b"\x90\x02", b"\x90\x04", b"\x04", b"\x7f", b"\x02", b"\x04abcd", b"\x91", b"\x80\x80")
    ],
    "copy beyond the base": [delta_of(LENGTH, LENGTH, b"\x91\x01" + LENGTH.to_bytes(2, "little")[:1])],
    "copy from the end": [delta_of(LENGTH, 5, b"\x9f\xff\xff\xff\xff\x05"), delta_of(LENGTH, 0x10000, b"\x80")],
    "copy of nothing is of 64 KiB": [delta_of(LENGTH, 0, b"\x80"), delta_of(LENGTH, 0x10000, b"\x90\x00")],
    "enormous result": [delta_of(LENGTH, 1 << 40, COPY_ALL), delta_of(LENGTH, (1 << 63) - 1, COPY_ALL)],
    "many small copies": [delta_of(LENGTH, 900, b"\x90\x03" * 300), delta_of(LENGTH, 1800, b"\x91\x05\x06" * 300)],
    "evidence across a border": [
        delta_of(LENGTH, LENGTH + 3, b"\x039 w", COPY_ALL),
        delta_of(LENGTH, LENGTH + 8, COPY_ALL, b"\x08" + WORD),
        delta_of(LENGTH, 8 + LENGTH, b"\x04" + WORD[:4], b"\x04" + WORD[4:], COPY_ALL),
    ],
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
def test_random_deltas(tmp_path: Path, accelerator: Accelerator, seed: int) -> None:
    """Well-formed instructions with numbers that do not fit, and anything else."""
    dice = random.Random(seed)
    contents: list[tuple[bytes, int]] = []
    for _ in range(60):
        text = bytes(dice.choices(b"9 word\n", k=dice.choice([30, 3000])))
        pieces = []
        for _ in range(dice.randrange(4)):
            inserted = bytes(dice.choices(b"9 word\n", k=dice.randrange(1, 9)))
            start, length = dice.randrange(len(text) + 5), dice.randrange(len(text) + 5)
            copy = b"\xb3" + start.to_bytes(2, "little") + length.to_bytes(2, "little")
            pieces.append(dice.choice([bytes([len(inserted)]) + inserted, copy, copy, dice.randbytes(2)]))
        sizes = [len(text), len(text), dice.randrange(100)]
        own = delta_of(len(text), dice.choice(sizes), *pieces)
        made = sum(each[0] if each[0] < 0x80 else int.from_bytes(each[3:5], "little") for each in pieces)
        right = delta_of(len(text), made, *pieces)
        contents += [(text, 0), (dice.choice([own, right]), 1), (dice.choice([own, right]), 2)]
        contents += [(delta_of(made, 3, b"\x03abc"), 1)]
    home = tmp_path / f"{next(_numbers)}"
    agree(packed(home, contents), [WORD], accelerator)
    assert contents_of(home, accelerator) == contents_of(home, None)
    shutil.rmtree(home)


def contents_of(path: Path, found: Accelerator | None) -> list[tuple[str, str, object]]:
    """What reading delivers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "accelerator", lambda: found)
        work = plan(open_repository(path), 1, SEARCHED, small=0)
        items = [item for partition in work.partitions for item in partition.read()]
    return sorted(
        (item.id, item.type, item.data) if isinstance(item, GitObject) else (item.id, "unread", item.reason)
        for item in items
    )


def test_a_pack_of_which_nothing_can_be_read(tmp_path: Path, accelerator: Accelerator) -> None:
    path = packed(tmp_path / "repo", [(b"not a pack", 0)])
    (pack,) = (path / "objects/pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[13:-20] = bytes(len(data) - 33)
    pack.write_bytes(data)
    found = contents_of(path, accelerator)
    assert found == contents_of(path, None)
    assert {kind for _, kind, _ in found} == {"unread"}
    agree(path, [WORD], accelerator)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_deltas(tmp_path: Path, accelerator: Accelerator, name: str) -> None:
    """With children and without, below a base with evidence and below one without."""
    contents: list[tuple[bytes, int]] = []
    for number_, text in enumerate((TEXT, TEXT[:-8] + WORD)):
        for each in HOSTILE[name]:
            same = delta_of(LENGTH, LENGTH, COPY_ALL)
            contents += [(text, 0), (each, 1), (same, 2), (each, 1), (delta_of(LENGTH, 3, b"\x03abc"), 1)]
            contents += [(b"%d%d" % (number_, len(contents)), 0)]
    found, unread, _, _ = agree(packed(tmp_path / "repo", contents), [WORD], accelerator)
    assert contents_of(tmp_path / "repo", accelerator) == contents_of(tmp_path / "repo", None)
    assert found
    assert unread or "evidence" in name or "many" in name or "leading" in name or "sizes only" in name


@pytest.mark.parametrize("least_base", [0, LENGTH * 10])
def test_results_beyond_the_limit_of_memory(
    tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch, least_base: int
) -> None:
    """A short delta below a clean base is searched for what it inserts; every other large result is not built."""
    monkeypatch.setattr(scan, "_LEAST_BASE", least_base)
    for module in (objects, reader, compiled):
        monkeypatch.setattr(module, "LARGE", LENGTH * 4)
    large = number(LENGTH) + copies(LENGTH, LENGTH * 5)
    with_word = number(LENGTH) + copies(LENGTH, LENGTH * 5, WORD)
    contents = [(TEXT, 0), (large, 1), (with_word, 2), (large, 3), (delta_of(LENGTH * 5, 3, b"\x03abc"), 1)]
    contents += [(TEXT * 5, 0), (delta_of(LENGTH * 5, 3, b"\x03abc"), 1), (TEXT[:-8] + WORD, 0), (large, 1)]
    found, unread, _, _ = agree_without_counts(packed(tmp_path / "repo", contents), accelerator)
    assert found
    assert unread


def agree_without_counts(path: Path, found: Accelerator) -> Outcome:
    ours, theirs = outcome(path, [WORD], found), outcome(path, [WORD], None)
    assert ours[:2] == theirs[:2]
    return ours


def test_the_work_limit(tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of objects that are not read is the same."""
    monkeypatch.setattr(objects, "_LEAST_WORK", LENGTH * 50)
    monkeypatch.setattr(objects, "_MOST_RATIO", 1)
    same = delta_of(LENGTH, LENGTH, COPY_ALL)
    chain = [(same, 1)] * 100
    _, unread, _, _ = agree(packed(tmp_path / "repo", [(TEXT, 0), *chain, (b"x", 0)]), [WORD], accelerator)
    assert any("more objects" in name for name, _ in unread)


def test_evidence_that_is_removed_and_comes_back(tmp_path: Path, accelerator: Accelerator) -> None:
    """Versions below one with evidence contain it unless a delta removes it; only those are hits."""
    dice = random.Random(5)
    lines = [b"line %d" % place for place in range(400)]
    repo = GitRepo(tmp_path / "repo", bare=True)
    stream = []
    for place in range(120):
        lines[dice.randrange(len(lines))] = dice.choice([WORD, b"9 wor", b"other %d" % place])
        if place % 10 == 9:
            lines = [b"gone" if WORD in line else line for line in lines]
        content = b"\n".join(lines)
        stream.append(b"blob\ndata %d\n%b\n" % (len(content), content))
    repo.git_bytes("fast-import", "--quiet", "--depth=50", stdin=b"".join(stream))
    found, unread, _, _ = agree(repo.path, [WORD], accelerator)
    assert 50 < len(found) < 120
    assert unread == []


def test_processes_find_the_same(tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SMALL_WORK", 0)
    monkeypatch.setattr(parallel, "may_fork", lambda: True)
    repo = random_repository(tmp_path / "repo", 4, commits=40)
    assert outcome(repo.path, WORDS, accelerator, jobs=2) == outcome(repo.path, WORDS, None) != ([], [], 0, 0)


def test_trees_of_large_objects_are_left_to_the_reader_in_python(
    tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds each object once less. Nothing is lost, and nothing read twice."""
    repo = random_repository(tmp_path / "repo", 4, commits=40, files=8)
    repo.git("repack", "-adfq", "--depth=20")
    expected = outcome(repo.path, WORDS, None)
    monkeypatch.setattr(partition, "_LARGEST_COMPILED", 1500)
    assert outcome(repo.path, WORDS, accelerator) == expected
    found = [
        each for each in plan(open_repository(repo.path), 2, small=0).partitions if isinstance(each, PackPartition)
    ]
    nodes = np.concatenate([each.nodes for each in found])
    assert len(nodes) == len(np.unique(nodes))
    for each in found:
        sizes = each.forest.headers.sizes[each.forest.roots[each.nodes]]
        assert set((sizes <= 1500).tolist()) == {each.is_compiled}
    assert {each.is_compiled for each in found} == {True, False}


def test_a_pack_that_shrank_is_read_by_the_other_reader(
    tmp_path: Path, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = random_repository(tmp_path / "repo", 4)
    monkeypatch.setattr(compiled, "accelerator", lambda: accelerator)
    work = plan(open_repository(repo.path), 1, SEARCHED, small=0)
    (pack,) = (repo.git_dir / "objects/pack").glob("*.pack")
    data = pack.read_bytes()
    pack.unlink()
    pack.write_bytes(data[: len(data) // 2])
    unread = {item.reason for batch in search(work.partitions, Literal(WORDS), 1) for item in batch.unread}
    assert "the object is corrupt" in unread


def test_a_plan_that_points_anywhere_is_refused(tmp_path: Path, accelerator: Accelerator) -> None:
    file = tmp_path / "pack"
    file.write_bytes(zlib.compress(b"content"))
    size = file.stat().st_size

    def walk(columns: list[int], count: int = 1, roots: int = 1, **other: int) -> object:
        with file.open("rb") as opened:
            plan_ = np.array(columns, np.int64).tobytes()
            reach, large = other.get("reach", 5), other.get("large", 100)
            return accelerator.Walk(opened.fileno(), plan_, count, roots, reach, large, 1000)

    good = [0, size, 7, 1, 0, 0, 0]
    text, table, failures, *rest = walk(good).fill(100)  # type: ignore[attr-defined]
    assert (text, np.frombuffer(table, np.int64).tolist(), failures, rest) == (
        b"content",
        [0, 0],
        b"",
        [1, 7, -1, False],
    )
    bad: list[list[int]] = [
        [-1, size, 7, 1, 0, 0, 0], [0, size + 1, 7, 1, 0, 0, 0], [5, 4, 7, 1, 0, 0, 0], [0, size, -1, 1, 0, 0, 0],
        [0, size, 7, 1, 1, 1, 0], [0, size, 7, 1, 0, 1, 0], [0, size, 7, 1, 0, 0, 1], [0, size, 7, 1, 0, 0, -1],
        good[:-1], [*good, 0], [],
    ]  # fmt: skip
    for columns in bad:
        with pytest.raises(ValueError, match=r"plan|argument"):
            walk(columns)
    for count, roots in ((0, 1), (-1, -1), (1, -1), (1, 2), (1 << 62, 1), (2, 1)):
        with pytest.raises(ValueError, match="argument"):
            walk(good, count, roots)
    for other in ({"reach": -2}, {"reach": 1 << 40}, {"large": -1}):
        with pytest.raises(ValueError, match="argument"):
            walk(good, **other)
    twice = [0, 0, size, size, 7, 7, 1, 1, 0, 0, 0, 0, 0]
    walk(twice, 2, 2).fill(100)  # type: ignore[attr-defined]


@pytest.fixture
def uncached() -> Iterator[None]:
    compiled.accelerator.cache_clear()
    yield
    compiled.accelerator.cache_clear()


@pytest.mark.usefixtures("uncached")
@pytest.mark.parametrize("value", ["off", "0", "False", "no"])
def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setitem(sys.modules, "tokenaudit_fast", types.SimpleNamespace(INTERFACE=compiled.INTERFACE))
    assert compiled.accelerator() is not None
    compiled.accelerator.cache_clear()
    monkeypatch.setenv(compiled.VARIABLE, value)
    assert compiled.accelerator() is None


@pytest.mark.usefixtures("uncached")
def test_another_version_is_not_used_and_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = types.SimpleNamespace(INTERFACE=compiled.INTERFACE + 1)
    monkeypatch.setitem(sys.modules, "tokenaudit_fast", other)
    with caplog.at_level(logging.INFO, logger="tokenaudit"):
        assert compiled.accelerator() is None
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "another version" in caplog.text


@pytest.mark.usefixtures("uncached")
def test_a_module_that_can_not_be_loaded_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tokenaudit_fast.py").write_text("raise ImportError('none of these exports libdeflate')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tokenaudit_fast", raising=False)
    with caplog.at_level(logging.INFO, logger="tokenaudit"):
        assert compiled.accelerator() is None
    assert "none of these exports libdeflate" in caplog.text


def test_the_interface_of_the_source_is_the_one_that_is_called() -> None:
    text = (SOURCE / "_fast.c").read_text(encoding="utf-8")
    assert f"#define INTERFACE {compiled.INTERFACE}\n" in text
    assert text.count("\n") <= 500, "small enough to be read whole"


def test_it_has_the_version_of_the_release() -> None:
    text = (SOURCE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{__version__}"\n' in text


def test_a_build_without_a_compiler_says_so_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="older versions can't read the project file")
    built = shutil.ignore_patterns("build", "*.so", "*.egg-info")
    home = Path(shutil.copytree(SOURCE.parent, tmp_path / "accelerator", ignore=built))
    environment = {"CC": str(tmp_path / "missing-cc"), "PATH": "/nonexistent", "PYTHONPATH": ""}
    ran = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext"],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode != 0
    said = ran.stderr.strip().splitlines()
    assert said[-1].startswith("error: tokenaudit-fast needs a C compiler")
    assert "Traceback" not in ran.stderr


def test_deltas_are_read_as_the_reader_in_python_reads_them() -> None:
    """The limits that decide which results may be large are the same in both."""
    text = (SOURCE / "_fast.c").read_text(encoding="utf-8")
    assert f"#define MANY_PIECES {delta._MOST_PIECES}\n" in text
    assert f"#define SHORT_DELTA {scan._SHORT_DELTA}\n" in text
