"""`tokenaudit scan`."""

from __future__ import annotations

import typer

from tokenaudit.audit.auditor import Auditor
from tokenaudit.audit.auditor import scan as run_scan
from tokenaudit.audit.targets import Scope, named_parts, parts
from tokenaudit.cli import choices, context, options
from tokenaudit.cli import scan_options as chosen
from tokenaudit.cli.destinations import destinations
from tokenaudit.cli.progress import progress as progress_for
from tokenaudit.cli.prompt import announce
from tokenaudit.cli.write_report import Finish


def scan(
    targets: chosen.TargetsArgument = None,
    only: chosen.OnlyOption = "",
    skip: chosen.SkipOption = "",
    staged: chosen.StagedOption = False,
    since: chosen.SinceOption = None,
    ci_ref: chosen.CiRefOption = None,
    exclude: options.ExcludeOption = None,
    inspect: options.InspectOption = False,
    reach: options.ReachOption = choices.ReachChoice.NONE,
    honour_ignores: chosen.HonourIgnoresOption = False,
    secret_name: chosen.SecretNameOption = None,
    zizmor: chosen.ZizmorOption = False,
    plugin: options.PluginOption = None,
    formats: options.FormatOption = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = choices.FailOn.LOW,
    baseline: options.BaselineOption = None,
    update_baseline: options.UpdateBaselineOption = False,
    show_unlikely: options.ShowUnlikelyOption = False,
    show_dead: options.ShowDeadOption = False,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    jobs: options.JobsOption = None,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Find Hugging Face credentials and their misuse in CI, in folders and git repositories.

    Of a git repository the whole history is scanned (every ref and unreachable objects), the working tree with ignored
    files, and the CI configuration. Nothing is sent anywhere without --inspect.

    Exit codes:
      0    clean and complete
      1    a finding at or above --fail-on
      2    wrong usage or configuration
      3    nothing found, but something could not be read
      130  interrupted

    Examples:
      tokenaudit scan
      tokenaudit scan --inspect --format json --output report.json ~/projects/app
      tokenaudit scan https://huggingface.co/spaces/acme/app
      tokenaudit scan --staged
      tokenaudit scan --since origin/main --format github
    """
    choices.require(
        "--inspect",
        inspect,
        {"--reach": reach is not choices.ReachChoice.NONE, "--endpoint": endpoint is not None},
        "without it nothing is sent to the Hub",
    )
    finish = Finish(
        destinations(formats, output),
        fail_on.value,
        baseline,
        show_unlikely=show_unlikely,
        show_dead=show_dead,
        color=not no_color,
        update_baseline=update_baseline,
        plugins=tuple(plugin or ()),
    )
    hook = context.range_of_hook() if staged and since is None else None
    scope = Scope(
        parts(only, skip),
        hook[0] if hook else since,
        hook[1] if hook else "HEAD",
        staged=staged and hook is None,
        secret_names=tuple(secret_name or ()),
        ci_refs=tuple(ci_ref or ()),
        zizmor=zizmor,
        required=named_parts(only),
    )
    if "-" in (targets or ()):
        announce("text to scan")
    settings = context.settings(config, targets or (".",), no_config=no_config, quiet=quiet)
    with progress_for(quiet=quiet, color=not no_color) as progress:
        auditor = Auditor(
            plugins=tuple(plugin or ()),
            honour_ignores=honour_ignores,
            questions=context.questions(endpoint, reach, no_token=no_token) if inspect else None,
            settings=settings,
            exclude=tuple(exclude or ()),
            jobs=jobs,
            progress=progress,
        )
        audit = run_scan(tuple(targets or (".",)), scope, auditor)
    raise typer.Exit(finish(audit))
