"""Hostile code costs no more than its size: twice as much input, about twice the work, counted in steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.support.hostile_config import CODE, Build
from tests.support.mint import Mint
from tokenaudit import code_usage, work_budget
from tokenaudit.code_usage import needs_of

SIZE = 20_000


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[work_budget.WorkBudget]:
    """Every budget that reading a file was given."""
    made: list[work_budget.WorkBudget] = []

    class Remembered(work_budget.WorkBudget):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            made.append(self)

    monkeypatch.setattr(code_usage, "WorkBudget", Remembered)
    return made


@pytest.mark.parametrize(("path", "build"), CODE.values(), ids=CODE.keys())
def test_twice_the_input_is_at_most_about_twice_the_work(
    path: str, build: Build, budgets: list[work_budget.WorkBudget]
) -> None:
    needs_of(path, build(SIZE).encode())
    needs_of(path, build(2 * SIZE).encode())
    small, large = budgets
    assert large.spent <= 2.2 * small.spent + 100_000 or large.spent >= large.limit
    assert large.spent <= 1.2 * large.limit  # the last piece of work before the end may be larger than what is left


@pytest.mark.parametrize(("path", "build"), CODE.values(), ids=CODE.keys())
def test_a_large_hostile_file_ends(path: str, build: Build) -> None:
    """Anything that grows faster than its input would not end while anybody waits."""
    first, second = (needs_of(path, build(5 * SIZE).encode()) for _ in range(2))
    assert first == second


def test_a_file_that_asks_for_too_much_is_named() -> None:
    path, build = CODE["a long text in many calls"]
    found = needs_of(path, build(10 * SIZE).encode())
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("a.py: takes more than ")


def test_the_report_names_code_that_was_given_up_and_reads_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    value = Mint(91).user_token()
    path, build = CODE["a long text in many calls"]
    (folder / path).write_text(build(10 * SIZE) + f"login('{value}')\n")
    (folder / "z.py").write_text(
        "from huggingface_hub import HfApi\n"
        f"HfApi(token='{value}').upload_file(path_or_fileobj='a', path_in_repo='a', repo_id='acme/m')\n"
    )
    report = tokenaudit("scan", folder, "-f", "json", home=tmp_path).report
    assert [one["where"].rsplit(": ", 1)[-1] for one in report["skipped"]] == ["a.py"]
    assert "steps to analyze" in report["skipped"][0]["reason"]
    assert report["complete"] is False
    (credential,) = report["credentials"]
    assert "z.py" in {one["path"] for one in credential["recommendation"]["evidence"]}


@pytest.mark.parametrize(
    "name",
    ["a notebook nested", "workflow lists nested", "a chain of attributes", "elifs", "workflow aliases doubling"],
)
def test_deep_nesting_is_named_and_is_no_traceback(name: str) -> None:
    path, build = CODE[name]
    found = needs_of(path, build(10 * SIZE).encode())
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith(f"{path}: ")


def test_values_that_double_are_unknown_and_not_followed() -> None:
    text = "A=acme\nB=$A/model\nhf upload $B .\n" + "X0=abcdefgh\n"
    text += "".join(f"X{n}=$X{n - 1}$X{n - 1}\n" for n in range(1, 40)) + "hf upload $X39/m .\n"
    found = needs_of("a.sh", text.encode())
    named = {(e.line, e.certainty, e.entity.name if e.entity else None) for e in found.evidence}
    assert named == {(3, "needed", "acme/model"), (44, "perhaps", None)}
