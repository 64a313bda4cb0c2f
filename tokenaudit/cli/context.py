"""Whom the options name to be asked, and what is remembered of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenaudit.audit.assessment import Questions
    from tokenaudit.cli.options import Reach
    from tokenaudit.hub.client import Hub
    from tokenaudit.inspect.cache import DiskCache
    from tokenaudit.remediate.revocation import Fresh


def hub(endpoint: str | None, *, no_token: bool) -> Hub:
    """The Hub that `--endpoint` and `--no-token` describe.

    Raises:
        EndpointError: the address is neither https nor http on loopback.
    """
    from tokenaudit.hub.client import Hub  # noqa: PLC0415 - an offline run never loads the network

    return Hub(endpoint, own_token=not no_token)


def questions(endpoint: str | None, reach: Reach, *, no_token: bool) -> Questions:
    """What `--inspect` and its companions ask of the Hub.

    Raises:
        EndpointError: as `hub`.
    """
    from tokenaudit.audit.assessment import Questions  # noqa: PLC0415 - an offline run never loads the network

    return Questions(hub(endpoint, no_token=no_token), answers(), reach.value)


def answers() -> DiskCache:
    """What this machine remembers of the Hub's answers."""
    from tokenaudit.inspect.cache import DiskCache, default_path  # noqa: PLC0415 - an offline run never loads it

    return DiskCache(default_path())


def fresh_cache() -> Fresh:
    """Inspections for later runs, from a command that itself asks everything anew."""
    from tokenaudit.remediate.revocation import Fresh  # noqa: PLC0415 - an offline run never loads it

    return Fresh(answers())
