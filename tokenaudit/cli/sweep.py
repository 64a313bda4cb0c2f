"""`tokenaudit sweep`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tokenaudit.audit.auditor import Audit, utc_now
from tokenaudit.audit.auditor_token import auditor_token_for_reading
from tokenaudit.cli import choices, context, options
from tokenaudit.cli import sweep_options as chosen
from tokenaudit.cli.destinations import destinations
from tokenaudit.cli.errors import say
from tokenaudit.cli.sweep_screen import progress_display
from tokenaudit.cli.write_report import Finish
from tokenaudit.inventory import open_inventory
from tokenaudit.sweep import SweepConfig, run_sweep
from tokenaudit.sweep.arguments import cache_of, executor_for, scope_of, size_of
from tokenaudit.sweep.worker_context import WorkerContext


def sweep(
    namespaces: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMESPACE]...", help="Hub users or organizations; also github:ORG, gitlab:GROUP."),
    ] = None,
    types: chosen.TypesOption = "model,dataset,space,bucket",
    include: chosen.IncludeOption = None,
    exclude: chosen.ExcludeOption = None,
    members: chosen.MembersOption = False,
    logs: chosen.LogsOption = False,
    lfs: chosen.LfsOption = None,
    from_file: chosen.FromFileOption = None,
    full: chosen.FullOption = False,
    no_inspect: chosen.NoInspectOption = False,
    fail_on_new: chosen.FailOnNewOption = False,
    cache_dir: chosen.CacheDirOption = None,
    cluster: chosen.ClusterOption = None,
    inventory: options.InventoryOption = None,
    secret_name: chosen.SecretNameOption = None,
    plugin: options.PluginOption = None,
    formats: options.FormatOption = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = choices.FailOn.LOW,
    show_unlikely: options.ShowUnlikelyOption = False,
    show_dead: options.ShowDeadOption = False,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    endpoint: options.EndpointOption = None,
    no_token: options.NoTokenOption = False,
    jobs: chosen.AtATimeOption = None,
    quiet: options.QuietOption = False,
    no_color: options.NoColorOption = False,
) -> None:
    """Scan a namespace and record the results.

    Scans repositories with their history and pull requests, discussions, Space variables and secret names, Jobs,
    webhooks, inference endpoints, collections and buckets, as far as your own token can read them. An interrupted sweep
    resumes; a repeated one reads only what has changed. Exit codes as for scan.

    Examples:
      tokenaudit sweep acme
      tokenaudit sweep acme --type space --logs --format json --output report.json
      tokenaudit sweep acme github:acme --members --cache-dir ~/mirrors
    """
    scope = scope_of(namespaces or (), types, include or (), exclude or (), from_file, members=members, logs=logs)
    if cluster is not None:
        choices.refuse("--cluster", {"--jobs": jobs})
    hub = context.hub(endpoint, no_token=no_token)
    setup = SweepConfig(
        hub.endpoint,
        auditor_token=not no_token,
        inspect=not no_inspect,
        plugins=tuple(plugin or ()),
        secret_names=tuple(secret_name or ()),
        cache=cache_of(cache_dir, cluster),
        service=os.environ.get("TOKENAUDIT_ENDPOINTS_SERVICE"),
        largest_lfs=size_of("--lfs", lfs) if lfs is not None else None,
    )
    finish = Finish(
        destinations(formats, output),
        fail_on.value,
        None,
        show_unlikely=show_unlikely,
        show_dead=show_dead,
        color=not no_color,
    )
    scanned: list[str | Path] = [*scope.urls, *([cache_dir] if cache_dir is not None else [])]
    settings = context.settings(config, scanned, no_config=no_config, quiet=quiet)
    with open_inventory(inventory) as database, progress_display(quiet=quiet, color=not no_color) as shown:
        swept = run_sweep(
            scope,
            WorkerContext(setup, hub),
            database,
            executor_pool=executor_for(cluster, jobs),
            settings=settings,
            screen=shown,
            full=full,
            ends=context.answers().ends(hub.endpoint),
        )
    own = None if quiet else auditor_token_for_reading(hub, scope.namespaces, utc_now())
    if own is not None and own.too_much is not False:
        say(own.message)
    raise typer.Exit(finish(Audit(swept.report), swept.new if fail_on_new else None))
