"""Options of `tokenaudit sweep` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli import options

TypesOption = Annotated[
    str,
    typer.Option(
        "--type",
        metavar="TYPES",
        help="Repository types (comma-separated): model, dataset, space, bucket.",
        rich_help_panel=options.SELECTION,
    ),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Only matching repositories. Repeatable.", rich_help_panel=options.SELECTION),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Skip matching repositories. Repeatable.", rich_help_panel=options.SELECTION),
]
MembersOption = Annotated[
    bool,
    typer.Option("--members", help="Include the members of organizations.", rich_help_panel=options.SELECTION),
]
LogsOption = Annotated[
    bool, typer.Option("--logs", help="Include Space build and runtime logs.", rich_help_panel=options.SELECTION)
]
LfsOption = Annotated[
    str | None,
    typer.Option(
        "--lfs",
        metavar="SIZE",
        help="Read large files up to this size (10MB, 2GB). Default: text files up to 10 MB.",
        rich_help_panel=options.SELECTION,
    ),
]
FromFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Also scan the git URLs in this file, one per line.", rich_help_panel=options.SELECTION
    ),
]
FullOption = Annotated[
    bool, typer.Option("--full", help="Also scan what has not changed.", rich_help_panel=options.SELECTION)
]
NoInspectOption = Annotated[
    bool,
    typer.Option("--no-inspect", help="Don't ask the Hub about the credentials found.", rich_help_panel=options.HUB),
]
FailOnNewOption = Annotated[
    bool,
    typer.Option(
        "--fail-on-new",
        help="List only findings that no earlier sweep has seen, and exit 1 only for them; json and html mark them.",
        rich_help_panel=options.REPORT,
    ),
]
CacheDirOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Keep mirrors in this folder, to fetch only changes.", rich_help_panel=options.EXECUTION
    ),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Run on this Dask cluster, such as tcp://host:8786.", rich_help_panel=options.EXECUTION
    ),
]
SecretNameOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Additional secret name that holds a Hugging Face token. Repeatable.",
        rich_help_panel=options.DETECTION,
    ),
]
AtATimeOption = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", min=1, metavar="N", help="Number of repositories at a time.", rich_help_panel=options.EXECUTION
    ),
]
