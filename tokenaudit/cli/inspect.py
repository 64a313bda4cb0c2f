"""`tokenaudit inspect`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tokenaudit.audit.auditor import CredentialAuditor
from tokenaudit.audit.inspection import InspectionOptions
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.destinations import destinations
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.cli.prompt import values_stream
from tokenaudit.cli.write_report import Finish
from tokenaudit.detect import Detector
from tokenaudit.inspect import input as credential_input
from tokenaudit.inspect.inspector import DiskCache, default_path
from tokenaudit.inspect.reach import named_repo

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
    reach: options.ReachOption = choices.ReachChoice.NONE,
    repo: Annotated[
        list[str] | None,
        typer.Option(
            "--repo",
            metavar="[TYPE/]OWNER/NAME",
            help="Check access to this repository, such as datasets/acme/d. Repeatable.",
            rich_help_panel=options.HUB,
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Bypass the one-hour cache.", rich_help_panel=options.HUB)
    ] = False,
    plugin: options.PluginOption = None,
    formats: options.FormatOption = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = choices.FailOn.LOW,
    baseline: options.BaselineOption = None,
    show_unlikely: options.ShowUnlikelyOption = False,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    endpoint: options.EndpointOption = None,
    no_token: Annotated[
        bool,
        typer.Option(
            "--no-token",
            help="Inspect no token of your own: neither --stored nor HF_TOKEN.",
            rich_help_panel=options.HUB,
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            max=64,
            metavar="N",
            help="Number of credentials to ask about at a time.",
            rich_help_panel=options.EXECUTION,
        ),
    ] = 1,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Show each token's owner, role and permissions.

    Also says whether that is more than it needs. Tokens are read from stdin, one per line, unless --env, --keyring or
    --stored is given; at a terminal from a hidden prompt. Each is sent to the Hub at --endpoint or HF_ENDPOINT and
    nowhere else.

    Exit codes as for scan.

    Examples:
      cat tokens.txt | tokenaudit inspect
      tokenaudit inspect --env HF_TOKEN --reach summary
      tokenaudit inspect --stored --format json
    """
    if no_token:
        choices.refuse("--no-token", {"--stored": stored, "--env HF_TOKEN": "HF_TOKEN" in (env or ())})
    scanner = Detector.load(tuple(plugin or ()))
    lines = None if env or keyring or stored else values_stream()

    def handed() -> Iterator[CredentialInput]:
        yield from credential_input.from_environment(env or (), scanner)
        yield from credential_input.from_keyring(keyring or (), scanner)
        if stored:
            yield from credential_input.from_store(scanner)
        if lines is not None:
            yield from credential_input.from_lines(lines, scanner)

    placed = destinations(formats, output)
    screens = tuple(one._replace(format="identity") if one.format == "text" else one for one in placed)
    finish = Finish(screens, fail_on.value, baseline, show_unlikely=show_unlikely, color=not no_color)
    settings = context.settings(config, no_config=no_config, quiet=quiet)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        questions = InspectionOptions(
            context.hub(endpoint, no_token=True),
            None if no_cache else DiskCache(default_path()),
            reach.value,
            tuple(named_repo(name) for name in repo or ()),
            jobs,
        )
        inspector = CredentialAuditor(questions, settings, progress)
        audit = inspector.audit_credentials(handed())
    raise typer.Exit(finish(audit))
