"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.cli.output import or_stdout


class FailOn(str, Enum):
    """The lowest severity that makes a command exit 1."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"


class ReachChoice(str, Enum):
    """How much of what a credential reaches is counted."""

    NONE = "none"
    SUMMARY = "summary"
    FULL = "full"


class ReportFormat(str, Enum):
    """The formats a report can be written in."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITLAB = "gitlab"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    JUNIT = "junit"


_REPORT = "Report"
_HUB = "Hub"

FormatOption = Annotated[
    ReportFormat, typer.Option("--format", "-f", help="How to write the report.", rich_help_panel=_REPORT)
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        callback=or_stdout,
        help="Write the report to this file instead of stdout.",
        rich_help_panel=_REPORT,
    ),
]
FailOnOption = Annotated[
    FailOn,
    typer.Option("--fail-on", help="Exit 1 when something is at least this severe.", rich_help_panel=_REPORT),
]
ShowUnlikelyOption = Annotated[
    bool,
    typer.Option(
        "--show-unlikely", help="List placeholders and look-alikes too, not only count them.", rich_help_panel=_REPORT
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages on stderr.")]
NoColorOption = Annotated[
    bool, typer.Option("--no-color", help="No colour (also: the NO_COLOR variable).", rich_help_panel=_REPORT)
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="How many processes to use. Default: one a processor.")
]
PluginOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A further detect-secrets plugin file to look with. Repeatable."),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option(
        "--baseline", help="Leave out what this detect-secrets baseline already lists.", rich_help_panel=_REPORT
    ),
]
UpdateBaselineOption = Annotated[
    bool,
    typer.Option(
        "--update-baseline", help="Write what was found into the --baseline file first.", rich_help_panel=_REPORT
    ),
]
InspectOption = Annotated[
    bool,
    typer.Option("--inspect", help="Ask the Hub who each credential is and what it may do.", rich_help_panel=_HUB),
]
ReachOption = Annotated[
    ReachChoice,
    typer.Option(
        help="Count what each live one can read and write (asks more as it); full: who builds on that.",
        rich_help_panel=_HUB,
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint", help="The Hub to ask. Default: HF_ENDPOINT, else https://huggingface.co.", rich_help_panel=_HUB
    ),
]
NoTokenOption = Annotated[
    bool, typer.Option("--no-token", help="Use no token of your own, whatever is configured.", rich_help_panel=_HUB)
]
