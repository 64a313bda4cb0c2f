"""Options from the environment: `TOKENAUDIT_FAIL_ON` is `--fail-on`, for every command and option alike.

`TOKENAUDIT_SCAN_FAIL_ON` is the same for one command, and goes before the general one. An option on the command line
goes before both.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from tokenaudit.errors import UsageError

PREFIX = "TOKENAUDIT_"
NEVER = frozenset({"--yes", "--help", "--version"})
"""Options that are given on the command line or not at all: what can't be undone is not confirmed once for all."""

SET: ContextVar[frozenset[str]] = ContextVar("SET", default=frozenset())
"""The options of the current command that variables set, such as `--endpoint`."""

_ON, _OFF = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


def variable_names(option: Any, command: str) -> tuple[str, ...]:  # noqa: ANN401 - click's own types moved between versions
    """The variables of an option of `command` (such as `inventory list`), the first one that is set counts."""
    long = next((name for name in option.opts if name.startswith("--")), None)
    if long is None or long in NEVER or "completion" in long:
        return ()
    name = _upper(long)
    return (f"{PREFIX}{_upper(command)}_{name}", f"{PREFIX}{name}")


def _upper(text: str) -> str:
    return text.strip("-").replace("-", "_").replace(" ", "_").upper()


def from_variables(
    options: Iterable[Any], command: str, given: Iterable[str], environment: Mapping[str, str] | None = None
) -> dict[str, tuple[str, list[str]]]:
    """Options that variables set, by parameter name: the variable, and the arguments that mean the same.

    Args:
        options: the options of the command.
        command: its name, without the program's.
        given: the names of parameters that are on the command line.
        environment: the variables; by default those of the process.

    Raises:
        UsageError: a variable has a value that can't be read.
    """
    known = os.environ if environment is None else environment
    present = set(given)
    found = {}
    for option in options:
        if option.name not in present:
            names = variable_names(option, command)
            # Its variable is read where the inventory is opened: `incident` treats that as a place that can be missing.
            names = names[:1] if "--inventory" in option.opts else names
            variable = next((name for name in names if known.get(name)), None)
            if variable is not None:
                found[option.name] = variable, _arguments(option, variable, known[variable])
    return found


def _arguments(option: Any, variable: str, value: str) -> list[str]:  # noqa: ANN401 - as above
    long = next(name for name in option.opts if name.startswith("--"))
    if option.is_flag:
        if value.lower() not in _ON | _OFF:
            message = f"{variable} is not a switch; set it to 1 or 0"
            raise UsageError(message)
        return [long] if value.lower() in _ON else []
    if not option.multiple:
        return [f"{long}={value}"]
    try:
        values = shlex.split(value, posix=os.name != "nt")
    except ValueError:
        message = f"{variable} has an open quote; separate several values by blanks, and quote those with blanks"
        raise UsageError(message) from None
    return [f"{long}={one}" for one in values]
