"""Calls that can be left behind: their threads are used again, end when there is nothing to do, and block nobody."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tokenaudit.hub import transport as module
from tokenaudit.hub.transport import TimeoutExecutor


def _late() -> str:
    time.sleep(0.01)
    return "late"


def test_one_thread_answers_one_call_after_the_other() -> None:
    aside = TimeoutExecutor()

    threads = {aside.run(threading.get_ident, 5) for _ in range(50)}

    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_call_that_takes_too_long_is_left_behind_and_the_next_one_is_not_held_up() -> None:
    aside, free, left = TimeoutExecutor(), threading.Event(), list[threading.Thread]()

    def hang() -> None:
        left.append(threading.current_thread())
        free.wait(30)

    assert aside.run(hang, 0.05) is None
    assert aside.run(threading.current_thread, 5) not in {None, *left}

    free.set()
    left[0].join(10)
    assert not left[0].is_alive()


def test_an_answer_that_came_too_late_is_nobody_elses() -> None:
    aside = TimeoutExecutor()
    for number in range(20):
        assert aside.run(_late, 0.001) in {None, "late"}
        assert aside.run(lambda number=number: number, 5) == number  # type: ignore[misc]


def test_many_askers_get_each_their_own_answer() -> None:
    aside = TimeoutExecutor()

    def ask(number: int) -> bool:
        return aside.run(lambda: number, 10) == number

    with ThreadPoolExecutor(16) as askers:
        assert all(askers.map(ask, range(2000)))


def test_a_thread_that_waited_long_ends_and_a_new_one_takes_its_place() -> None:
    aside = TimeoutExecutor()

    first = aside.run(threading.current_thread, 5)
    assert first is not None
    first.join(10)
    second = aside.run(threading.current_thread, 5)

    assert not first.is_alive()
    assert second not in {None, first}


def test_no_call_is_lost_to_a_thread_that_is_about_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE", 0.0005)
    aside = TimeoutExecutor()

    for number in range(400):
        assert aside.run(lambda number=number: number, 10) == number  # type: ignore[misc]
        time.sleep(0.0005)
