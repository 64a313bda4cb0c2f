"""`tokenaudit scan`."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenaudit.cli import context, options


def scan(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]...", help="Folders, files, git repositories or clone URLs. Default: here."),
    ] = None,
    only: Annotated[str, typer.Option(help="Read only these parts: history, tree, ci (comma-separated).")] = "",
    skip: Annotated[str, typer.Option(help="Leave out these parts: history, tree, ci (comma-separated).")] = "",
    staged: Annotated[bool, typer.Option("--staged", help="Only what is staged for the next commit.")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="REV", help="Only what the commits since this revision bring in.")
    ] = None,
    inspect: options.InspectOption = False,
    reach: options.ReachOption = options.ReachChoice.NONE,
    honour_ignores: Annotated[
        bool, typer.Option("--honour-ignores", help="Obey inline allow comments. An audit doesn't.")
    ] = False,
    secret_name: Annotated[
        list[str] | None, typer.Option(help="A further name under which CI keeps a Hugging Face token. Repeatable.")
    ] = None,
    ci_ref: Annotated[
        list[str] | None, typer.Option(metavar="REF", help="Read the CI configuration of this ref too; *: of all.")
    ] = None,
    zizmor: Annotated[
        bool, typer.Option("--zizmor", help="Fold in what zizmor says of jobs with a credential (extra: zizmor).")
    ] = False,
    plugin: options.PluginOption = None,
    report_format: options.FormatOption = options.ReportFormat.TEXT,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = options.FailOn.LOW,
    baseline: options.BaselineOption = None,
    update_baseline: options.UpdateBaselineOption = False,
    show_unlikely: options.ShowUnlikelyOption = False,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    jobs: options.JobsOption = None,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Find Hugging Face credentials and their misuse in CI, in folders and git repositories.

    A git repository gives its whole history (every ref, and what no ref reaches any more), its working tree with
    ignored files, and its CI configuration. Nothing leaves this machine unless --inspect is given.

    Exit codes: 0 clean and complete; 1 something at or above --fail-on; 2 wrong usage; 3 nothing found, but some
    place could not be read; 130 interrupted.
    """
    from tokenaudit.audit.auditor import Auditor  # noqa: PLC0415 - as above
    from tokenaudit.audit.auditor import scan as run_scan  # noqa: PLC0415 - as above
    from tokenaudit.audit.targets import Scope, parts  # noqa: PLC0415 - as above
    from tokenaudit.cli.progress import progress as progress_for  # noqa: PLC0415 - as above
    from tokenaudit.cli.write_report import Finish  # noqa: PLC0415 - `--help` must not wait for the whole house
    from tokenaudit.policy.config import load_settings  # noqa: PLC0415 - as above

    finish = Finish(
        report_format.value,
        output,
        fail_on.value,
        baseline,
        show_unlikely=show_unlikely,
        color=not no_color,
        update_baseline=update_baseline,
        plugins=tuple(plugin or ()),
    )
    scope = Scope(
        parts(only, skip),
        since,
        staged=staged,
        secret_names=tuple(secret_name or ()),
        ci_refs=tuple(ci_ref or ()),
        zizmor=zizmor,
    )
    with progress_for(quiet=quiet, color=not no_color) as progress:
        auditor = Auditor(
            plugins=tuple(plugin or ()),
            honour_ignores=honour_ignores,
            questions=context.questions(endpoint, reach, no_token=no_token) if inspect else None,
            settings=load_settings(),
            jobs=jobs,
            progress=progress,
        )
        audit = run_scan(tuple(targets or (".",)), scope, auditor)
    raise typer.Exit(finish(audit))
