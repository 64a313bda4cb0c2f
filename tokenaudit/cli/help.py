"""`--help` in one plain style: usage, what the command does, its arguments and options in groups, examples.

Set without rich, which takes longer to load than most commands take to run. Words are never broken, so that an option,
a choice or a command can always be copied.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tokenaudit.cli.parameters import argument_name, choices, default, option_name

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDEST = 100
_COLUMN = 28
"""Where descriptions begin."""
_OPTIONS = "Options"


def command_help(command: Any, context: Any) -> str:  # noqa: ANN401 - click's own types moved between versions
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
    return not hasattr(command, "commands") and bool(command.params)


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
