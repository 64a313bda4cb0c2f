"""Which findings of a sweep are new, and what of them is listed."""

from __future__ import annotations

from dataclasses import replace

from tests.support import reports
from tests.sweep.example_org import Acme
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.report.presentation import exit_code
from tokenaudit.sweep.runner import _marked, only_new


def swept() -> model.Report:
    report = reports.breach(6, 2)
    old = frozenset(report.problems[:1])
    known = {credential.fingerprint for credential in report.credentials[2:]}
    whole = replace(report, complete=True, skipped=())
    fresh = frozenset(c.fingerprint for c in report.credentials) - known
    return _marked(whole, fresh, frozenset(report.problems) - old)


def test_each_finding_is_marked() -> None:
    report = swept()
    assert [credential.new for credential in report.credentials] == 2 * [True] + 4 * [False]
    assert [problem.new for problem in report.problems] == [False, True]
    assert report.summary.new == 3
    assert report.summary.earlier == 0


def test_only_what_is_new_is_listed_and_the_rest_is_counted() -> None:
    new = only_new(swept())
    assert len(new.credentials) == 2
    assert len(new.problems) == 1
    assert (new.summary.new, new.summary.earlier, new.summary.credentials) == (3, 5, 2)
    assert "3 new; 5 findings of earlier sweeps not listed." in render(new, "text")
    assert exit_code(new) == 1


def test_nothing_new_is_said_in_so_many_words() -> None:
    report = swept()
    new = only_new(
        replace(
            report,
            credentials=tuple(replace(one, new=False) for one in report.credentials),
            problems=tuple(replace(one, new=False) for one in report.problems),
        )
    )
    assert exit_code(new) == 0
    assert render(new, "text").startswith("No new findings in ")
    assert "0 new; 8 findings of earlier sweeps not listed." in render(new, "text")


def news(report: model.Report) -> dict[tuple[str, str], bool | None]:
    return {(problem.rule, problem.target): problem.new for problem in report.problems}


def test_problems_across_places_are_new_once(org: Acme) -> None:
    """A token that Spaces share, a stale secret, weights as pickles: computed from several places in each sweep."""
    value = org.token("x")
    for name in ("a", "b"):
        org.double.world.add_space(f"acme/{name}", variables={"API": value})
    secrets = org.double.world.repos["space", "acme/a"].secrets
    secrets["HF_TOKEN"] = {"key": "HF_TOKEN", "updatedAt": "2020-01-01T00:00:00.000Z"}
    org.repository("m", secret=False)
    org.double.world.repos["model", "acme/m"].info["siblings"] = [{"rfilename": "pytorch_model.bin"}]
    first, again = news(org.sweep().report), news(org.sweep().report)
    assert {"space-shared-token", "space-stale-secret", "repo-pickle-only"} <= {rule for rule, _ in first}
    assert set(first.values()) == {True}
    assert again == dict.fromkeys(first, False)
    org.double.world.add_space("acme/c", variables={"API": value})
    swept = org.sweep()
    added = {key for key, new in news(swept.report).items() if new}
    assert added == {("space-shared-token", "spaces/acme/c"), ("space-token-in-variable", "spaces/acme/c")}
    assert {problem.target for problem in swept.new.problems} == {"spaces/acme/c"}


def test_a_problem_that_only_moved_is_not_new(org: Acme) -> None:
    workflow = """on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: hf upload acme/m . --token ${{ secrets.HF_TOKEN }}
"""
    repo = org.repository("m", secret=False)
    repo.commit("Publish", {".github/workflows/a.yml": workflow})
    org.push(repo, "m")
    first = org.sweep().report
    assert set(news(first).values()) == {True}
    repo.commit("Comment", {".github/workflows/a.yml": f"# one more line\n{workflow}"})
    org.push(repo, "m")
    moved = org.sweep().report
    lines = [{problem.rule: problem.line for problem in report.problems} for report in (first, moved)]
    assert lines[1] == {rule: (line or 0) + 1 for rule, line in lines[0].items()}
    assert set(news(moved).values()) == {False}
    repo.commit("A second one", {".github/workflows/b.yml": workflow})
    org.push(repo, "m")
    assert {problem.path for problem in org.sweep().report.problems if problem.new} == {".github/workflows/b.yml"}
