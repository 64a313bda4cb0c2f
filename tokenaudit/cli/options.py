"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli.choices import FailOn, ReachChoice
from tokenaudit.cli.destinations import OutputDestination
from tokenaudit.cli.format_option import format_option
from tokenaudit.cli.output import or_stdout
from tokenaudit.report import FORMATS

REPORT = "Report"
HUB = "Hub"
POLICY = "Policy"
DETECTION = "Detection"
EXECUTION = "Execution"
SELECTION = "Selection"
"""The groups of options, in the headings of `--help`."""

FormatOption = Annotated[list[OutputDestination] | None, format_option(tuple(FORMATS), panel=REPORT)]
ListFormatOption = Annotated[list[OutputDestination] | None, format_option(("text", "json"))]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=or_stdout,
        help="Write to this file instead of stdout.",
        rich_help_panel=REPORT,
    ),
]
FailOnOption = Annotated[
    FailOn,
    typer.Option(
        "--fail-on", metavar="SEVERITY", help="Exit 1 for findings of at least this severity.", rich_help_panel=REPORT
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out matching places; the report says so. `*` also matches `/`. Repeatable.",
        rich_help_panel=SELECTION,
    ),
]
ShowUnlikelyOption = Annotated[
    bool,
    typer.Option("--show-unlikely", help="Also list placeholders and look-alikes.", rich_help_panel=REPORT),
]
ShowDeadOption = Annotated[
    bool,
    typer.Option(
        "--show-dead", help="List each invalid or expired credential, not only their number.", rich_help_panel=REPORT
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress and no messages.", rich_help_panel=EXECUTION)
]
NoColorOption = Annotated[
    bool, typer.Option("--no-color", help="Disable color (also: NO_COLOR=1).", rich_help_panel=REPORT)
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="Number of processes. Default: one per CPU.",
        rich_help_panel=EXECUTION,
    ),
]
PluginOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="Load an additional detect-secrets plugin. Repeatable.",
        rich_help_panel=DETECTION,
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="Omit findings listed in this detect-secrets baseline.",
        rich_help_panel=REPORT,
    ),
]
UpdateBaselineOption = Annotated[
    bool,
    typer.Option("--update-baseline", help="Write the findings to the --baseline file first.", rich_help_panel=REPORT),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Policy file. Default: tokenaudit.toml in your configuration folder, "
        "else in the current directory unless that is scanned.",
        rich_help_panel=POLICY,
    ),
]
NoConfigOption = Annotated[
    bool, typer.Option("--no-config", help="Read no policy file; use the built-in policy.", rich_help_panel=POLICY)
]
InspectOption = Annotated[
    bool,
    typer.Option("--inspect", help="Ask the Hub for each token's owner, role and permissions.", rich_help_panel=HUB),
]
ReachOption = Annotated[
    ReachChoice,
    typer.Option(
        metavar="LEVEL",
        help="Measure what each active token can access. full also counts dependent models and Spaces.",
        rich_help_panel=HUB,
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="Hub to ask. Default: HF_ENDPOINT, else https://huggingface.co.",
        rich_help_panel=HUB,
    ),
]
NoTokenOption = Annotated[bool, typer.Option("--no-token", help="Use no token of your own.", rich_help_panel=HUB)]
FromOption = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="TARGET", help="Scan this target for the values. Repeatable."),
]
KeyringOption = Annotated[
    list[str] | None,
    typer.Option("--keyring", metavar="NAME", help="Read a value from the OS keyring. Repeatable."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation. Revocation can't be undone.")]
InventoryOption = Annotated[
    str | None,
    typer.Option(
        "--inventory",
        envvar="TOKENAUDIT_INVENTORY",
        metavar="FILE|URL",
        help="Inventory file or postgresql:// URL. Default: a file in your data directory.",
    ),
]
