"""`tokenaudit usage`: who used an organization's tokens, when and from where."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from tokenaudit.audit.auditor import TOOL
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.choices import FailOn
from tokenaudit.cli.destinations import OutputDestination, destinations, emit_rendered
from tokenaudit.cli.format_option import format_option
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.errors import UsageError
from tokenaudit.file_access import stream_argument
from tokenaudit.incident.token_usage import UsageInput, token_usage
from tokenaudit.report.json import STDIN, load_report
from tokenaudit.report.usage import FORMATS, render
from tokenaudit.report.usage.phrasing import exit_code

_READ = 1 << 16


def usage(
    organization: Annotated[str, typer.Argument(metavar="ORG", help="Organization whose audit log is read.")],
    token: Annotated[
        list[str] | None,
        typer.Option(
            "--token",
            metavar="FINGERPRINT|LAST4|TOKEN_ID",
            help="Show only this token. Repeatable. Default: all tokens in the log.",
        ),
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(
            "--log",
            metavar="FILE",
            help="Read this exported audit log (JSON, one event per line, or gzip; - for stdin) and send no request. "
            "Repeatable.",
        ),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option("--report", metavar="REPORT.json", help="Take found credentials from this report. Repeatable."),
    ] = None,
    inventory: options.InventoryOption = None,
    formats: Annotated[list[OutputDestination] | None, format_option(tuple(FORMATS), panel=options.REPORT)] = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = FailOn.LOW,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Show who used an organization's tokens, when and from where.

    Reads the organization's audit log and joins it with the credentials that sweeps and reports found: first and last
    use, addresses, countries, kinds of events, and what was done after an exposure. The log is available to
    administrators of organizations with a Team or Enterprise plan.

    Exit codes:
      0  no token is flagged and the log is complete
      1  a token is flagged with at least the severity of --fail-on
      2  wrong usage, or a file that is not an audit log
      3  no token is flagged, but the log is incomplete or something could not be read

    Examples:
      tokenaudit usage acme
      tokenaudit usage acme --token fd45890e --format html --output usage.html
      tokenaudit usage acme --log audit-log.json.gz --report report.json
    """
    placed = destinations(formats, output)
    choices.refuse("--log", {"--endpoint": endpoint, "--no-token": no_token} if log else {})
    names = tuple(dict.fromkeys(log or ()))
    if STDIN in names and STDIN in (report or ()):
        message = "--log - and --report - both read stdin; write one of them to a file"
        raise UsageError(message)
    named = UsageInput(
        organization, tuple(token or ()), [(_shown(name), _chunks(name)) for name in names], inventory, report or ()
    )
    with progress_for(quiet=quiet, color=not no_color) as progress:
        found = token_usage(named, lambda: context.hub(endpoint, no_token=no_token), load_report, TOOL, progress)
    emit_rendered(placed, render, found, no_color=no_color)
    raise typer.Exit(exit_code(found, fail_on.severity))


def _shown(name: str) -> str:
    return "stdin" if name == STDIN else name


def _chunks(name: str) -> Iterable[bytes]:
    return _stdin() if name == STDIN else stream_argument(name)


def _stdin() -> Iterator[bytes]:
    if sys.stdin.isatty():
        message = "--log - reads an audit log from stdin; pipe one into it, or pass a file"
        raise UsageError(message)
    while part := sys.stdin.buffer.read(_READ):
        yield part
