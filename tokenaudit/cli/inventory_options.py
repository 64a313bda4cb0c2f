"""Options of the `tokenaudit inventory` commands, and of those that use an inventory."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli.output import or_stdout


class Form(str, Enum):
    """How to print."""

    TEXT = "text"
    JSON = "json"


InventoryOption = Annotated[
    str | None,
    typer.Option(
        "--inventory",
        envvar="TOKENAUDIT_INVENTORY",
        metavar="FILE|URL",
        help="Inventory file or postgresql:// URL. Default: a file in your data directory.",
    ),
]
FormOption = Annotated[Form, typer.Option("--format", "-f", metavar="FORMAT", help="Output format.")]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", callback=or_stdout, help="Write to this file instead of stdout."),
]
