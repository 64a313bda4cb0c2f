"""How arguments and options are called in `--help` and in the documentation."""

from __future__ import annotations

from enum import Enum
from typing import Any


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
    """What stands for the value of an option: as declared, else the name of the option."""
    return str(option.metavar or option.name.strip("_").rpartition("_")[2].upper())


def choices(parameter: Any) -> list[str]:  # noqa: ANN401 - as above
    """The values that a parameter can take, where they are a fixed set."""
    # typer's own parameters name their Python type; older versions have a type of click's instead.
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    of_click = getattr(getattr(parameter, "type", None), "choices", ())
    listed = list(kind) if isinstance(kind, type) and issubclass(kind, Enum) else of_click
    return [str(getattr(choice, "value", choice)) for choice in listed]


def default(parameter: Any) -> str | None:  # noqa: ANN401 - as above
    """The default, where it is a value that could have been given."""
    value = getattr(parameter.default, "value", parameter.default)
    known = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
    return str(value) if known else None
