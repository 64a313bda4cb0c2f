"""`tokenaudit inventory`: what earlier sweeps recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit import exit_codes
from tokenaudit.audit.auditor import utc_now
from tokenaudit.cli import options
from tokenaudit.cli.destinations import destinations, emit_each
from tokenaudit.cli.errors import say
from tokenaudit.cli.output import emit
from tokenaudit.inventory import export, open_inventory, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tokenaudit.cli.destinations import OutputDestination
    from tokenaudit.inventory import Inventory

app = typer.Typer(
    help="Query, check and export the results of earlier sweeps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _opened(where: str | None, *, write: bool = False) -> Inventory:

    return open_inventory(where, must_exist=not write)


def _ended(database: Inventory) -> None:
    """Exits 3 where damaged rows were left out, after naming them on stderr."""
    left_out = database.damage.skipped()
    for entry in left_out:
        say(f"{entry.where}: {entry.reason}")
    if left_out:
        raise typer.Exit(exit_codes.INCOMPLETE)


def _write(
    formats: Sequence[OutputDestination] | None,
    as_json: Callable[[], str],
    as_text: Callable[[], str],
    output: Path | None = None,
) -> None:
    emit_each(destinations(formats, output), lambda to: as_json() if to.format == "json" else as_text())


@app.command("list")
def list_(
    sweeps: Annotated[bool, typer.Option("--sweeps", help="List the sweeps instead of their findings.")] = False,
    formats: options.ListFormatOption = None,
    output: options.OutputOption = None,
    inventory: options.InventoryOption = None,
) -> None:
    """List every credential and secret name that was seen.

    Examples:
      tokenaudit inventory list
      tokenaudit inventory list --sweeps
    """
    with _opened(inventory) as database:
        runs = database.sweeps()
        known, secrets = ([], []) if sweeps else (database.credentials(), database.secrets())
        accounts = [] if sweeps else database.service_accounts()
    as_text = export.sweeps_as_text(runs) if sweeps else export.as_text(known, secrets, accounts)
    damaged = database.damage.skipped()
    _write(formats, lambda: export.as_json(known, secrets, runs, damaged, accounts), lambda: as_text, output)
    _ended(database)


@app.command()
def show(
    fingerprint: Annotated[
        str, typer.Argument(metavar="FINGERPRINT", help="Credential to show (6 digits are enough).")
    ],
    formats: options.ListFormatOption = None,
    inventory: options.InventoryOption = None,
) -> None:
    """Show one credential: locations, owner, permissions, first and last seen.

    Examples:
      tokenaudit inventory show fd45890e
    """
    with _opened(inventory) as database:
        known = read.one(database.credentials(), fingerprint)
    _write(formats, lambda: export.as_json([known], ()), lambda: export.detail_as_text(known))
    _ended(database)


@app.command()
def diff(
    since: Annotated[
        int | None, typer.Option(metavar="N", help="Compare with sweep N. Default: the one before the last.")
    ] = None,
    formats: options.ListFormatOption = None,
    inventory: options.InventoryOption = None,
) -> None:
    """Show what is new and what is gone since an earlier sweep.

    Examples:
      tokenaudit inventory diff
      tokenaudit inventory diff --since 3 --format json
    """
    with _opened(inventory) as database:
        changes = database.difference(since)
    _write(formats, lambda: export.diff_as_json(changes), lambda: export.diff_as_text(changes))
    _ended(database)


@app.command()
def check(formats: options.ListFormatOption = None, inventory: options.InventoryOption = None) -> None:
    """Verify every row and repair what can be repaired.

    Exit codes:
      0  nothing is left damaged
      1  some damage can't be repaired
      2  wrong usage, or the inventory can't be opened

    Examples:
      tokenaudit inventory check
    """
    _opened(inventory).close()
    with _opened(inventory, write=True) as database, database.alone():
        checked = database.check(utc_now())
    _write(formats, lambda: export.check_as_json(checked), lambda: export.check_as_text(checked))
    raise typer.Exit(0 if checked.sound else 1)


@app.command("export")
def export_(output: options.OutputOption = None, inventory: options.InventoryOption = None) -> None:
    """Print the whole inventory as JSON. It holds no credential's value.

    Examples:
      tokenaudit inventory export --output inventory.json
    """
    with _opened(inventory) as database:
        emit(
            export.as_json(
                database.credentials(),
                database.secrets(),
                database.sweeps(),
                database.damage.skipped(),
                database.service_accounts(),
            ),
            output,
        )
    _ended(database)


@app.command()
def forget(
    fingerprints: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FINGERPRINT]...", help="Credentials to remove (6 digits are enough)."),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Remove everything of this user or organization.")
    ] = None,
    inventory: options.InventoryOption = None,
) -> None:
    """Remove credentials or a namespace from the inventory. Nothing changes at the Hub.

    Examples:
      tokenaudit inventory forget fd45890e
      tokenaudit inventory forget --namespace acme
    """
    _opened(inventory).close()
    with _opened(inventory, write=True) as database, database.alone():
        chosen = read.to_forget(database.credentials(), fingerprints or (), namespace)
        went = database.forget(chosen, namespace)
    emit(f"forgot {went} {'credential' if went == 1 else 'credentials'}\n")
