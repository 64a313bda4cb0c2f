"""`tokenaudit plan`: the rotation runbook of a report."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli.destinations import OutputDestination, destinations, emit_each
from tokenaudit.cli.errors import say
from tokenaudit.cli.format_option import format_option
from tokenaudit.cli.output import or_stdout, width
from tokenaudit.cli.prompt import announce
from tokenaudit.remediate.runbook.plan import plan as planned
from tokenaudit.remediate.runbook.plan import write_patches
from tokenaudit.report.json import load_report
from tokenaudit.report.markdown import on_terminal
from tokenaudit.report.plan import to_json, to_markdown


class PlanMode(str, Enum):
    """Whether the old value may be known to others."""

    PLANNED = "planned"
    BREACH = "breach"


def plan(
    report: Annotated[
        Path | None, typer.Argument(metavar="[REPORT]", help="JSON report. Default: stdin (also -).")
    ] = None,
    mode: Annotated[
        PlanMode | None,
        typer.Option(metavar="MODE", help="Default: breach if a value was exposed outside this machine."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="FINGERPRINT", help="Plan only these (8 digits are enough). Repeatable."),
    ] = None,
    formats: Annotated[list[OutputDestination] | None, format_option(("markdown", "json"), "markdown")] = None,
    write_patch: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the patches that make CI jobs keyless to this folder.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", callback=or_stdout, help="Write to this file instead of stdout."
        ),
    ] = None,
) -> None:
    """Write the rotation runbook of a report: replacements, consumers, steps in order. Offline.

    Examples:
      tokenaudit scan --inspect --format json . | tokenaudit plan
      tokenaudit plan report.json --mode breach --output runbook.md
    """
    placed = destinations(formats, output, "markdown")
    announce("a JSON report", report)
    loaded = load_report(report)
    if write_patch is not None:
        for path in write_patches(loaded, write_patch):
            say(f"wrote {path}")
    found = planned(loaded, mode=mode.value if mode else None, only=only or ())

    def written(to: OutputDestination) -> str:
        if to.format == "json":
            return to_json(found)
        page = to_markdown(found)
        return page if width(to.file) is None else on_terminal(page)

    emit_each(placed, written)
