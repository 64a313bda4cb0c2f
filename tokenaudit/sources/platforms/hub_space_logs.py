"""What a Space printed: the logs of its last build and of its running, where a token may have been echoed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure
from tokenaudit.hub.spaces import LOG_TYPES, LogLimits, LogLine, LogType, space_log
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined

_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~])")
"""Escape sequences of terminals. One that ends in a letter would seem to be part of the word behind it."""


class SpaceLogsSource:
    """The logs of one Space, as far as the Hub still has them.

    A log's lines are counted from the first one that the Hub still shows, so a spot moves when older lines fall away.
    """

    kind = "space"

    def __init__(
        self, hub: Hub, secret: Secret | None, repository: HubRepository, limits: LogLimits | None = None
    ) -> None:
        self.target = repository.target
        self._hub, self._secret, self._space, self._limits = hub, secret, repository, limits

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Sightings in both logs, and what of them could not be read."""
        for log_type in LOG_TYPES:
            yield from self._log(log_type, run)

    def _log(self, log_type: LogType, run: ScanContext) -> Iterator[Found]:
        where = f"{self.target}: {log_type} log"
        if self._secret is None:
            yield Skipped(where, f"it is not asked for without a token; it needs repo.write on {self.target}")
            return
        log = space_log(self._hub, self._space.id, log_type, self._secret, self._limits)
        if isinstance(log, Failure):
            yield Skipped(where, needs(log, f"repo.write on {self.target}"))
            return
        if log.cut is not None:
            yield Skipped(where, log.cut)
        content = "".join(f"{_COLOURS.sub('', line.text)}\n" for line in log.lines)
        run.read(1, len(content))
        for found in examined(run, content, Location("space-log", self.target, log_type)):
            yield _dated(found, log.lines) if isinstance(found, LocatedDetection) else found


def _dated(seen: LocatedDetection, lines: tuple[LogLine, ...]) -> LocatedDetection:
    line = seen.location.line
    when = lines[line - 1].moment if line is not None and line <= len(lines) else None
    return LocatedDetection(seen.detection, replace(seen.location, date=when))
