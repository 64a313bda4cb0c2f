"""What options can be set to, and which of them exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from tokenaudit.errors import UsageError


class FailOn(str, Enum):
    """The lowest severity that makes a command exit 1."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"


class ReachChoice(str, Enum):
    """How much of what a token can access is measured."""

    NONE = "none"
    SUMMARY = "summary"
    FULL = "full"


class ListFormat(str, Enum):
    """The formats a plain list can be written in."""

    TEXT = "text"
    JSON = "json"


class ReportFormat(str, Enum):
    """The formats a report can be written in."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITLAB = "gitlab"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    JUNIT = "junit"


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

    Raises:
        UsageError: one of them was given alone.
    """
    for other, wanted in others.items():
        if wanted and not given:
            message = f"{other} needs {option}: {why}"
            raise UsageError(message)
