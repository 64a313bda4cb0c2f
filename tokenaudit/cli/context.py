"""Whom the options name to be asked, and what is remembered of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenaudit.audit.assessment import InspectionOptions
    from tokenaudit.cli.options import ReachChoice
    from tokenaudit.hub.client import Hub
    from tokenaudit.inspect.cache import DiskCache
    from tokenaudit.remediate.revocation import WriteOnlyCache


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
    from tokenaudit.audit.assessment import InspectionOptions  # noqa: PLC0415 - an offline run never loads the network

    return InspectionOptions(hub(endpoint, no_token=no_token), answers(), reach.value)


def answers() -> DiskCache:
    """What this machine remembers of the Hub's answers."""
    from tokenaudit.inspect.cache import DiskCache, default_path  # noqa: PLC0415 - an offline run never loads it

    return DiskCache(default_path())


def fresh_cache() -> WriteOnlyCache:
    """Inspections for later runs, from a command that itself asks everything anew."""
    from tokenaudit.remediate.revocation import WriteOnlyCache  # noqa: PLC0415 - an offline run never loads it

    return WriteOnlyCache(answers())
