"""Parameters of commands: how they are called in `--help` and the docs, and how values are converted without pydantic.

typer (0.16 and newer) lets pydantic convert every value, even a default, and pydantic takes longer to load than a small
scan takes to run. A value that needs no more than `str`, `Path`, `int` or a choice is converted here; every other one,
and every wrong one, is left to typer, so that its messages and results are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin

_MOST_DIGITS = 18
_UNCOMMON = ("exists", "resolve_path", "allow_dash", "writable", "path_type", "clamp")
"""Settings of a parameter that ask for more than a conversion."""


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


class _LeftToTyper(Exception):  # noqa: N818 - no error: typer converts the value
    pass


class _Conversion:
    """Replaces typer's conversion of one parameter, which is built for a value that needs it."""

    def __init__(self, parameter: Any, of_typer: Callable[[], Any]) -> None:  # noqa: ANN401 - typer's own
        self._parameter = parameter
        self._of_typer = of_typer

    def coerce(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as typer's
        """See `RuntimeParam.coerce` of typer."""
        parameter = self._parameter
        several = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        if value is None:
            return () if several else None
        descriptor = parameter.type_descriptor
        try:
            return _converted(descriptor.annotation, descriptor.parameter_info, value)
        except _LeftToTyper:
            return self._of_typer().coerce(value, *args, **kwargs)


def convert_without_pydantic(parameters: Iterable[Any]) -> None:
    """Lets these parameters of a command convert ordinary values themselves, where typer would use pydantic."""
    for parameter in parameters:
        of_typer = getattr(parameter, "get_runtime_param", None)
        if callable(of_typer) and not isinstance(of_typer, partial) and hasattr(parameter, "type_descriptor"):
            parameter.get_runtime_param = partial(_Conversion, parameter, of_typer)


def _converted(annotation: Any, info: Any, value: Any) -> Any:  # noqa: ANN401 - as typer's
    if get_origin(annotation) is list:
        if not isinstance(value, (list, tuple)):
            raise _LeftToTyper
        return [_converted(get_args(annotation)[0], info, item) for item in value]
    if info.parser is not None:
        try:
            return info.parser(value)
        except (ValueError, AssertionError):  # those that pydantic makes a message of
            raise _LeftToTyper from None
    if any(getattr(info, name, False) for name in _UNCOMMON) or not isinstance(annotation, type):
        raise _LeftToTyper
    return _of_type(annotation, info, value)


def _of_type(annotation: type, info: Any, value: Any) -> Any:  # noqa: ANN401 - as typer's
    if issubclass(annotation, Enum):
        if isinstance(value, annotation):
            return value
        found = [choice for choice in annotation if choice.value == value and type(value) is str]
        if len(found) == 1:
            return found[0]
    elif type(value) is str and annotation is str:
        return value
    elif type(value) is str and annotation is Path:
        if _is_ordinary_path(value, info):
            return Path(value)
    elif annotation is int and (type(value) is int or _is_number(value)):
        number = int(value)
        if (info.min is None or number >= info.min) and (info.max is None or number <= info.max):
            return number
    raise _LeftToTyper


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS


def _is_ordinary_path(value: str, info: Any) -> bool:  # noqa: ANN401 - typer's own
    """Whether typer would take it: what exists has to be readable, and of a permitted type."""
    if "\0" in value or not (info.file_okay and info.dir_okay):
        return False
    exists = os.path.exists(value)  # noqa: PTH110 - false for a name that is too long, where `Path.exists` raises
    return not exists or not info.readable or os.access(value, os.R_OK)
