"""The option `--format NAME[=FILE]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from tokenaudit.cli.destinations import OutputDestination
from tokenaudit.cli.output import or_stdout


class FormatParser:
    """Reads the value of `--format`: one of `choices`, with a file or without."""

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = tuple(choices)
        self.__name__ = "FORMAT"  # older versions of typer show it

    def __call__(self, given: object) -> OutputDestination:
        """The destination that `given` names.

        Raises:
            BadParameter: it is not one of the formats.
            UsageError: the file can't be written.
        """
        if isinstance(given, OutputDestination):
            return given
        name, equals, file = str(given).partition("=")
        if name not in self.choices:
            message = f"{name!r} is not one of {', '.join(map(repr, self.choices))}."
            raise typer.BadParameter(message)
        if equals and not file:
            message = f"{name}= names no file."
            raise typer.BadParameter(message)
        return OutputDestination(name, or_stdout(Path(file)) if file else None)

    def completions(self, incomplete: str) -> list[str]:
        """The formats that begin with what was typed."""
        return [choice for choice in self.choices if choice.startswith(incomplete)]


def format_option(choices: Sequence[str], default: str = "text", panel: str | None = None) -> Any:  # noqa: ANN401 - typer's own
    """The option `--format` of a command that writes these formats."""
    parser = FormatParser(choices)
    return typer.Option(
        "--format",
        "-f",
        metavar="NAME[=FILE]",
        parser=parser,
        autocompletion=parser.completions,
        help=f"Format, and the file to write it to. Repeatable, to write several. Default: {default}.",
        rich_help_panel=panel,
    )
