"""Which findings of a sweep are new, and what of them is listed."""

from __future__ import annotations

from dataclasses import replace

from tests.support import reports
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.report.presentation import exit_code
from tokenaudit.sweep.runner import _marked, only_new


def swept() -> model.Report:
    report = reports.breach(6, 2)
    old = frozenset(report.problems[:1])
    known = {credential.fingerprint for credential in report.credentials[2:]}
    across = replace(report.problems[0], rule="sweep-stale-secret")
    whole = replace(report, complete=True, skipped=(), problems=(*report.problems, across))
    fresh = frozenset(c.fingerprint for c in report.credentials) - known
    return _marked(whole, fresh, frozenset(report.problems) - old, frozenset(report.problems))


def test_each_finding_is_marked() -> None:
    report = swept()
    assert [credential.new for credential in report.credentials] == 2 * [True] + 4 * [False]
    assert [problem.new for problem in report.problems] == [False, True, None]
    assert report.summary.new == 3
    assert report.summary.earlier == 0


def test_only_what_is_new_is_listed_and_the_rest_is_counted() -> None:
    new = only_new(swept())
    assert len(new.credentials) == 2
    assert len(new.problems) == 1
    assert (new.summary.new, new.summary.earlier, new.summary.credentials) == (3, 6, 2)
    assert "3 new; 6 findings of earlier sweeps not listed." in render(new, "text")
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
    assert "0 new; 9 findings of earlier sweeps not listed." in render(new, "text")
