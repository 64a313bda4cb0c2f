"""`--help` in one plain style: usage, what the command does, its arguments and options in groups, examples.

Set without rich, which takes longer to load than most commands take to run. Words are never broken, so that an option,
a choice or a command can always be copied.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tokenaudit.cli.log_options import common_options
from tokenaudit.cli.parameters import argument_name, choices, convert_without_pydantic, default, option_name
from tokenaudit.cli.variables import SET, from_variables
from tokenaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDEST = 100
_COLUMN = 28
"""Where descriptions begin."""
_OPTIONS = "Options"


class PlainCommand(TyperCommand):
    """A command whose help is set in this style, whose options take no empty values and can be set by variables."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as `TyperCommand`
        super().__init__(*args, **kwargs)
        if not (self.context_settings or {}).get("ignore_unknown_options"):
            self.params += common_options()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own types moved between versions
        """See `TyperCommand`. An empty value comes from a variable that is unset, and would be as no option at all."""
        refuse_empty_values(self.params, args)
        convert_without_pydantic(self.get_params(ctx))
        options = [one for one in self.get_params(ctx) if one.param_type_name == "option"]
        found = from_variables(options, ctx.command_path.partition(" ")[2], self._given(ctx, args))
        SET.set(frozenset(name for one in options if one.name in found for name in one.opts))
        added = [argument for _, arguments in found.values() for argument in arguments]
        try:
            parsed: list[str] = super().parse_args(ctx, [*added, *args])
        except typer.BadParameter as error:
            variable, _ = found.get(getattr(error.param, "name", None) or "", (None, None))
            error.message = f"{error.message.rstrip('.')} (from {variable})" if variable else error.message
            raise
        return parsed

    def _given(self, ctx: Any, args: list[str]) -> set[str]:  # noqa: ANN401 - as above
        try:
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        except Exception:  # noqa: BLE001 - the command's own parsing reports what is wrong
            return set()
        return set(given)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's own types moved between versions
        """See `TyperCommand`."""
        formatter.write(command_help(self, ctx))


class PlainGroup(TyperGroup):
    """A group of commands whose help is set in this style."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """See `TyperGroup`."""
        convert_without_pydantic(self.get_params(ctx))
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """See `TyperGroup`."""
        formatter.write(command_help(self, ctx))


def refuse_empty_values(parameters: Iterable[Any], arguments: Sequence[str]) -> None:
    """Stops where an option of a command is given an empty value.

    Raises:
        UsageError: one is.
    """
    options = [one for one in parameters if one.param_type_name == "option" and not one.is_flag]
    names = {name for option in options for name in option.opts}
    following = [name for name, value in pairwise(arguments) if name in names and not value]
    joined = [argument[:-1] for argument in arguments if argument.endswith("=") and argument[:-1] in names]
    for name in [*following, *joined]:
        message = f"{name} has an empty value: is a variable unset? Give a value or leave the option out"
        raise UsageError(message)


def command_help(command: Any, context: Any) -> str:  # noqa: ANN401 - as above
    """The whole help of a command or group, ending in a line feed."""
    width = min(_WIDEST, max(40, shutil.get_terminal_size().columns))
    about, examples = parts(command.help or "")
    blocks = [_usage(command, context, width), *_paragraphs(about, width)]
    subcommands = getattr(command, "commands", None)
    if subcommands:
        rows = [(name, sub.get_short_help_str(1_000)) for name, sub in subcommands.items() if not sub.hidden]
        blocks += _table("Commands", rows, width)
    arguments = [one for one in command.params if one.param_type_name == "argument" and not one.hidden]
    blocks += _table("Arguments", [(argument_name(one), _about(one)) for one in arguments], width)
    for title, options in _groups(command.get_params(context)).items():
        blocks += _table(title, [(option_name(one), _about(one)) for one in options], width)
    if arguments_of_its_own(command):
        blocks.append(_filled(_VARIABLES, width))
    if examples:
        blocks.append("Examples:\n" + "\n".join(f"  {line}" for line in examples))
    return "\n\n".join(blocks) + "\n"


_VARIABLES = "Every option can also be set by a variable, such as TOKENAUDIT_FAIL_ON for --fail-on."


def arguments_of_its_own(command: Any) -> bool:  # noqa: ANN401 - as above
    """Whether it is a command with options, not a group of commands."""
    return isinstance(command, PlainCommand) and bool(command.params)


def parts(help_text: str) -> tuple[str, list[str]]:
    """What a docstring says, and the command lines under its `Examples:`."""
    about, _, rest = help_text.partition("Examples:\n")
    return about, [line.strip() for line in rest.splitlines() if line.strip()]


def _usage(command: Any, context: Any, width: int) -> str:  # noqa: ANN401 - as above
    pieces = ["[OPTIONS]"]
    pieces += [argument_name(one) for one in command.params if one.param_type_name == "argument"]
    if getattr(command, "commands", None) is not None:
        pieces.append("COMMAND [ARGS]...")
    return _filled(" ".join(["Usage:", context.command_path, *pieces]), width, later="  ")


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """Paragraphs filled to the width; an indented block, such as a list of exit codes, keeps its lines."""
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        if any(line.startswith(" ") for line in lines):
            yield "\n".join(
                _filled(line.strip(), width, "  ", "     ") if line.startswith(" ") else line for line in lines
            )
        elif block.strip():
            yield _filled(" ".join(lines), width)


def _groups(parameters: Iterable[Any]) -> dict[str, list[Any]]:
    """The options by their group. Those of no group come first, unless `--help` is the only one of them."""
    found: dict[str, list[Any]] = {}
    for one in parameters:
        if one.param_type_name == "option" and not one.hidden:
            panel = getattr(one, "rich_help_panel", None)
            found.setdefault(f"{panel} options" if panel else _OPTIONS, []).append(one)
    ungrouped = found.pop(_OPTIONS, [])
    return {**found, _OPTIONS: ungrouped} if len(ungrouped) <= 1 else {_OPTIONS: ungrouped, **found}


def _about(parameter: Any) -> str:  # noqa: ANN401 - as above
    notes = []
    values = choices(parameter)
    if values:
        notes.append(", ".join(values))
    if default(parameter) is not None:
        notes.append(f"default: {default(parameter)}")
    if getattr(parameter, "envvar", None):
        notes.append(f"env: {parameter.envvar}")
    description = getattr(parameter, "help", None) or ""
    return f"{description} [{'; '.join(notes)}]" if notes else description


def _table(title: str, rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    if not rows:
        return []
    lines = [f"{title}:"]
    for name, about in rows:
        head = f"  {name}"
        pad = " " * _COLUMN
        paragraph = _filled(about, width, pad, pad) if about else ""
        if len(head) + 2 <= _COLUMN:
            lines.append(head + paragraph[len(head) :] if paragraph else head)
        else:
            lines += [head, *([paragraph] if paragraph else [])]
    return ["\n".join(lines)]


def _filled(text: str, width: int, first: str = "", later: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
