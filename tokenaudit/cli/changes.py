"""`tokenaudit changes`: what changed in repositories, and what the changes do."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from tokenaudit.audit.auditor import TOOL, utc_now
from tokenaudit.changes.judgements import Judgements, default_path
from tokenaudit.changes.phrasing import exit_code
from tokenaudit.changes.run import MAX_DOWNLOAD, ChangesRun, known_uses
from tokenaudit.changes.window import named_repositories, parse_repository, parse_window
from tokenaudit.cli import context, options
from tokenaudit.cli.choices import FailOn
from tokenaudit.cli.destinations import OutputDestination, destinations, emit_rendered
from tokenaudit.cli.format_option import format_option
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.report.changes import FORMATS, render
from tokenaudit.report.json import load_report

_LIMIT = 500


class Contents(str, Enum):
    """Which files are read."""

    NONE = "none"
    CHANGED = "changed"
    ALL = "all"


ContentsOption = Annotated[
    Contents, typer.Option("--contents", metavar="WHICH", help="Files to examine: none, changed or all.")
]

MaxDownloadOption = Annotated[
    int, typer.Option("--max-download", metavar="BYTES", min=0, help="Maximum size of all contents that are read.")
]


def changes(
    repositories: Annotated[
        list[str],
        typer.Argument(
            metavar="REPO...", help="acme/m, datasets/acme/d, spaces/acme/s, or a namespace for all it owns."
        ),
    ],
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="WHEN", help="Date, RFC 3339 time, 7d, 12h, or the id of the last good commit."
        ),
    ],
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report", metavar="REPORT.json", help="Name the code in this report that loads a repository. Repeatable."
        ),
    ] = None,
    contents: ContentsOption = Contents.CHANGED,
    max_download: MaxDownloadOption = MAX_DOWNLOAD,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Maximum number of repositories.")] = _LIMIT,
    formats: Annotated[list[OutputDestination] | None, format_option(tuple(FORMATS), panel=options.REPORT)] = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = FailOn.LOW,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Show what changed in Hub repositories, and which changes run code or mislead.

    Compares each repository with its last commit before WHEN: pickles, templates, configurations, code and model cards.
    Nothing is loaded or run, and of large files only the parts that decide are downloaded. Branches and pull requests
    count too. Repositories are listed in order of harm, each with the last good revision.

    Exit codes:
      0  no finding at or above --fail-on, everything was examined
      1  a finding is at or above --fail-on
      2  wrong usage
      3  nothing was found, but something could not be examined

    Examples:
      tokenaudit changes acme/m --since 2026-07-09
      tokenaudit changes acme --since 7d --format json --output changes.json
      tokenaudit changes datasets/acme/d --since 3f2c1a9 --contents all
    """
    placed = destinations(formats, output)
    hub = context.hub(endpoint, no_token=no_token)
    window = parse_window(since, utc_now())
    named = [parse_repository(each, hub.endpoint) for each in repositories]
    uses = known_uses(one for name in report or () for one in load_report(name).credentials)
    own = hub.own
    secret = own.secret if own is not None else None
    with progress_for(quiet=quiet, color=not no_color) as progress:
        chosen, skipped = named_repositories(hub, named, secret, limit, window)
        run = ChangesRun(
            hub, secret, window, TOOL, utc_now, contents.value, max_download, Judgements(default_path()), progress
        )
        view = run.report(chosen, skipped, uses)
    emit_rendered(placed, render, view, no_color=no_color)
    raise typer.Exit(exit_code(view, fail_on.severity))
