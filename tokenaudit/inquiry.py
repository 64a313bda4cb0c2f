"""`tokenaudit inspect` as a chain: what is handed over, asked about, measured and judged, into a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tokenaudit.audit.aggregate import Gathered
from tokenaudit.audit.assessment import report
from tokenaudit.audit.auditor import TOOL, Audit, utc_now
from tokenaudit.audit.inspection import Questions
from tokenaudit.errors import UsageError
from tokenaudit.inspect.input import Given, Handed
from tokenaudit.policy import Settings
from tokenaudit.redaction import redacted
from tokenaudit.sources.interface import Progress, Silence


@dataclass(frozen=True)
class Inquirer:
    """Everything an inspection needs besides the credentials.

    Args:
        questions: who is asked, and how much.
        settings: the policy.
        progress: told how far the inspection is.
        now: the clock.
    """

    questions: Questions
    settings: Settings = field(default_factory=Settings)
    progress: Progress = field(default_factory=Silence)
    now: Callable[[], datetime] = utc_now

    def inquire(self, handed: Iterable[Handed]) -> Audit:
        """Who each credential of `handed` is, what it may do, and whether that is too much.

        Raises:
            UsageError: nothing at all was handed over.
            ConfigurationError: the cache can't be used.
        """
        started_at = self.now()
        gathered = _gathered(handed)
        if not gathered.credentials and not gathered.skipped:
            message = "no credential was given; pipe them in, one a line, or name --env, --keyring or --stored"
            raise UsageError(message)
        inspections = self.questions.answers(gathered, self.now, self.progress)
        finished = report(gathered, inspections, self.settings, started_at=started_at, now=self.now, tool=TOOL)
        return Audit(redacted(finished, gathered.secrets.values()), gathered.secrets)


def _gathered(handed: Iterable[Handed]) -> Gathered:
    """Unique credentials in the order they were given, and what could not be handed over."""
    gathered = Gathered()
    for each in handed:
        if isinstance(each, Given):
            gathered.learn(each.detection)
        else:
            gathered.skipped.append(each)
    return gathered
