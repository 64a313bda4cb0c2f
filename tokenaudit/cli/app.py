"""Which commands there are."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from tokenaudit._version import __version__
from tokenaudit.cli.help import PlainCommand, PlainGroup

COMMANDS: tuple[str, ...] = (
    "scan",
    "sweep",
    "inspect",
    "doctor",
    "fingerprint",
    "plugins",
    "detect-secrets",
    "report",
    "rules",
    "plan",
    "revoke",
    "rotate",
    "incident",
    "inventory",
    "auth",
)
"""In the order of the help. Each is a function of that name, or a group called `app`, in the module of that name."""

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""For a command whose options are those of another program."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tokenaudit {__version__}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def build(first_argument: str | None = None) -> typer.Typer:
    """The command line: all of it, or just the command that `first_argument` names.

    Making every command ready takes longer than running a small one, so only what was asked for is. The overview of all
    commands is set in plain text for the same reason; the help of one command has its panels.
    """
    wanted = [first_argument] if first_argument in COMMANDS else list(COMMANDS)
    app = typer.Typer(
        name="tokenaudit",
        help="Find exposed Hugging Face tokens, show what they can access, and rotate them.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        cls=PlainGroup,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    for name in wanted:
        python_name = name.replace("-", "_")
        module = importlib.import_module(f"tokenaudit.cli.{python_name}")
        if hasattr(module, "app"):
            for declared in module.app.registered_commands:
                declared.cls = PlainCommand
            app.add_typer(module.app, name=name, short_help=module.app.info.help, cls=PlainGroup)
        else:
            command = getattr(module, python_name)
            settings = _PASSED_ON if getattr(module, "PASSES_ON", False) else None
            brief = (command.__doc__ or "").partition("\n")[0]
            app.command(cls=PlainCommand, short_help=brief, context_settings=settings)(command)
    return app
