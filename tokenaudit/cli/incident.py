"""`tokenaudit incident`: the view after a breach."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import Annotated

import typer

from tokenaudit.audit.auditor import TOOL, utc_now
from tokenaudit.changes.judgements import Judgements, default_path
from tokenaudit.changes.run import MAX_DOWNLOAD
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.changes import Contents, ContentsOption, MaxDownloadOption
from tokenaudit.cli.destinations import OutputDestination, destinations, emit_each, emit_rendered
from tokenaudit.cli.format_option import format_option
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.cli.prompt import announce
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.incident import evidence
from tokenaudit.incident.assessment import IncidentAssessor
from tokenaudit.incident.hub_queries import TimeWindow
from tokenaudit.policy.settings import chosen, known
from tokenaudit.remediate.revocation import WriteOnlyCache
from tokenaudit.report import catalog
from tokenaudit.report.incident import FORMATS, render
from tokenaudit.report.incident.phrasing import exit_code
from tokenaudit.report.json import load_report

_LIMIT = 100


def incident(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Incident. Default: list the known incidents.")
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report", metavar="REPORT.json", help="Take credentials from this report (- for stdin). Repeatable."
        ),
    ] = None,
    inventory: Annotated[
        str | None,
        typer.Option(
            "--inventory",
            metavar="FILE|URL",
            help="Inventory file or postgresql:// URL. Default: your inventory, unless --report is given.",
        ),
    ] = None,
    from_: options.FromOption = None,
    keyring: options.KeyringOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"],
            help="Look for changes since this date (UTC). Default: start of the incident.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000, metavar="N", help="Maximum repositories, and entries of each list. Default: 100."
        ),
    ] = None,
    contents: ContentsOption = Contents.CHANGED,
    max_download: MaxDownloadOption = MAX_DOWNLOAD,
    formats: Annotated[list[OutputDestination] | None, format_option(tuple(FORMATS), panel=options.REPORT)] = None,
    output: options.OutputOption = None,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Assess exposure to an incident.

    Shows which credentials and secrets it affects, what changed since, and what is still open. Credentials come from
    the inventory of earlier sweeps or from reports. Values read from stdin (one per line), from the keyring or by
    scanning a target are inspected again. Changes are looked up with your own token, never with an affected one.

    Exit codes:
      0  nothing is open and everything could be asked
      1  something is open
      2  wrong usage
      3  nothing open was found, but something could not be read or asked

    Examples:
      tokenaudit incident
      tokenaudit incident platform-2026-07
      tokenaudit incident platform-2026-07 --report report.json --format markdown --output incident.md
    """
    placed = destinations(formats, output)
    settings = context.settings(config, from_ or (), no_config=no_config, quiet=quiet)
    if name is None:
        choices.require("ID", name, {
            "--report": report, "--from": from_, "--keyring": keyring, "--inventory": inventory, "--since": since,
            "--limit": limit is not None, "--endpoint": endpoint, "--no-token": no_token,
        }, "without it the known incidents are listed")  # fmt: skip

        for to in placed:
            if to.format not in {"text", "json"}:
                message = f"--format {to.format} needs an ID; the list of incidents supports text and json"
                raise UsageError(message)
        lists = {"text": catalog.incidents_text, "json": catalog.incidents_json}
        emit_each(placed, lambda to: lists[to.format](known(settings)))
        return
    wanted = chosen(settings, name)

    reports = tuple(report or ())
    if evidence.STDIN in reports:
        announce("a JSON report")
    lines = None if sys.stdin.isatty() or evidence.STDIN in reports else sys.stdin.buffer
    scanner = Detector.load()
    hub = context.hub(endpoint, no_token=no_token)
    material = evidence.findings(
        evidence.IncidentInput(inventory, reports, from_ or (), keyring or (), lines), scanner, load_report
    )
    answers = context.answers()
    material.ended(answers.ends(hub.endpoint))
    start = wanted.since if since is None else since.replace(tzinfo=timezone.utc)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        assessor = IncidentAssessor(
            hub, scanner, settings, TOOL, utc_now, WriteOnlyCache(answers), progress,
            contents.value, Judgements(default_path()), max_download,
        )  # fmt: skip
        view = assessor.view(wanted, material, TimeWindow(start, limit or _LIMIT))
    emit_rendered(placed, render, view, no_color=no_color)
    raise typer.Exit(exit_code(view))
