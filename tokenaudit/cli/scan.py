"""`tokenaudit scan`."""

from __future__ import annotations

import typer

from tokenaudit.cli import choices, options
from tokenaudit.cli import scan_options as chosen
from tokenaudit.cli.run_scan import run_scan


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
    code = run_scan(
        targets=targets,
        only=only,
        skip=skip,
        staged=staged,
        since=since,
        ci_ref=ci_ref,
        exclude=exclude,
        inspect=inspect,
        reach=reach,
        honour_ignores=honour_ignores,
        secret_name=secret_name,
        zizmor=zizmor,
        plugin=plugin,
        formats=formats,
        output=output,
        fail_on=fail_on,
        baseline=baseline,
        update_baseline=update_baseline,
        show_unlikely=show_unlikely,
        show_dead=show_dead,
        config=config,
        no_config=no_config,
        endpoint=endpoint,
        no_token=no_token,
        jobs=jobs,
        quiet=quiet,
        no_color=no_color,
    )
    raise typer.Exit(code)
