"""Options of `tokenaudit scan` alone."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenaudit.cli import options

TargetsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TARGET]...",
        help="Folders, files, git repositories, clone URLs, or - for stdin. Default: current directory.",
    ),
]
OnlyOption = Annotated[
    str,
    typer.Option(
        metavar="PARTS",
        help="Scan only these parts (comma-separated): history, tree, ci.",
        rich_help_panel=options.SELECTION,
    ),
]
SkipOption = Annotated[
    str,
    typer.Option(
        metavar="PARTS",
        help="Skip these parts (comma-separated): history, tree, ci.",
        rich_help_panel=options.SELECTION,
    ),
]
StagedOption = Annotated[
    bool,
    typer.Option(
        "--staged",
        help="Scan only staged changes, or the range that pre-commit gives its hooks.",
        rich_help_panel=options.SELECTION,
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="REV", help="Scan only changes made since this revision.", rich_help_panel=options.SELECTION),
]
CiRefOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REF",
        help="Also scan the CI configuration at REF (`*`: all refs). Repeatable.",
        rich_help_panel=options.SELECTION,
    ),
]
HonourIgnoresOption = Annotated[
    bool,
    typer.Option(
        "--honour-ignores",
        help="Respect inline ignore comments (ignored by default).",
        rich_help_panel=options.DETECTION,
    ),
]
SecretNameOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Additional CI secret name that holds a Hugging Face token. Repeatable.",
        rich_help_panel=options.DETECTION,
    ),
]
ZizmorOption = Annotated[
    bool, typer.Option("--zizmor", help="Include zizmor findings (extra: zizmor).", rich_help_panel=options.DETECTION)
]
