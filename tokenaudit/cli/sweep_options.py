"""Options of `tokenaudit sweep` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_WHAT = "What to read"
_HOW = "How to run"

TypesOption = Annotated[
    str, typer.Option("--type", help="Only these: model, dataset, space, bucket.", rich_help_panel=_WHAT)
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Only repositories that match. Repeatable.", rich_help_panel=_WHAT),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Leave out repositories that match. Repeatable.", rich_help_panel=_WHAT),
]
MembersOption = Annotated[
    bool, typer.Option("--members", help="An organization's members, too.", rich_help_panel=_WHAT)
]
LogsOption = Annotated[
    bool, typer.Option("--logs", help="What Spaces printed while built and running, too.", rich_help_panel=_WHAT)
]
FromFileOption = Annotated[
    Path | None,
    typer.Option(metavar="LIST", help="Also the git URLs in this file, one a line.", rich_help_panel=_WHAT),
]
FullOption = Annotated[bool, typer.Option("--full", help="Read again what has not changed.", rich_help_panel=_WHAT)]
NoInspectOption = Annotated[
    bool, typer.Option("--no-inspect", help="Don't ask the Hub who the credentials are.", rich_help_panel=_WHAT)
]
FailOnNewOption = Annotated[bool, typer.Option("--fail-on-new", help="Exit 1 only for what no earlier sweep has seen.")]
CacheDirOption = Annotated[
    Path | None, typer.Option(help="Keep mirrors here, so that reruns only fetch.", rich_help_panel=_HOW)
]
ClusterOption = Annotated[
    str | None, typer.Option(metavar="tcp://…", help="Work on this Dask cluster.", rich_help_panel=_HOW)
]
SecretNameOption = Annotated[
    list[str] | None, typer.Option(help="A further name that keeps a Hugging Face token. Repeatable.")
]
AtATimeOption = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="How many repositories at a time.", rich_help_panel=_HOW)
]
