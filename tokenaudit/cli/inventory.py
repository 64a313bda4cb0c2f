"""`tokenaudit inventory`: what earlier sweeps recorded."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit.cli.output import emit, or_stdout

if TYPE_CHECKING:
    from tokenaudit.inventory import Inventory

app = typer.Typer(
    help="List, show, compare, export or forget what earlier sweeps recorded.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Form(str, Enum):
    """How to print."""

    TEXT = "text"
    JSON = "json"


InventoryOption = Annotated[
    str | None,
    typer.Option(
        "--inventory",
        envvar="TOKENAUDIT_INVENTORY",
        help="A file or a postgresql:// URL. Default: a file in your data directory.",
    ),
]
FormOption = Annotated[Form, typer.Option("--format", "-f", help="How to print.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", callback=or_stdout, help="Write to this file instead of stdout.")
]


def _opened(where: str | None, *, write: bool = False) -> Inventory:
    from tokenaudit.inventory import open_inventory  # noqa: PLC0415 - `--help` doesn't load a database

    return open_inventory(where, must_exist=not write)


@app.command("list")
def list_(
    sweeps: Annotated[bool, typer.Option("--sweeps", help="The sweeps instead of what they found.")] = False,
    form: FormOption = Form.TEXT,
    output: OutputOption = None,
    inventory: InventoryOption = None,
) -> None:
    """Every credential that was ever seen, and every secret's name with its age."""
    from tokenaudit.inventory import export  # noqa: PLC0415 - as above

    with _opened(inventory) as book:
        known, secrets, runs = book.credentials(), book.secrets(), book.sweeps()
    if form is Form.JSON:
        emit(export.as_json(known, secrets, runs), output)
    else:
        emit(export.sweeps_as_text(runs) if sweeps else export.as_text(known, secrets), output)


@app.command()
def show(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="Whole, or its first digits.")],
    form: FormOption = Form.TEXT,
    inventory: InventoryOption = None,
) -> None:
    """Everything known of one credential: where it stands, who it is, since when."""
    from tokenaudit.inventory import export, read  # noqa: PLC0415 - as above

    with _opened(inventory) as book:
        known = read.one(book.credentials(), fingerprint)
    emit(export.as_json([known], ()) if form is Form.JSON else export.detail_as_text(known))


@app.command()
def diff(
    since: Annotated[int | None, typer.Option(metavar="NUMBER", help="After this sweep. Default: in the last.")] = None,
    form: FormOption = Form.TEXT,
    inventory: InventoryOption = None,
) -> None:
    """What is new since the last sweep, and what is gone."""
    from tokenaudit.inventory import export  # noqa: PLC0415 - as above

    with _opened(inventory) as book:
        changes = book.difference(since)
    emit(export.diff_as_json(changes) if form is Form.JSON else export.diff_as_text(changes))


@app.command()
def export(output: OutputOption = None, inventory: InventoryOption = None) -> None:
    """The whole inventory as JSON. It holds no credential's value."""
    from tokenaudit.inventory import export  # noqa: PLC0415 - as above

    with _opened(inventory) as book:
        emit(export.as_json(book.credentials(), book.secrets(), book.sweeps()), output)


@app.command()
def forget(
    fingerprints: Annotated[list[str] | None, typer.Argument(metavar="[FINGERPRINT]...", help="Whole ones.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Everything recorded of this user or organization.")] = None,
    inventory: InventoryOption = None,
) -> None:
    """Remove credentials, or everything about a namespace, from the inventory. Nothing happens to them at the Hub."""
    from tokenaudit.inventory import read  # noqa: PLC0415 - as above

    _opened(inventory).close()
    with _opened(inventory, write=True) as book, book.alone():
        chosen = read.to_forget(book.credentials(), fingerprints or (), namespace)
        went = book.forget(chosen, namespace)
    emit(f"forgot {went} {'credential' if went == 1 else 'credentials'}\n")
