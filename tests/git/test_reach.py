"""Which commits are reachable does not depend on what their clocks said."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.git.reachability import (
    ancestors_first,
    ask_parents_first,
    commits_between,
    outside_head,
    reached,
    unreached,
)
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.sources.local.git_history import HistorySource
from tokenaudit.sources.local.git_range import SinceSource

NO_COMMIT = "0" * 40
_DATES = st.sampled_from([0, 1, 1_600_000_000, 1_600_000_001, 2**31, 4_000_000_000]) | st.integers(0, 2**33)


@dataclass(frozen=True)
class Graph:
    """Commits by number: the parents of each have lower numbers. `branch` is the number main points to."""

    parents: tuple[tuple[int, ...], ...]
    dates: tuple[int, ...]

    def ancestors(self, *tips: int) -> set[int]:
        """The exact answer, by following every link."""
        found: set[int] = set()
        waiting = list(tips)
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.parents[each]
        return found


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Stretches of commits on a line, each of one date: git gives up on an exclusion after a few older commits."""
    parents: list[tuple[int, ...]] = []
    dates: list[int] = []
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.sets(st.integers(0, len(parents) - 1), max_size=3)) if parents else set()
        length = draw(st.integers(1, 12))
        date = draw(_DATES)
        parents += [tuple(sorted(start)), *((len(parents) + each,) for each in range(length - 1))]
        dates += [date] * length
    return Graph(tuple(parents), tuple(dates))


def built(graph: Graph, path: Path, contents: dict[int, str] | None = None) -> tuple[GitRepo, list[str]]:
    """The graph as a repository, with HEAD at the last commit; and the ids of its commits."""
    repo = GitRepo(path, bare=True)
    stream = []
    for number, (parents, date) in enumerate(zip(graph.parents, graph.dates, strict=True)):
        text = f"{number}\n"
        stream.append(f"reset refs/heads/c{number}\n" if not parents else "")
        stream.append(f"commit refs/heads/c{number}\nmark :{number + 1}\n")
        stream.append(f"committer A <a@example.org> {date} +0000\ndata {len(text)}\n{text}")
        stream += [f"{'merge' if place else 'from'} :{each + 1}\n" for place, each in enumerate(parents)]
        if contents is not None:
            text = contents[number]
            stream.append(f"M 100644 inline file\ndata {len(text)}\n{text}\n")
        stream.append("\n")
    stream += [f"reset refs/heads/main\nfrom :{len(graph.parents)}\n\n"]
    repo.git("fast-import", "--quiet", "--force", stdin="".join(stream).encode())
    listing = [repo.head(f"refs/heads/c{number}") for number in range(len(graph.parents))]
    for number in range(len(graph.parents)):
        repo.git("update-ref", "-d", f"refs/heads/c{number}")
    return repo, listing


@given(graphs(), st.data())
@settings(max_examples=40, deadline=None)
def test_any_dates_give_the_exact_answer(graph: Graph, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repo, ids = built(graph, Path(folder) / "repo")
        base = data.draw(st.integers(0, len(ids) - 1))
        head = len(ids) - 1
        git_dir = repo.git_dir
        exact = graph.ancestors(head) - graph.ancestors(base)
        between = commits_between(git_dir, ids[base], ids[head])
        assert {ids.index(each) for each in between} == exact
        assert len(between) == len(exact)
        assert {ids.index(each) for each in reached(git_dir, ids[base])} == graph.ancestors(base)
        assert {ids.index(each) for each in unreached(git_dir, ids, ids[base])} == set(range(len(ids))) - (
            graph.ancestors(base)
        )
        assert {ids.index(each) for each in outside_head(git_dir, ids)} == set(range(len(ids))) - graph.ancestors(head)
        order = [ids.index(each) for each in ancestors_first(git_dir, ids)]
        assert sorted(order) == list(range(len(ids)))
        assert all(order.index(parent) < order.index(child) for child in order for parent in graph.parents[child])
        keys = {ids[each]: (graph.dates[each], ids[each]) for each in data.draw(st.sets(st.sampled_from(order)))}
        if keys:
            assert ask_parents_first(git_dir, keys) == oldest_first(graph, ids, keys)


def oldest_first(graph: Graph, ids: list[str], keys: dict[str, tuple[int, str]]) -> list[str]:
    """Of the commits that have no ancestor among those that are left, the oldest comes next."""
    left, ordered = set(keys), list[str]()
    while left:
        free = [name for name in left if not {ids[each] for each in graph.ancestors(ids.index(name))} & left - {name}]
        ordered.append(min(free, key=keys.__getitem__))
        left.remove(ordered[-1])
    return ordered


@given(graphs(), st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_a_range_tells_what_it_introduces_whatever_the_dates(graph: Graph, seed: int) -> None:
    """Every commit has a token of its own in its file: the range brings exactly those of its commits."""
    mint = Mint(seed)
    tokens = [mint.user_token() for _ in graph.parents]
    base = seed % len(tokens)
    with tempfile.TemporaryDirectory() as folder:
        repo, ids = built(graph, Path(folder) / "repo", dict(enumerate(tokens)))
        found = list(SinceSource(repo.path, "place", ids[base]).findings(ScanContext(ToyExaminer())))
        assert all(isinstance(each, LocatedDetection) for each in found)
        seen = {each.detection.secret.reveal() for each in found if isinstance(each, LocatedDetection)}
        assert seen == {tokens[each] for each in graph.ancestors(len(ids) - 1) - graph.ancestors(base)}


def test_an_exclusion_holds_behind_many_older_commits(tmp_path: Path) -> None:
    """HEAD follows the first commit directly; the base leads there through commits that are dated before it."""
    tokens = [Mint(number).user_token() for number in range(14)]
    graph = Graph(((), *((number,) for number in range(12)), (0,)), (4_000_000_000, *[0] * 12, 4_000_000_000))
    repo, ids = built(graph, tmp_path / "repo", dict(enumerate(tokens)))
    (found,) = SinceSource(repo.path, "place", ids[12]).findings(ScanContext(ToyExaminer()))
    assert isinstance(found, LocatedDetection)
    assert found.location.commit == ids[13]


def line(*dates: int) -> Graph:
    """A history without branches."""
    return Graph(tuple((number - 1,) if number else () for number in range(len(dates))), dates)


def test_the_first_commit_counts_as_the_introduction_though_its_clock_was_ahead(tmp_path: Path) -> None:
    token = Mint(7).user_token()
    graph = line(4_000_000_000, 100, 50)
    repo, ids = built(graph, tmp_path / "repo", {0: token, 1: "clean", 2: token})
    (found,) = HistorySource(repo.path, "place").findings(ScanContext(ToyExaminer()))
    assert isinstance(found, LocatedDetection)
    assert (found.location.commit, found.location.reachable, found.location.in_head) == (ids[0], True, True)


def test_a_commit_is_reachable_though_all_newer_ones_are_dated_before_it(tmp_path: Path) -> None:
    token = Mint(8).user_token()
    graph = line(4_000_000_000, *([0] * 40))
    repo, ids = built(graph, tmp_path / "repo", {0: token, **dict.fromkeys(range(1, 41), "clean")})
    found = list(HistorySource(repo.path, "place").findings(ScanContext(ToyExaminer())))
    assert [
        (each.location.commit, each.location.reachable) for each in found if isinstance(each, LocatedDetection)
    ] == [(ids[0], True)]


@pytest.mark.parametrize("zeros", [40, 64])
def test_since_the_null_id_is_the_whole_branch(tmp_path: Path, zeros: int) -> None:
    tokens = [Mint(9).user_token(), Mint(10).user_token()]
    repo, ids = built(line(5, 3), tmp_path / "repo", dict(enumerate(tokens)))
    found = list(SinceSource(repo.path, "place", "0" * zeros).findings(ScanContext(ToyExaminer())))
    assert {each.location.commit for each in found if isinstance(each, LocatedDetection)} == set(ids)
    assert len(found) == len(ids)


def test_since_a_history_of_its_own_a_tag_or_a_short_id(tmp_path: Path) -> None:
    tokens = [Mint(11 + number).user_token() for number in range(3)]
    graph = Graph(((), (), (1,)), (9, 5, 7))  # 0 has nothing to do with 1 and 2
    repo, ids = built(graph, tmp_path / "repo", dict(enumerate(tokens)))
    repo.git("tag", "-a", "-m", "release", "v1", ids[1])

    def commits(rev: str) -> set[str | None]:
        found = list(SinceSource(repo.path, "place", rev).findings(ScanContext(ToyExaminer())))
        assert all(isinstance(each, LocatedDetection) for each in found)
        return {each.location.commit for each in found if isinstance(each, LocatedDetection)}

    assert commits(ids[0]) == {ids[1], ids[2]}
    assert commits("v1") == commits(ids[1][:9]) == commits("refs/tags/v1") == {ids[2]}
