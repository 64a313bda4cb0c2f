"""The end that all auditing commands share: baseline, redaction, format, destination, exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.cli.output import color_wanted, emit, width

if TYPE_CHECKING:
    from tokenaudit.audit import Audit


@dataclass(frozen=True)
class Finish:
    """How a command was asked to end. Calling it writes the report and gives the exit code."""

    format: str
    output: Path | None
    fail_on: str
    baseline: Path | None = None
    show_unlikely: bool = False
    color: bool = True

    def __call__(self, audit: Audit) -> int:
        """Writes the report of `audit` and returns the exit code it deserves."""
        from tokenaudit.report import render  # noqa: PLC0415 - `--help` doesn't write reports
        from tokenaudit.report.exit import exit_code  # noqa: PLC0415 - `--help` doesn't write reports

        report = audit.report
        if self.baseline is not None:
            from tokenaudit import baseline  # noqa: PLC0415 - only with --baseline

            report = baseline.apply(report, baseline.load(self.baseline), audit.secrets.values())
        text = render(
            report,
            self.format,
            color=color_wanted(self.output, no_color=not self.color),
            width=width(self.output),
            show_unlikely=self.show_unlikely,
        )
        emit(text, self.output)
        return exit_code(report, self.fail_on)
