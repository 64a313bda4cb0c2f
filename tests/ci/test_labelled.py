"""Precision and recall on files whose every line is labelled."""

from __future__ import annotations

from collections import Counter

from tests.ci.labelled import Labelled, labelled
from tests.ci.support import problems
from tokenaudit.ci.rules import RULES

LEAST_FILES = 120


def _found(one: Labelled) -> set[tuple[str, int]]:
    """Rules and lines; what only says why a job can't be keyless is no finding."""
    return {
        (problem.rule, problem.line or 0)
        for problem in problems({one.path: one.text})
        if "can't be replaced by" not in problem.message
    }


def test_nothing_is_missed_and_nothing_is_made_up() -> None:
    files = labelled()
    assert len(files) >= LEAST_FILES
    missed = [(one.name, label) for one in files for label in one.expected - _found(one)]
    invented = [(one.name, label) for one in files for label in _found(one) - one.expected]
    assert not missed
    assert not invented


def test_the_set_covers_every_rule_and_silence_too() -> None:
    files = labelled()
    seen = Counter(rule for one in files for rule, _ in one.expected)
    assert set(RULES) - set(seen) <= {"space-static-secret"}  # its examples are in its own file
    assert sum(not one.expected for one in files) >= LEAST_FILES // 3
