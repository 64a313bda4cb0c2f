"""Hostile configuration costs no more than its size: twice as much input, about twice the work, counted in steps."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from tree_sitter import Parser

from tests.ci.support import audited
from tests.support.hostile_config import CONFIGURATION, Build
from tokenaudit.ci import audit_files, bash, powershell
from tokenaudit.ci.model import Names
from tokenaudit.ci.rule_context import ConfigurationSet
from tokenaudit.ci.rules import problems
from tokenaudit.ci.shell import WHOLE
from tokenaudit.ci.systems import system_of
from tokenaudit.ci.yaml_document import ParseError
from tokenaudit.model import Skipped
from tokenaudit.work_budget import WorkBudget, WorkLimitError

SIZE = 40_000
LARGE = 80_000
ONE_PIECE = WHOLE**2 // 32
"""Steps that are charged for parsing one piece of a script: up to its size they grow with the square."""


def spent(path: str, text: str) -> tuple[int, int]:
    """The steps that reading and judging a file takes, and the most that it may take."""
    system = system_of(path, text.encode())
    assert system is not None
    budget = WorkBudget(len(text))
    try:
        project = ConfigurationSet({path: system.parse(path, text, budget)})
        list(problems("repo", project, Names(), {}))
    except (ParseError, WorkLimitError):
        pass  # the file is given up: what was spent until then is what counts
    return budget.spent, budget.limit


@pytest.mark.parametrize(("path", "build"), CONFIGURATION.values(), ids=CONFIGURATION.keys())
def test_twice_the_input_is_at_most_about_twice_the_work(path: str, build: Build) -> None:
    small, _ = spent(path, build(SIZE))
    large, limit = spent(path, build(2 * SIZE))
    assert large <= 2.2 * small + ONE_PIECE or large >= limit
    assert large <= 1.2 * limit  # the last piece of work before the end may be larger than what is left


@pytest.mark.parametrize(("path", "build"), CONFIGURATION.values(), ids=CONFIGURATION.keys())
def test_a_large_hostile_file_ends(path: str, build: Build) -> None:
    """Anything that grows faster than its input would not end while anybody waits."""
    first, second = (list(audit_files([(path, build(LARGE).encode())], "repo")) for _ in range(2))
    assert first == second


def test_a_file_that_asks_for_too_much_is_named_and_the_others_are_still_checked() -> None:
    good = "on: push\njobs:\n  a:\n    steps:\n      - run: echo ${{ secrets.HF_TOKEN }}\n"
    many = "".join(f"  HF_TOKEN_{n}: $X\n" for n in range(4_000))
    jobs = "".join(f"j{n}: {{extends: [b0, b1]}}\n" for n in range(2_000))
    bases = "".join(f"b{n}: {{extends: base, variables: {{HF_TOKEN_{n}: $X}}}}\n" for n in range(200))
    hostile = f"base:\n  variables:\n  {many.replace(chr(10), chr(10) + '  ')}\n{bases}{jobs}"
    found = audited({".gitlab-ci.yml": hostile, ".github/workflows/good.yml": good})
    (skipped,) = [one for one in found if isinstance(one, Skipped)]
    assert skipped.where == "repo: .gitlab-ci.yml"
    assert "steps to analyze" in skipped.reason
    assert [one.rule for one in found if not isinstance(one, Skipped)] == ["ci-token-printed"]


@pytest.mark.parametrize("sign", ["a|", "!a|", "`>{", "`<a ", ")$", "$)"])
@pytest.mark.parametrize("path", ["a.sh", "a.ps1"])
def test_long_lines_of_signs_are_not_parsed_one_after_the_other(
    path: str, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grammar takes up to the square of their number for each line."""
    parsed: list[int] = []

    def counting(original: Parser) -> Mock:
        def parse(data: bytes) -> object:
            parsed.append(len(data))
            return original.parse(data)

        return Mock(parse=parse)

    for module in (bash, powershell):
        double = counting(module._parser())
        monkeypatch.setattr(module, "_parser", lambda double=double: double)
    text = "echo $HF_TOKEN\n" + (sign * (4096 // len(sign)) + "\n") * 64
    list(audit_files([(path, text.encode())], "repo"))
    assert sum(size**2 for size in parsed) < 25 * 4096**2
