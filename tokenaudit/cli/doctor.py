"""`tokenaudit doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.audit.auditor import Auditor
from tokenaudit.audit.auditor import doctor as run_doctor
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.destinations import destinations
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.cli.write_report import Finish
from tokenaudit.sources.machine import MachineSource


def doctor(
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Folder to scan for notebooks and dotenv files. Default: home folder. Repeatable.",
            rich_help_panel=options.SELECTION,
        ),
    ] = None,
    exclude: options.ExcludeOption = None,
    inspect: options.InspectOption = False,
    reach: options.ReachOption = choices.ReachChoice.NONE,
    plugin: options.PluginOption = None,
    formats: options.FormatOption = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = choices.FailOn.LOW,
    baseline: options.BaselineOption = None,
    show_unlikely: options.ShowUnlikelyOption = False,
    show_dead: options.ShowDeadOption = False,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Audit this machine: which Hugging Face credentials it stores, and who else can read them.

    Scans the HF token store, the environment, git credentials and credential helpers, netrc, the keyring, registry
    logins, the configuration of editors, agents and MCP clients, shell start-up files, histories and logs, and
    notebooks and dotenv files in the home folder.

    Exit codes as for scan.

    Examples:
      tokenaudit doctor
      tokenaudit doctor --inspect --folder ~/projects
    """
    choices.require_inspect(reach, endpoint, given=inspect)
    finish = Finish(
        destinations(formats, output),
        fail_on.value,
        baseline,
        show_unlikely=show_unlikely,
        show_dead=show_dead,
        color=not no_color,
    )
    source = MachineSource(Path.home(), os.environ, tuple(folder or (Path.home(),)))
    settings = context.settings(config, (Path.home(), *(folder or ())), no_config=no_config, quiet=quiet)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        auditor = Auditor(
            plugins=tuple(plugin or ()),
            questions=context.questions(endpoint, reach, no_token=no_token) if inspect else None,
            settings=settings,
            exclude=tuple(exclude or ()),
            progress=progress,
        )
        audit = run_doctor(source, auditor)
    raise typer.Exit(finish(audit))
