"""The end that all auditing commands share: baseline, redaction, format, destination, exit code."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from tokenaudit.cli import ARGUMENTS
from tokenaudit.cli.destinations import OutputDestination, emit_each
from tokenaudit.cli.errors import say
from tokenaudit.cli.output import color_wanted, width
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
_LISTING_DEAD = frozenset({"json", "sarif", "gitlab", "github", "csv", "junit"})
_MARKING = frozenset({"json", "html"})
_WITH_RULES = frozenset({"sarif", "html"})


@dataclass(frozen=True)
class Finish:
    """How a command ends: writes the report and returns the exit code."""

    destinations: tuple[OutputDestination, ...]
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
        self._refuse("--show-unlikely", _FINDINGS_ONLY, given=self.show_unlikely, use="text, json, markdown or html")
        self._refuse("--show-dead", _LISTING_DEAD, given=self.show_dead, use="text, markdown or html")
        if self.baseline is not None and not (self.update_baseline and not self.baseline.exists()):
            # Read before the audit, which would be lost if it can't be read after it.
            object.__setattr__(self, "_known", _baselines().load(self.baseline))

    def __call__(self, audit: Audit, listed: Report | None = None) -> int:
        """Writes the report of `audit` and returns the exit code it deserves; `listed` as in `publish`."""
        report = audit.report if self.baseline is None else self._new(audit, self.baseline)
        command = shlex.join(["tokenaudit", *map(without_password, ARGUMENTS.get())])
        part = None if listed is None else replace(listed, command=command)
        return self.publish(replace(report, command=command), part)

    def publish(self, whole: Report, listed: Report | None = None) -> int:
        """Writes `whole` as it is; inside GitHub Actions the github format fills the job's summary page too.

        With `listed`, a part of `whole`, the exit code is that of the part, and only formats that mark what is new list
        the rest.
        """
        emit_each(self.destinations, lambda destination: self._text(destination, whole, listed), keep=True)
        report = listed or whole
        files = [str(one.file) for one in self.destinations if one.file is not None]
        if len(files) == len(self.destinations) and sys.stderr.isatty():
            say(f"{sentence(report)} Report: {', '.join(files)}")
        if any(one.format == "github" for one in self.destinations):
            from tokenaudit.report.github import write_summary  # noqa: PLC0415 - only this format has one

            write_summary(report, os.environ, show_unlikely=self.show_unlikely)
        return exit_code(report, self.fail_on)

    def _text(self, destination: OutputDestination, whole: Report, listed: Report | None) -> str:
        report = whole if listed is None or destination.format in _MARKING else listed
        rules = None
        if destination.format in _WITH_RULES:
            from tokenaudit.rule_index import all_rules  # noqa: PLC0415 - only for formats that carry the reference

            rules = all_rules()
        rotation = None
        if destination.format == "html":
            from tokenaudit.report.revocation import states  # noqa: PLC0415 - only the page shows it

            rotation = states(report)
        return render(
            report,
            destination.format,
            color=color_wanted(destination.file, no_color=not self.color),
            width=width(destination.file),
            show_unlikely=self.show_unlikely,
            show_dead=self.show_dead,
            rules=rules,
            rotation=rotation,
        )

    def _refuse(self, option: str, formats: frozenset[str], *, given: bool, use: str) -> None:
        """Stops where an option has no effect on any of the formats."""
        if given and all(one.format in formats for one in self.destinations):
            names = ", ".join(one.format for one in self.destinations)
            message = f"{option} is not supported by {names}; use {use}"
            raise UsageError(message)

    def _new(self, audit: Audit, path: Path) -> Report:
        baseline = _baselines()
        secrets = audit.secrets.values()
        known = self._known
        if self.update_baseline:
            further = tuple(plugin for file in self.plugins for plugin, _ in run(file))
            plugins = (*shipped_plugins(), *further)
            before, known = known, baseline.updated(known, audit.report, secrets, plugins, path.parent)
            if known != before:
                baseline.save(known, path)
        report: Report = baseline.apply(audit.report, known or baseline.Baseline(), secrets, path.parent)
        return report


def _baselines() -> ModuleType:
    from tokenaudit import baseline  # noqa: PLC0415 - only with --baseline

    return baseline
