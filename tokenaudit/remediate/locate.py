"""Command lines that find a value again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from tokenaudit.model import Credential, Location
from tokenaudit.remediate.grants import PUBLIC_HUB

_IN_CODE = frozenset({"history", "tree", "ci", "commit-message", "tag-message", "note"})
_REPOSITORIES = ("models/", "datasets/", "spaces/")
_ON_THE_HUB = (
    *_REPOSITORIES,
    "buckets/",
    "jobs/",
    "scheduled-jobs/",
    "webhooks/",
    "endpoints/",
    "collections/",
)
_PLATFORMS = ("github:", "gitlab:")
HERE = frozenset({"machine", "machine-history", "machine-log", "keyring", "environment"})
"""Sources on the machine itself: where the owner stores a credential, or where it was recorded."""


def hub_of(credential: Credential) -> str:
    """The Hub of its inspection, else the public one."""
    return (credential.inspection.endpoint if credential.inspection else None) or PUBLIC_HUB


def found_again(credential: Credential, endpoint: str) -> str | None:
    """The `--from` argument that finds the value again; None if a user has to provide it."""
    return next((found for spot in credential.locations if (found := _scannable(spot, endpoint))), None)


def clone_address(target: str, endpoint: str) -> str:
    """The clone address of a repository that a report names."""
    is_on_the_hub = target.startswith(_REPOSITORIES) and target.count("/") > 1
    return f"{endpoint}/{target.removeprefix('models/')}" if is_on_the_hub else target


def look_again(credential: Credential, endpoint: str, *, ask: bool = False) -> str:
    """The commands that scan all its places again; with `ask` also with --inspect."""
    inspect = " --inspect" if ask else ""
    namespaces = sorted({name for spot in credential.locations if (name := _namespace(spot))})
    targets = _unique(
        _scannable(spot, endpoint) for spot in credential.locations if spot.source not in HERE and not _namespace(spot)
    )
    commands = [f"tokenaudit sweep {' '.join(map(shlex.quote, namespaces))}"] if namespaces else []
    commands += [f"tokenaudit scan{inspect} {' '.join(targets)}"] if targets else []
    commands += [f"tokenaudit doctor{inspect}"] if any(s.source in HERE for s in credential.locations) else []
    return "\n".join(commands) or "tokenaudit inspect"


def _scannable(spot: Location, endpoint: str) -> str | None:
    if spot.source.startswith("machine") and spot.path:
        if spot.path.startswith("~/"):
            return f"~/{shlex.quote(spot.path[2:])}"  # a shell does not expand a quoted tilde
        return shlex.quote(spot.path) if spot.path.startswith("/") else None
    if spot.source not in _IN_CODE:
        return None
    address = clone_address(spot.target, endpoint)
    return None if address.startswith((*_ON_THE_HUB, *_PLATFORMS)) else shlex.quote(address)


def _namespace(spot: Location) -> str | None:
    """The `tokenaudit sweep` argument that reads the place of `spot` again; None if no sweep reads it."""
    if spot.target.startswith(_PLATFORMS):
        return spot.target.partition("/")[0].split(" ")[0]
    if spot.target.startswith(_ON_THE_HUB):
        return spot.target.split("/")[1]
    return None


def _unique(found: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(each for each in found if each))
