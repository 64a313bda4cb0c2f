"""Which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenaudit._version import __version__
from tokenaudit.cli import (
    auth,
    doctor,
    fingerprint,
    inspect,
    inventory,
    plan,
    plugins,
    report,
    revoke,
    rotate,
    rules,
    scan,
    sweep,
)

app = typer.Typer(
    name="tokenaudit",
    help="Find every Hugging Face credential you have out there, see what each may do, and replace it with less.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tokenaudit {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for command in (
    scan.scan,
    sweep.sweep,
    inspect.inspect,
    doctor.doctor,
    fingerprint.fingerprint,
    plugins.plugins,
    report.report,
    rules.rules,
    plan.plan,
    revoke.revoke,
    rotate.rotate,
):
    app.command()(command)
app.add_typer(inventory.app, name="inventory")
app.add_typer(auth.auth)
