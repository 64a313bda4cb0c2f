"""The end that all auditing commands share: baseline, redaction, format, destination, exit code."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.cli import ARGUMENTS
from tokenaudit.cli.errors import say
from tokenaudit.cli.output import color_wanted, emit, width
from tokenaudit.detect.plugins import run, shipped_plugins
from tokenaudit.errors import UsageError
from tokenaudit.git.command import without_password
from tokenaudit.report import render
from tokenaudit.report.presentation import exit_code, sentence

if TYPE_CHECKING:
    from tokenaudit.audit.auditor import Audit
    from tokenaudit.baseline import Baseline
    from tokenaudit.model import Report

_FINDINGS_ONLY = frozenset({"sarif", "gitlab", "csv", "junit"})
_FOLDING = frozenset({"text", "markdown", "html"})
_WITH_RULES = frozenset({"sarif", "html"})


@dataclass(frozen=True)
class Finish:
    """How a command ends: writes the report and returns the exit code."""

    format: str
    output: Path | None
    fail_on: str
    baseline: Path | None = None
    show_unlikely: bool = False
    show_dead: bool = False
    color: bool = True
    update_baseline: bool = False
    plugins: tuple[Path, ...] = ()
    _known: Baseline | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.update_baseline and self.baseline is None:
            message = "--update-baseline needs --baseline FILE"
            raise UsageError(message)
        if self.show_unlikely and self.format in _FINDINGS_ONLY:
            message = f"--show-unlikely is not supported by {self.format}; use text, json, markdown or html"
            raise UsageError(message)
        if self.show_dead and self.format not in _FOLDING:
            message = f"--show-dead has no effect with {self.format}, which lists dead credentials always; leave it out"
            raise UsageError(message)
        if self.baseline is not None and not (self.update_baseline and not self.baseline.exists()):
            from tokenaudit import baseline  # noqa: PLC0415 - only with --baseline

            # Read before the audit, which would be lost if it can't be read after it.
            object.__setattr__(self, "_known", baseline.load(self.baseline))

    def __call__(self, audit: Audit) -> int:
        """Writes the report of `audit` and returns the exit code it deserves."""
        report = audit.report if self.baseline is None else self._new(audit, self.baseline)
        command = shlex.join(["tokenaudit", *map(without_password, ARGUMENTS.get())])
        return self.publish(replace(report, command=command))

    def publish(self, report: Report) -> int:
        """Writes `report` as it is; inside GitHub Actions the github format fills the job's summary page too."""
        rules = None
        if self.format in _WITH_RULES:
            from tokenaudit.rule_index import all_rules  # noqa: PLC0415 - only for formats that carry the reference

            rules = all_rules()
        rotation = None
        if self.format == "html":
            from tokenaudit.report.revocation import states  # noqa: PLC0415 - only the page shows it

            rotation = states(report)
        text = render(
            report,
            self.format,
            color=color_wanted(self.output, no_color=not self.color),
            width=width(self.output),
            show_unlikely=self.show_unlikely,
            show_dead=self.show_dead,
            rules=rules,
            rotation=rotation,
        )
        try:
            emit(text, self.output)
        except UsageError:
            if self.output is not None:
                emit(text)  # the disk is full, say: what took hours is not lost
            raise
        if self.output is not None and sys.stderr.isatty():
            say(f"{sentence(report)} Report: {self.output}")
        if self.format == "github":
            from tokenaudit.report.github import write_summary  # noqa: PLC0415 - only this format has one

            write_summary(report, os.environ, show_unlikely=self.show_unlikely)
        return exit_code(report, self.fail_on)

    def _new(self, audit: Audit, path: Path) -> Report:
        from tokenaudit import baseline  # noqa: PLC0415 - only with --baseline

        secrets = audit.secrets.values()
        known = self._known
        if self.update_baseline:
            further = tuple(plugin for file in self.plugins for plugin, _ in run(file))
            plugins = (*shipped_plugins(), *further)
            before, known = known, baseline.updated(known, audit.report, secrets, plugins, path.parent)
            if known != before:
                baseline.save(known, path)
        return baseline.apply(audit.report, known or baseline.Baseline(), secrets, path.parent)
