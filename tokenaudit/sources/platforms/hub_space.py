"""Settings of a Space: variables with their values, and the names and ages of its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tokenaudit.ci.model import Names, is_placeholder
from tokenaudit.ci.rules import space_static, space_variable
from tokenaudit.hub import spaces
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure
from tokenaudit.hub.spaces import LOG_TYPES, LogLimits, LogLine, LogType, space_log
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location, Problem, Rule, SecretName, Severity, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import UNDATED, Found, examined, first_likely

_EVERYONE = {
    "static": "a static Space exposes its variables to every visitor",
    "docker": "variables are public, and a Docker Space passes them to the image build",
}


class SpaceSource:
    """The settings of one Space."""

    kind = "space"

    def __init__(self, hub: Hub, secret: Secret | None, repository: HubRepository, names: Names | None = None) -> None:
        self.target = repository.target
        self._hub, self._secret, self._space = hub, secret, repository
        self._names = names or Names()

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in variables, problems of the Space, and the name of every secret and variable."""
        yield from self._variables(run)
        yield from self._secrets(run)

    def _variables(self, run: ScanContext) -> Iterator[Found]:
        answer = spaces.variables(self._hub, self._space.id, self._secret)
        if isinstance(answer, Failure):
            yield Skipped(f"{self.target}: variables", needs(answer, f"repo.write on {self.target}"))
            return
        run.read(1, 0)
        for variable in answer:
            value = variable.value.reveal()
            if variable.undated:
                yield Skipped(f"{self.target}: the variable {variable.name}", UNDATED)
            place = Location("space-variable", self.target, variable.name, date=variable.updated_at)
            found = list(examined(run, value, place))
            yield from found
            described = replace(place, member="description")
            yield from examined(run, variable.description or "", described)
            run.read(1, len(value))
            held = first_likely([seen for seen in found if isinstance(seen, LocatedDetection)])
            if held is not None:
                yield self._problem(space_variable.RULE, variable.name, self._in_variable(variable.name))
            elif self._names.match(variable.name) and not is_placeholder(value):
                message = f"{variable.name} has the name of a credential; {self._everyone()}"
                yield self._problem(space_variable.RULE, variable.name, message, Severity.MEDIUM)
            if self._space.sdk == "static" and held is not None:
                yield self._problem(space_static.RULE, variable.name, self._in_variable(variable.name))
            fingerprint = held.secret.fingerprint if held is not None else None
            yield SecretName(
                self.target,
                variable.name,
                "space-variable",
                variable.updated_at,
                self._plain(variable.description),
                fingerprint,
            )

    def _secrets(self, run: ScanContext) -> Iterator[Found]:
        where = f"{self.target}: secret names"
        if self._secret is None:
            yield Skipped(where, f"needs a token with repo.write on {self.target}")
            return
        answer = spaces.secret_names(self._hub, self._space.id, self._secret)
        if isinstance(answer, Failure):
            yield Skipped(where, needs(answer, f"repo.write on {self.target}"))
            return
        run.read(1 + len(answer), 0)
        for with_items in answer:
            if with_items.undated:
                yield Skipped(f"{self.target}: the secret {with_items.name}", UNDATED)
            described = Location("space-description", self.target, with_items.name)
            yield from examined(run, with_items.description or "", described)
            if self._space.sdk == "static":
                severity = Severity.CRITICAL if self._names.match(with_items.name) else Severity.HIGH
                message = f"secret {with_items.name} of a static Space is sent to every visitor's browser"
                yield self._problem(space_static.RULE, with_items.name, message, severity)
            yield SecretName(
                self.target,
                with_items.name,
                "space-secret",
                with_items.updated_at,
                self._plain(with_items.description),
                None,
            )

    def _in_variable(self, name: str) -> str:
        return f"variable {name} contains a credential; {self._everyone()}"

    def _everyone(self) -> str:
        return _EVERYONE.get(self._space.sdk or "", "variables of a Space are public")

    def _plain(self, description: str | None) -> str | None:
        return description or None

    def _problem(self, rule: Rule, name: str, message: str, severity: Severity | None = None) -> Problem:
        return Problem(
            rule=rule.id,
            severity=severity or rule.severity,
            target=self.target,
            path=None,
            line=None,
            column=None,
            where="settings",
            credential_name=name,
            message=message,
            remedy=rule.remedy,
        )


_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~])")
"""Escape sequences of terminals. One that ends in a letter would look like a part of the following word."""


class SpaceLogsSource:
    """The logs of one Space, as far as the Hub still returns them.

    Lines are counted from the first one that the Hub returns, so line numbers change when older lines are dropped.
    """

    kind = "space"

    def __init__(
        self, hub: Hub, secret: Secret | None, repository: HubRepository, limits: LogLimits | None = None
    ) -> None:
        self.target = repository.target
        self._hub, self._secret, self._space, self._limits = hub, secret, repository, limits

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in both logs, and what could not be read."""
        for log_type in LOG_TYPES:
            yield from self._log(log_type, run)

    def _log(self, log_type: LogType, run: ScanContext) -> Iterator[Found]:
        where = f"{self.target}: {log_type} log"
        if self._secret is None:
            yield Skipped(where, f"needs a token with repo.write on {self.target}")
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
