"""Work that is begun ahead is done once, and its failure comes where its result is wanted."""

from __future__ import annotations

import pytest

from tokenaudit.ahead import Ahead


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("jobs", [1, 3])
def test_it_is_done_once(jobs: int, begun: bool) -> None:
    calls: list[int] = []

    def work(processes: int) -> str:
        calls.append(processes)
        return "done"

    ahead = Ahead(work, jobs)
    if begun:
        ahead.begin()
        ahead.begin()
    assert (ahead.result(), ahead.result()) == ("done", "done")
    assert calls == ([1] if begun and jobs > 1 else [jobs])


@pytest.mark.parametrize("begun", [True, False])
def test_a_failure_is_told_where_the_result_is_wanted(begun: bool) -> None:
    def work(processes: int) -> str:
        raise ValueError(processes)

    ahead = Ahead(work, 2)
    if begun:
        ahead.begin()
    with pytest.raises(ValueError, match="1" if begun else "2"):
        ahead.result()
