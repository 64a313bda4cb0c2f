"""`tokenaudit auth`: the auditor's own tokens in the OS keyring."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from tokenaudit.cli import context, options

app = typer.Typer(
    name="auth", help="Keep your own tokens for the Hub, GitHub and GitLab in the OS keyring.", no_args_is_help=True
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 20_000
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="hf, github, gitlab, or a name of your own.")]


@app.command("set")
def set_(name: NameArgument) -> None:
    """Keep a token under NAME. It is asked for without an echo, or read from stdin; never from the command line."""
    from tokenaudit.hub import keyring  # noqa: PLC0415 - the keyring is slow to load
    from tokenaudit.secret import Secret  # noqa: PLC0415 - as above

    keyring.write(_checked(name), Secret(_value(name)))
    typer.echo(f"kept under {name} in {keyring.available()}", err=True)


@app.command()
def status(
    check: Annotated[
        bool, typer.Option("--check", help="Also ask the Hub whether your token there can do more than reading needs.")
    ] = False,
    endpoint: options.EndpointOption = None,
) -> None:
    """What is kept, and which token tokenaudit would use at the Hub."""
    from tokenaudit.hub import keyring  # noqa: PLC0415 - the keyring is slow to load

    backend = keyring.available()
    typer.echo(f"keyring: {backend or 'none that keeps values encrypted'}")
    for name in keyring.NAMES if backend else ():
        kept = keyring.read(name)
        typer.echo(f"{name}: {kept.display if kept else 'nothing'}")
    hub = context.hub(endpoint, no_token=False)
    typer.echo(f"in use: {f'{hub.own.secret.display} from {hub.own.origin}' if hub.own else 'none'}")
    if check and hub.own:
        from tokenaudit.audit.auditor import utc_now  # noqa: PLC0415 - only where asked for
        from tokenaudit.audit.auditor_token import evaluate_auditor_token  # noqa: PLC0415 - as above
        from tokenaudit.model import Entity, Grant  # noqa: PLC0415 - as above

        verdict = evaluate_auditor_token(hub, (Grant(Entity("user"), ("repo.content.read",)),), utc_now())
        for line in (verdict.message, *verdict.by_hand) if verdict else ():
            typer.echo(line)


@app.command()
def clear(name: NameArgument) -> None:
    """Forget what is kept under NAME. The token itself stays valid until you revoke it."""
    from tokenaudit.hub import keyring  # noqa: PLC0415 - the keyring is slow to load

    typer.echo(f"forgot {name}" if keyring.clear(_checked(name)) else f"nothing was kept under {name}", err=True)


def _checked(name: str) -> str:
    from tokenaudit.errors import UsageError  # noqa: PLC0415 - with the rest

    if not _NAME.fullmatch(name):
        message = "a name has at most 64 letters, digits, dots, dashes and underscores"
        raise UsageError(message)
    return name


def _value(name: str) -> str:
    from getpass import getpass  # noqa: PLC0415 - only where somebody types

    from tokenaudit.errors import UsageError  # noqa: PLC0415 - with the rest

    value = (getpass(f"token for {name}: ") if sys.stdin.isatty() else sys.stdin.readline(_LONGEST)).strip()
    if not value or not value.isprintable() or len(value.split()) != 1:
        message = "no token was given; type it when asked, or pipe one line into 'tokenaudit auth set'"
        raise UsageError(message)
    return value
