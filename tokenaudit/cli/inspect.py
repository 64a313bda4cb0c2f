"""`tokenaudit inspect`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit.cli import context, options

if TYPE_CHECKING:
    from tokenaudit.inspect.input import CredentialInput


def inspect(
    env: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME", help="Read this environment variable. Repeatable.")
    ] = None,
    keyring: Annotated[
        list[str] | None,
        typer.Option("--keyring", metavar="NAME", help="Read this keyring entry (or SERVICE/USER). Repeatable."),
    ] = None,
    stored: Annotated[bool, typer.Option("--stored", help="Read every token stored by `hf auth login`.")] = False,
    reach: options.ReachOption = options.ReachChoice.NONE,
    repo: Annotated[
        list[str] | None,
        typer.Option("--repo", metavar="[datasets/|spaces/]OWNER/NAME", help="Prove what it may do there. Repeatable."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask again what was asked within the hour.")] = False,
    plugin: options.PluginOption = None,
    report_format: options.FormatOption = options.ReportFormat.TEXT,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = options.FailOn.LOW,
    baseline: options.BaselineOption = None,
    show_unlikely: options.ShowUnlikelyOption = False,
    endpoint: options.EndpointOption = None,
    _no_token: options.NoTokenOption = False,
    _jobs: options.JobsOption = None,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Say who each credential is, what it may do, and whether that is too much.

    Reads credentials from stdin, one a line, unless --env, --keyring or --stored names another place. Each is sent to
    the Hub that --endpoint or HF_ENDPOINT names, and nowhere else, one after the other whatever --jobs says. A token
    of your own is never used for this.
    """
    from tokenaudit.audit.assessment import InspectionOptions  # noqa: PLC0415 - `--help` must not wait for the whole house
    from tokenaudit.audit.auditor import CredentialAuditor  # noqa: PLC0415 - as above
    from tokenaudit.cli.progress import progress as progress_for  # noqa: PLC0415 - as above
    from tokenaudit.cli.write_report import Finish  # noqa: PLC0415 - as above
    from tokenaudit.detect import Detector  # noqa: PLC0415 - as above
    from tokenaudit.inspect import input as intake  # noqa: PLC0415 - as above
    from tokenaudit.inspect.access_check import named_repo  # noqa: PLC0415 - as above
    from tokenaudit.inspect.cache import DiskCache, default_path  # noqa: PLC0415 - as above
    from tokenaudit.policy.config import load_settings  # noqa: PLC0415 - as above

    scanner = Detector.load(tuple(plugin or ()))

    def handed() -> Iterator[CredentialInput]:
        yield from intake.from_environment(env or (), scanner)
        yield from intake.from_keyring(keyring or (), scanner)
        if stored:
            yield from intake.from_store(scanner)
        if not (env or keyring or stored) and not sys.stdin.isatty():
            yield from intake.from_lines(sys.stdin.buffer, scanner)

    screen = "identity" if report_format is options.ReportFormat.TEXT else report_format.value
    finish = Finish(screen, output, fail_on.value, baseline, show_unlikely, not no_color)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        questions = InspectionOptions(
            context.hub(endpoint, no_token=True),
            None if no_cache else DiskCache(default_path()),
            reach.value,
            tuple(named_repo(name) for name in repo or ()),
        )
        inquirer = CredentialAuditor(questions, load_settings(), progress)
        audit = inquirer.inquire(handed())
    raise typer.Exit(finish(audit))
