"""Which commands there are."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from tokenaudit._version import __version__
from tokenaudit.cli.plain_command import PlainCommand, PlainGroup

COMMANDS: dict[str, str] = {
    "scan": "Find Hugging Face credentials and their misuse in CI, in folders and git repositories.",
    "sweep": "Scan a namespace and record the results.",
    "inspect": "Show each token's owner, role and permissions.",
    "doctor": "Audit this machine: which Hugging Face credentials it stores, and who else can read them.",
    "fingerprint": "Print the fingerprints of credentials read from stdin, one per line, in the same order.",
    "plugins": "List the loaded detectors with their file paths.",
    "detect-secrets": "Run detect-secrets with these detectors.",
    "report": "Convert a JSON report to another format. Offline.",
    "rules": "List every rule with its severity, or show one with its reason, remedy and examples.",
    "plan": "Write the rotation runbook of a report: replacements, consumers, steps in order. Offline.",
    "revoke": "Revoke leaked credentials at the Hub. This can't be undone.",
    "rotate": "Rotate one token step by step; resumable.",
    "service-accounts": "List an organization's service accounts; create, narrow and rotate their tokens.",
    "incident": "Assess exposure to an incident.",
    "changes": "Show what changed in Hub repositories, and which changes run code or mislead.",
    "usage": "Show who used an organization's tokens, when and from where.",
    "inventory": "Query, check and export the results of earlier sweeps.",
    "auth": "Store your own tokens for the Hub, GitHub and GitLab in the OS keyring.",
}
"""Commands in the order of the help, with their short help: the overview loads none of them."""


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


def build(first_argument: str | None = None, *, complete: bool = False) -> typer.Typer:
    """The command line: the command that `first_argument` names, or the overview of all; all of it with `complete`.

    Loading a command's module loads everything that it runs, so only the named one is loaded. In the overview each
    command is declared by its short help alone.
    """
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
    if complete:
        for name in COMMANDS:
            _add(app, name)
    elif first_argument in COMMANDS:
        _add(app, first_argument)
    else:
        for name, brief in COMMANDS.items():
            app.command(name, cls=PlainCommand, help=brief, short_help=brief)(_nothing)
    return app


def _add(app: typer.Typer, name: str) -> None:
    python_name = name.replace("-", "_")
    module = importlib.import_module(f"tokenaudit.cli.{python_name}")
    if hasattr(module, "app"):
        for declared in module.app.registered_commands:
            declared.cls = PlainCommand
        app.add_typer(module.app, name=name, short_help=COMMANDS[name], cls=PlainGroup)
        return
    settings = _PASSED_ON if getattr(module, "PASSES_ON", False) else None
    command = getattr(module, python_name)
    app.command(name, cls=PlainCommand, short_help=COMMANDS[name], context_settings=settings)(command)


def _nothing() -> None:
    """Placeholder for a command that the overview only lists."""
