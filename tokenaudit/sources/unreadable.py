"""A place that could not even be opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tokenaudit.model import Skipped
from tokenaudit.sources.interface import Finding, Run


@dataclass(frozen=True)
class UnreadableSource:
    """Stands in for a place that can't be read, so that the report says so and the other places go on."""

    target: str
    kind: str
    reason: str

    def findings(self, run: Run) -> Iterator[Finding]:
        """The one thing there is to say."""
        run.progress.note(f"{self.target} {self.reason}")
        yield Skipped(self.target, self.reason)
