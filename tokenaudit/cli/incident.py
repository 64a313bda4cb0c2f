"""`tokenaudit incident`: the view after a breach."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated

import typer

from tokenaudit.cli import context, options
from tokenaudit.errors import UsageError


class IncidentFormat(str, Enum):
    """How the view is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"


def incident(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Which one. Without it the known ones are listed.")
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report", metavar="REPORT.json", help="Take what is known from this report. Repeatable; - for stdin."
        ),
    ] = None,
    inventory: Annotated[
        str | None,
        typer.Option(
            "--inventory", help="A file or a postgresql:// URL. Default: the usual one, but not with --report."
        ),
    ] = None,
    from_: Annotated[
        list[str] | None, typer.Option("--from", metavar="TARGET", help="Find the values again here. Repeatable.")
    ] = None,
    keyring: Annotated[
        list[str] | None,
        typer.Option("--keyring", metavar="NAME", help="Take a value from the keyring. Repeatable."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"],
            help="Look for changes from here on (UTC). Default: its start.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="Most repositories asked about, and entries taken of each list.")
    ] = 100,
    view_format: Annotated[
        IncidentFormat, typer.Option("--format", "-f", help="How to write it.")
    ] = IncidentFormat.TEXT,
    output: options.OutputOption = None,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Say what an incident touches, what that could reach, what changed there since, and what is still open.

    Credentials come from the inventory of earlier sweeps or from reports. Values handed over on stdin (one a line), by
    --from or --keyring are asked about anew; of all others the last answer counts. What changed is asked with your own
    token, never with one that is touched.

    Exit codes: 0 nothing is open and everything could be asked; 1 something is open; 2 wrong usage; 3 nothing open was
    found, but something could not be read or asked.
    """
    from tokenaudit.cli.output import color_wanted, emit, width  # noqa: PLC0415 - `--help` is fast
    from tokenaudit.policy.config import load_settings  # noqa: PLC0415 - as above
    from tokenaudit.policy.settings import chosen, known  # noqa: PLC0415 - as above

    settings = load_settings()
    if name is None:
        from tokenaudit.report.incident import known_incidents  # noqa: PLC0415 - as above

        if view_format not in {IncidentFormat.TEXT, IncidentFormat.JSON}:
            message = f"the list of incidents comes as text or json; --format {view_format.value} takes an ID"
            raise UsageError(message)
        write = known_incidents.to_json if view_format is IncidentFormat.JSON else known_incidents.to_text
        emit(write(known(settings)), output)
        return
    wanted = chosen(settings, name)

    from tokenaudit.audit.auditor import TOOL, utc_now  # noqa: PLC0415 - as above
    from tokenaudit.cli.progress import progress as progress_for  # noqa: PLC0415 - as above
    from tokenaudit.detect import Detector  # noqa: PLC0415 - as above
    from tokenaudit.incident import evidence  # noqa: PLC0415 - as above
    from tokenaudit.incident.assessment import IncidentAssessor  # noqa: PLC0415 - as above
    from tokenaudit.incident.hub_queries import TimeWindow  # noqa: PLC0415 - as above
    from tokenaudit.remediate.revocation import WriteOnlyCache  # noqa: PLC0415 - as above
    from tokenaudit.report.incident import render  # noqa: PLC0415 - as above
    from tokenaudit.report.incident.phrasing import exit_code  # noqa: PLC0415 - as above
    from tokenaudit.report.json import load  # noqa: PLC0415 - as above

    reports = tuple(report or ())
    lines = None if sys.stdin.isatty() or evidence.STDIN in reports else sys.stdin.buffer
    scanner = Detector.load()
    hub = context.hub(endpoint, no_token=no_token)
    material = evidence.findings(
        evidence.IncidentInput(inventory, reports, from_ or (), keyring or (), lines), scanner, load
    )
    answers = context.answers()
    material.ended(answers.ends(hub.endpoint))
    start = wanted.since if since is None else since.replace(tzinfo=timezone.utc)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        responder = IncidentAssessor(hub, scanner, settings, TOOL, utc_now, WriteOnlyCache(answers), progress)
        view = responder.view(wanted, material, TimeWindow(start, limit))
    written = render(view, view_format.value, color=color_wanted(output, no_color=no_color), width=width(output))
    emit(written, output)
    raise typer.Exit(exit_code(view))
