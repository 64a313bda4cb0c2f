"""`tokenaudit plan`: the rotation runbook of a report."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli.errors import say
from tokenaudit.cli.output import emit, or_stdout, width
from tokenaudit.remediate.runbook.plan import plan as planned
from tokenaudit.remediate.runbook.plan import write_patches
from tokenaudit.report.json import load_report
from tokenaudit.report.markdown import on_terminal
from tokenaudit.report.plan import to_json, to_markdown


class PlanFormat(str, Enum):
    """How the runbook is written."""

    MARKDOWN = "markdown"
    JSON = "json"


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
    format: Annotated[  # noqa: A002 - the option's name
        PlanFormat, typer.Option("--format", "-f", metavar="FORMAT", help="Output format.")
    ] = PlanFormat.MARKDOWN,
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
    loaded = load_report(report)
    if write_patch is not None:
        for path in write_patches(loaded, write_patch):
            say(f"wrote {path}")
    found = planned(loaded, mode=mode.value if mode else None, only=only or ())
    if format is PlanFormat.JSON:
        emit(to_json(found), output)
    else:
        page = to_markdown(found)
        emit(page if width(output) is None else on_terminal(page), output)
