"""The options `-v` and `--log-level`, which every command has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tokenaudit.cli.logs import LogLevel, set_level

_PANEL = "Execution"


def _verbose(wanted: bool) -> None:
    if wanted:
        set_level(LogLevel.INFO)


def _level(wanted: LogLevel | None) -> None:
    if wanted is not None:
        set_level(wanted)


def _common(
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            callback=_verbose,
            expose_value=False,
            is_eager=True,
            help="Log what is read and asked to stderr.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    log_level: Annotated[
        LogLevel | None,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            callback=_level,
            expose_value=False,
            is_eager=True,
            help="Log from this level on.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """The options that every command has besides its own."""


def common_options() -> list[Any]:
    """The options of `-v` and `--log-level`, to add to a command."""
    app = typer.Typer(add_completion=False)
    app.command()(_common)
    return [option for option in typer.main.get_command(app).params if option.name in {"verbose", "log_level"}]
