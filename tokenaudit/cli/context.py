"""Whom the options name to be asked, and what is remembered of the answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tokenaudit.audit.accepted import check_rules
from tokenaudit.audit.targets import scanned_places
from tokenaudit.cli.errors import say
from tokenaudit.errors import UsageError
from tokenaudit.policy.config import find_settings
from tokenaudit.policy.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokenaudit.audit.inspection import InspectionOptions
    from tokenaudit.cli.choices import ReachChoice
    from tokenaudit.hub.client import Hub
    from tokenaudit.inspect.inspector import DiskCache
    from tokenaudit.remediate.revocation import WriteOnlyCache


def settings(
    config: Path | None, targets: Sequence[str | Path] = (), *, no_config: bool, quiet: bool = False
) -> Settings:
    """The policy that `--config` and `--no-config` choose for a run that scans `targets`.

    Raises:
        UsageError: both are given.
        ConfigurationError: a settings file can't be read, or holds something that is not a setting.
    """
    if no_config:
        if config is not None:
            message = "--config and --no-config can't be combined; use one of them"
            raise UsageError(message)
        return Settings()
    found = find_settings(scanned_places([os.fspath(target) for target in targets]), file=config)
    if any(entry.rule for entry in found.allow):
        from tokenaudit.rule_index import all_rules  # noqa: PLC0415 - loads every rule

        check_rules(found, all_rules())
    if found.policy.not_read is not None and not quiet:
        say(
            f"{found.policy.not_read} was ignored: it is inside a scanned target; "
            "pass it with --config, or move it to your configuration folder"
        )
    return found


def hub(endpoint: str | None, *, no_token: bool) -> Hub:
    """The Hub that `--endpoint` and `--no-token` describe.

    Raises:
        EndpointError: the address is neither https nor http on loopback.
    """
    from tokenaudit.hub.client import Hub  # noqa: PLC0415 - an offline run never loads the network

    return Hub(endpoint, auditor_token=not no_token)


def questions(endpoint: str | None, reach: ReachChoice, *, no_token: bool) -> InspectionOptions:
    """What `--inspect` and its companions ask of the Hub.

    Raises:
        EndpointError: as `hub`.
    """
    from tokenaudit.audit.inspection import InspectionOptions  # noqa: PLC0415 - an offline run never loads the network

    return InspectionOptions(hub(endpoint, no_token=no_token), answers(), reach.value)


def answers() -> DiskCache:
    """What this machine remembers of the Hub's answers."""
    from tokenaudit.inspect.inspector import DiskCache, default_path  # noqa: PLC0415 - an offline run never loads it

    return DiskCache(default_path())


def fresh_cache() -> WriteOnlyCache:
    """The cache of inspections for later runs; this command itself inspects everything again."""
    from tokenaudit.remediate.revocation import WriteOnlyCache  # noqa: PLC0415 - an offline run never loads it

    return WriteOnlyCache(answers())


def range_of_hook() -> tuple[str, str] | None:
    """The range that pre-commit was given (`--from-ref`, `--to-ref`, a push); None where it runs on what is staged.

    pre-commit says so by variables. Where a new branch is pushed it names the branch and no range: that is all of it.
    """
    start, end = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    if start:
        return start, end or "HEAD"
    pushed = os.environ.get("PRE_COMMIT_LOCAL_BRANCH")
    return ("0" * 40, pushed) if pushed else None
