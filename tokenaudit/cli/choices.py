"""What options can be set to, and which of them exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from tokenaudit.cli.variables import SET
from tokenaudit.errors import UsageError
from tokenaudit.model import Severity


class FailOn(str, Enum):
    """The lowest severity that makes a command exit 1."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"

    @property
    def severity(self) -> Severity | None:
        """The severity; None for `never`."""
        return None if self is FailOn.NEVER else Severity(self.value)


class ReachChoice(str, Enum):
    """How much of what a token can access is measured."""

    NONE = "none"
    SUMMARY = "summary"
    FULL = "full"


def refuse(option: str, others: Mapping[str, object]) -> None:
    """Stops where `option` was given together with one of `others`, by name, that contradicts it.

    Raises:
        UsageError: one of them was given.
    """
    for other, given in others.items():
        if given:
            message = f"{option} and {other} can't be combined; use one of them"
            raise UsageError(message)


def require(option: str, given: object, others: Mapping[str, object], why: str) -> None:
    """Stops where one of `others` was given without `option`: it would have no effect.

    One that a variable sets is for whichever run it has an effect on.

    Raises:
        UsageError: one of them was given alone.
    """
    for other, wanted in others.items():
        if wanted and not given and other not in SET.get():
            message = f"{other} needs {option}: {why}"
            raise UsageError(message)


def require_inspect(reach: ReachChoice, endpoint: str | None, *, given: bool) -> None:
    """Stops where `--reach` or `--endpoint` was given without `--inspect`.

    Raises:
        UsageError: see `require`.
    """
    others = {"--reach": reach is not ReachChoice.NONE, "--endpoint": endpoint is not None}
    require("--inspect", given, others, "without it nothing is sent to the Hub")
