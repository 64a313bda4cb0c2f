"""What options can be set to, which of them exclude each other, and how they are called in `--help` and the docs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

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


def argument_name(argument: Any) -> str:  # noqa: ANN401 - click's own types moved between versions
    """Such as `FINGERPRINT...` or `[TARGET]...`: brackets where it may be left out, dots where it may be repeated."""
    name = (argument.metavar or argument.name.upper()).strip("[].")
    dots = "..." if argument.nargs != 1 else ""
    return f"{name}{dots}" if argument.required else f"[{name}]{dots}"


def option_name(option: Any) -> str:  # noqa: ANN401 - as above
    """Such as `-f, --format FORMAT`, with room for a short form where there is none."""
    short = [name for name in option.opts if not name.startswith("--")]
    long = [name for name in option.opts if name.startswith("--")]
    names = f"{', '.join([*short, *long])}" if short else f"    {', '.join(long)}"
    return names if option.is_flag else f"{names} {metavar(option)}"


def metavar(option: Any) -> str:  # noqa: ANN401 - as above
    """The metavar of an option: as declared, else the name of the option."""
    return str(option.metavar or option.name.strip("_").rpartition("_")[2].upper())


def choices(parameter: Any) -> list[str]:  # noqa: ANN401 - as above
    """The values that a parameter can take, where they are a fixed set."""
    # typer's own parameters name their Python type; older versions have a type of click's instead.
    descriptor, of_click = getattr(parameter, "type_descriptor", None), getattr(parameter, "type", None)
    parser = getattr(getattr(descriptor, "parameter_info", None), "parser", None) or getattr(of_click, "func", None)
    kind = getattr(descriptor, "annotation", None)
    listed = list(kind) if isinstance(kind, type) and issubclass(kind, Enum) else getattr(of_click, "choices", ())
    listed = getattr(parser, "choices", listed)
    return [str(getattr(choice, "value", choice)) for choice in listed]


def default(parameter: Any) -> str | None:  # noqa: ANN401 - as above
    """The default, if it is a value that can be given."""
    value = getattr(parameter.default, "value", parameter.default)
    known = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
    return str(value) if known else None
