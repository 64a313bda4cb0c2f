"""`tokenaudit report`: an earlier report in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli import choices, options
from tokenaudit.cli.destinations import destinations
from tokenaudit.cli.prompt import announce
from tokenaudit.cli.write_report import Finish
from tokenaudit.report.json import load_report


def report(
    source: Annotated[
        Path | None, typer.Argument(metavar="[REPORT]", help="JSON report. Default: stdin (also -).")
    ] = None,
    formats: options.FormatOption = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = choices.FailOn.NEVER,
    show_unlikely: options.ShowUnlikelyOption = False,
    show_dead: options.ShowDeadOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Convert a JSON report to another format. Offline.

    Examples:
      tokenaudit report report.json
      tokenaudit report report.json --format html --output report.html
    """
    placed = destinations(formats, output)
    finish = Finish(placed, fail_on.value, show_unlikely=show_unlikely, show_dead=show_dead, color=not no_color)
    announce("a JSON report", source)
    raise typer.Exit(finish.publish(load_report(source)))
