"""Searching packs finds what looking at every object one by one finds."""

from __future__ import annotations

import base64
import itertools
import random
import shutil
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.git.test_object_store import SHAPES
from tests.support.accelerator import built_or_skip
from tests.support.contexts import CONTEXTS
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tokenaudit.detect import Detector
from tokenaudit.git import parallel
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import SEARCHED, GitObject, ScanBatch, Unread
from tokenaudit.git.pack import compiled, scan
from tokenaudit.git.pack.delta import build, delta_insertions
from tokenaudit.git.pack.scan import Leaf
from tokenaudit.git.parallel import search
from tokenaudit.interfaces import MatchContext, PrefilterResult, ScanResult
from tokenaudit.sources.local.git_history import HistoryMatcher

_numbers = itertools.count()


class Literal:
    """Evidence is any of some words; whatever holds one is worth a second look."""

    def __init__(self, words: list[bytes]) -> None:
        self.words = words
        self.has_hits = False
        self.reach: int | None = max(map(len, words)) - 1

    def prepare(self) -> None:
        pass

    def note(self, batch: ScanBatch) -> None:
        self.has_hits |= bool(batch.hits)

    def copy(self) -> Literal:
        return Literal(self.words)

    def look(self, data: bytes) -> PrefilterResult:
        if any(word in data for word in self.words):
            return PrefilterResult.EVIDENCE
        # Parts of words are traces, or not: both have to lead to the same hits.
        return PrefilterResult.TRACES if any(word[:4] in data for word in self.words[:-1]) else PrefilterResult.NOTHING

    def with_evidence(self, data: bytes, starts: Sequence[int]) -> tuple[list[int], list[int]]:
        entries = [data[start : end - 1] for start, end in zip(starts, [*starts[1:], len(data) + 1], strict=True)]
        return [place for place, each in enumerate(entries) if self.look(each) is PrefilterResult.EVIDENCE], []

    def contexts(self, data: bytes) -> tuple[MatchContext, ...] | None:
        """Unknown."""

    def kept(self, contexts: Sequence[MatchContext], data: bytes) -> tuple[MatchContext, ...] | None:
        """Unknown."""

    def examine(self, data: bytes) -> ScanResult:
        return ScanResult(skipped=("seen",)) if self.look(data) is PrefilterResult.EVIDENCE else ScanResult()


@pytest.mark.usefixtures("packs_read_by")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), shape=st.sampled_from(SHAPES), jobs=st.integers(1, 3))
def test_findings_equal_a_brute_force_search(tmp_path: Path, seed: int, shape: object, jobs: int) -> None:
    home = tmp_path / f"{next(_numbers)}"
    mint = Mint(seed)
    tokens = [mint.user_token() for _ in range(4)]
    repo = random_repository(home / "repo", seed, commits=40, plant=tokens)
    assert callable(shape)
    shape(repo)
    # Short words come together across seams far more often than whole tokens do.
    watcher = Literal([token.encode() for token in tokens] + [b"word77 word7", b"d13\nword", b"9 word9 "])
    work = plan(open_repository(repo.path), jobs, SEARCHED, small=0)
    objects = [item for partition in work.partitions for item in partition.read() if isinstance(item, GitObject)]
    expected = sorted((item.id, item.type) for item in objects if not watcher.examine(item.data).is_empty)
    batches = list(search(work.partitions, watcher, jobs))
    assert sorted(hit for batch in batches for hit in batch.hits) == expected
    blobs = {name for name, kind in expected if kind == "blob"}
    assert {name for batch in batches for name in batch.examined} <= blobs
    assert sum(batch.objects for batch in batches) == len(objects)
    assert sum(batch.bytes for batch in batches) == sum(len(item.data) for item in objects)
    shutil.rmtree(home)


@pytest.mark.usefixtures("packs_read_by")
def test_no_result_of_an_examination_is_sent_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL_WORK", 0)
    monkeypatch.setattr(parallel, "may_fork", lambda: True)
    tokens = [Mint(3).user_token()]
    repo = random_repository(tmp_path / "repo", 3, commits=10, plant=tokens)
    watcher = Literal([token.encode() for token in tokens])
    work = plan(open_repository(repo.path), 2, SEARCHED, small=0)
    assert len(work.partitions) > 1
    together = list(search(work.partitions, watcher, 2))
    assert together[0] == ScanBatch(), "when the processes are running"
    alone = list(search(work.partitions, watcher, 1))
    assert {hit for batch in together for hit in batch.hits} == {hit for batch in alone for hit in batch.hits} != set()
    assert [batch.examined for batch in together if batch.examined] == []
    assert {name for batch in alone for name in batch.examined} == {
        name for batch in alone for name, kind in batch.hits if kind == "blob"
    }


def test_threads_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where processes can't be forked, the compiled part runs in threads, each with a detector of its own."""
    found = built_or_skip(tmp_path_factory)
    monkeypatch.setattr(compiled, "accelerator", lambda: found)
    monkeypatch.setattr(parallel, "SMALL_WORK", 0)
    monkeypatch.setattr(parallel, "may_fork", lambda: False)
    repo = random_repository(tmp_path / "repo", 3, commits=60, plant=[Mint(place).user_token() for place in range(5)])
    work = plan(open_repository(repo.path), 3, SEARCHED, small=0)
    matcher = HistoryMatcher(Detector.load())
    used: set[int] = set()

    class Noting(HistoryMatcher):
        def copy(self) -> HistoryMatcher:
            used.add(len(used))
            return super().copy()

    together = list(search(work.partitions, Noting(Detector.load()), 3))
    alone = list(search(work.partitions, matcher, 1))
    assert len(used) == 3
    assert sorted(hit for batch in together for hit in batch.hits) == sorted(
        hit for batch in alone for hit in batch.hits
    )
    assert sum(batch.objects for batch in together) == sum(batch.objects for batch in alone) > 0
    assert any(batch.hits for batch in together)


def test_a_thread_that_fails_loses_one_partition_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SMALL_WORK", 0)
    monkeypatch.setattr(parallel, "may_fork", lambda: False)

    class Partition:
        size, count, is_concurrent, is_last = 1, 1, True, False

        def __init__(self, *, fails: bool) -> None:
            self.fails = fails

        def read(self) -> Iterator[GitObject | Unread]:
            yield from ()

        def search(self, watcher: object) -> Iterator[ScanBatch]:
            del watcher
            if self.fails:
                raise MemoryError
            yield ScanBatch(objects=1)

    partitions = [Partition(fails=number == 1) for number in range(4)]
    batches = list(search(partitions, Literal([b"word"]), 2))
    assert sum(batch.objects for batch in batches) == 3
    assert [item.reason for batch in batches for item in batch.unread] == ["worker failed: MemoryError"]
    stopped = search(partitions, Literal([b"word"]), 2)
    assert next(stopped) == ScanBatch(), "when the threads are running"
    next(stopped)
    stopped.close()  # type: ignore[attr-defined] # a generator
    assert not [each for each in threading.enumerate() if each.name.startswith("search-")]


class Scanning:
    """The evidence of the detector."""

    def __init__(self) -> None:
        self.detector = Detector.load()
        self.has_hits = False
        self.reach: int | None = self.detector.prefilter.reach
        self.prepare = self.detector.prefilter.prepare
        self.look = self.detector.prefilter.look
        self.with_evidence = self.detector.prefilter.with_evidence
        self.examine = self.detector.scan
        self.contexts = self.detector.contexts
        self.kept = self.detector.kept

    def note(self, batch: ScanBatch) -> None:
        self.has_hits |= bool(batch.hits)

    def copy(self) -> Scanning:
        return Scanning()


@pytest.mark.usefixtures("packs_read_by")
@pytest.mark.parametrize("seed", range(2))
def test_every_encoding_is_found_in_deltas(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    lines = [f"line {dice.random()} of a text".encode() for _ in range(60)]
    stream = []
    for number, context in enumerate(CONTEXTS):
        written = context.write(Mint(number).user_token())
        at, cut = dice.randrange(len(lines) + 1), dice.randrange(len(written))
        for middle in ([], [written[:cut]], [written], [written[cut:]]):
            content = b"\n".join([*lines[:at], *middle, *lines[at:]])
            stream.append(b"blob\ndata %d\n%b\n" % (len(content), content))
        for _ in range(dice.randrange(3)):
            lines[dice.randrange(len(lines))] = dice.choice([b"hf_abc", b'"hf_id", "r"', b"x = 1", b"api", b""])
    repo = GitRepo(tmp_path, bare=True)
    repo.git("fast-import", "--quiet", stdin=b"".join(stream))
    watcher = Scanning()
    work = plan(open_repository(repo.path), 1, SEARCHED, small=0)
    objects = [item for partition in work.partitions for item in partition.read() if isinstance(item, GitObject)]
    expected = {item.id for item in objects if not watcher.examine(item.data).is_empty}
    assert len(objects) > 2 * len(CONTEXTS)
    assert len(expected) > len(CONTEXTS)
    assert {name for batch in search(work.partitions, watcher, 1) for name, _ in batch.hits} == expected


def test_a_text_is_not_searched_as_the_end_of_the_one_before() -> None:
    token = Mint("together").user_token().encode()
    text = base64.b64encode(zlib.compress(token + b"\0" * 100))
    contents = [b"a short text without a line end", text]
    watcher = Scanning()

    def walk(_: object, leaf: Leaf) -> Iterator[list[Unread]]:
        for node, content in enumerate(contents):
            leaf(node, content, None, False)  # noqa: FBT003 - signature of `Leaf`
        yield []

    found = [hit for batch in scan.search(walk, lambda node: (str(node), "blob"), watcher) for hit in batch.hits]
    assert found == [("1", "blob")]


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 12))
def test_whatever_a_delta_brings_is_among_its_news(seed: int, width: int) -> None:
    """Every run of bytes of the result that the base has not, up to the width, stands in what is to be searched."""
    dice = random.Random(seed)
    base = bytes(dice.choices(b"ab", k=dice.randrange(1, 200)))
    delta, size = _delta(dice, base)
    result = build(base, delta)
    news = delta_insertions(base, delta, width - 1)
    assert news is not None
    assert news.size == len(result) == size
    runs = {result[at : at + width] for at in range(len(result) - width + 1)}
    assert all(run in base or run in news.pieces for run in runs)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=40))
def test_senseless_deltas_have_no_news(base: bytes, delta: bytes) -> None:
    news = delta_insertions(base, delta, 3)
    if news is not None:
        assert len(build(base, delta)) == news.size


def _delta(dice: random.Random, base: bytes) -> tuple[bytes, int]:
    pieces, size = b"", 0
    for _ in range(dice.randrange(1, 6)):
        if dice.random() < 0.4:
            text = bytes(dice.choices(b"abc", k=dice.randrange(1, 20)))
            pieces += bytes([len(text)]) + text
            size += len(text)
            continue
        start = dice.randrange(len(base))
        length = dice.randrange(1, len(base) - start + 1)
        # Numbers may be written with leading zeros, and low bytes that are zero may be left out.
        numbers = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40]
        values = [start, 0, 0, 0, length, 0, 0]
        there = [bit for bit, value in zip(numbers, values, strict=True) if value or dice.random() < 0.4]
        given = bytes(value for bit, value in zip(numbers, values, strict=True) if bit in there)
        pieces += bytes([0x80 | sum(there)]) + given
        size += length
    return _number(len(base)) + _number(size) + pieces, size


def _number(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])
