"""The exit code of every kind of report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.errors import UsageError
from tokenaudit.model import Severity
from tokenaudit.report.presentation import exit_code
from tokenaudit.secret import Secret


def judged(severity: Severity) -> model.Report:
    report = reports.leaked(Secret(Mint(3).user_token()))
    credential = replace(report.credentials[0], verdict=model.Verdict(severity, "unknown"))
    return replace(report, credentials=(credential,), problems=())


def test_clean_and_complete_is_0() -> None:
    assert exit_code(reports.clean()) == 0


def test_nothing_found_but_incomplete_is_3() -> None:
    assert exit_code(reports.incomplete()) == 3


@pytest.mark.parametrize("fail_on", list(Severity))
@pytest.mark.parametrize("severity", list(Severity))
def test_findings_count_from_the_named_severity_on(severity: Severity, fail_on: Severity) -> None:
    expected = 1 if severity.rank >= fail_on.rank else 0
    assert exit_code(judged(severity), fail_on.value) == expected


def test_a_finding_outranks_incompleteness_and_one_below_the_threshold_does_not() -> None:
    report = replace(judged(Severity.LOW), complete=False)
    assert exit_code(report, "low") == 1
    assert exit_code(report, "high") == 3


def test_never_still_tells_an_incomplete_run() -> None:
    assert exit_code(judged(Severity.CRITICAL), "never") == 0
    assert exit_code(replace(judged(Severity.CRITICAL), complete=False), "never") == 3


def test_a_problem_counts_like_a_credential() -> None:
    report = replace(reports.leaked(Secret(Mint(3).user_token())), credentials=())
    assert exit_code(report, "high") == 1
    assert exit_code(report, "critical") == 0


def test_placeholders_do_not_count() -> None:
    report = judged(Severity.CRITICAL)
    placeholder = replace(report.credentials[0], likelihood="placeholder")
    assert exit_code(replace(report, credentials=(placeholder,)), "info") == 0


def test_an_unjudged_credential_counts_as_high() -> None:
    report = judged(Severity.CRITICAL)
    bare = replace(report, credentials=(replace(report.credentials[0], verdict=None),))
    assert exit_code(bare, "high") == 1
    assert exit_code(bare, "critical") == 0


def test_a_wrong_threshold_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"'bad'.*never"):
        exit_code(reports.clean(), "bad")
