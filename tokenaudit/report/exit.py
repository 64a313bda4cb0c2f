"""What a report means to the shell that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.errors import UsageError
from tokenaudit.model import Severity
from tokenaudit.report.presentation import likely

if TYPE_CHECKING:
    from tokenaudit.model import Report

CLEAN, FOUND, INCOMPLETE = 0, 1, 3
NEVER = "never"


def exit_code(report: Report, fail_on: str = "low") -> int:
    """1 when something is at or above `fail_on`, else 3 when a place could not be read or asked, else 0.

    `fail_on` is a severity's name or "never". Placeholders and look-alikes never count.

    Raises:
        UsageError: `fail_on` is neither.
    """
    if fail_on != NEVER:
        least = _severity(fail_on).rank
        found = [credential.severity for credential in likely(report)]
        found += [problem.severity for problem in report.problems]
        if any(severity.rank >= least for severity in found):
            return FOUND
    return CLEAN if report.complete else INCOMPLETE


def _severity(name: str) -> Severity:
    try:
        return Severity(name)
    except ValueError:
        names = ", ".join(severity.value for severity in Severity)
        message = f"--fail-on {name!r} is no severity; take one of {names}, {NEVER}"
        raise UsageError(message) from None
