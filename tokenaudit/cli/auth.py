"""`tokenaudit auth`: the auditor's own tokens in the OS keyring."""

from __future__ import annotations

import re
import sys
from getpass import getpass
from typing import Annotated

import typer

from tokenaudit.audit.auditor import utc_now
from tokenaudit.audit.auditor_token import evaluate_auditor_token
from tokenaudit.cli import context, options
from tokenaudit.errors import UsageError
from tokenaudit.hub import keyring
from tokenaudit.model import Entity, Grant
from tokenaudit.secret import Secret

app = typer.Typer(
    name="auth", help="Store your own tokens for the Hub, GitHub and GitLab in the OS keyring.", no_args_is_help=True
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 20_000
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="hf, github, gitlab, or any other name.")]


@app.command("set")
def set_(name: NameArgument) -> None:
    """Store a token under NAME.

    The value is read from a hidden prompt or stdin, never from the command line.

    Examples:
      tokenaudit auth set hf
    """
    checked = _checked(name)
    keyring.check()  # before the token is typed that could not be stored
    keyring.write(checked, Secret(_value(name)))
    typer.echo(f"stored as {name} in {keyring.available()}", err=True)


@app.command()
def status(
    check: Annotated[
        bool, typer.Option("--check", help="Also check whether your Hub token can do more than reading needs.")
    ] = False,
    endpoint: options.EndpointOption = None,
) -> None:
    """Show what is stored, and which token is used at the Hub.

    Examples:
      tokenaudit auth status --check
    """
    backend = keyring.available()
    typer.echo(f"keyring: {backend or 'none that keeps values encrypted'}")
    for name in keyring.NAMES if backend else ():
        kept = keyring.read(name)
        typer.echo(f"{name}: {kept.display if kept else 'nothing'}")
    hub = context.hub(endpoint, no_token=False)
    typer.echo(f"in use: {f'{hub.own.secret.display} from {hub.own.origin}' if hub.own else 'none'}")
    typer.echo(f"endpoint: {hub.endpoint}")
    if check and hub.own:
        verdict = evaluate_auditor_token(hub, (Grant(Entity("user"), ("repo.content.read",)),), utc_now())
        for line in (verdict.message, *verdict.by_hand) if verdict else ():
            typer.echo(line)


@app.command()
def clear(name: NameArgument) -> None:
    """Remove the token stored under NAME. It stays valid until you revoke it.

    Examples:
      tokenaudit auth clear hf
    """
    typer.echo(f"forgot {name}" if keyring.clear(_checked(name)) else f"nothing stored as {name}", err=True)


def _checked(name: str) -> str:

    if not _NAME.fullmatch(name):
        message = "invalid name; use up to 64 letters, digits, dots, dashes and underscores"
        raise UsageError(message)
    return name


def _value(name: str) -> str:
    value = (getpass(f"token for {name}: ") if sys.stdin.isatty() else sys.stdin.readline(_LONGEST)).strip()
    if not value or not value.isprintable() or len(value.split()) != 1:
        message = "no token; enter it at the prompt, or pipe one line into 'tokenaudit auth set'"
        raise UsageError(message)
    return value
