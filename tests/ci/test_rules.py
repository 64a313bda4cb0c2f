"""Every rule finds its bad example and is silent on its good one."""

from __future__ import annotations

import pytest

from tests.ci.support import example, problems
from tokenaudit.ci.rules import RULES
from tokenaudit.model import Rule


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_bad_example_is_found_and_the_good_one_is_not(rule: Rule) -> None:
    assert rule.id in {problem.rule for problem in problems(example(rule.bad))}
    assert rule.id not in {problem.rule for problem in problems(example(rule.good))}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_a_problem_says_where_it_is_and_never_what_the_value_is(rule: Rule) -> None:
    files = example(rule.bad)
    (source,) = files.values()
    for problem in problems(files):
        assert problem.line is not None
        assert 1 <= problem.line <= source.count("\n") + 1
        assert problem.column is not None
        assert problem.column >= 1
        assert problem.remedy
        for word in source.split():
            if word.startswith("hf_") and len(word) == 37:
                assert word not in repr(problem)
