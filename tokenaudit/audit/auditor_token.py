"""Checks the token that tokenaudit uses against the permissions it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import is_namespace
from tokenaudit.inspect import inspect_credentials
from tokenaudit.model import Entity, Grant, Inspection
from tokenaudit.policy.context import CLASSIC_ROLES
from tokenaudit.remediate.grants import creation_link
from tokenaudit.text import listed


@dataclass(frozen=True)
class AuditorTokenVerdict:
    """The verdict on the auditor's own token; `too_much` is None if unknown."""

    too_much: bool | None
    message: str
    by_hand: tuple[str, ...] = ()


def evaluate_auditor_token(hub: Hub, needs: Sequence[Grant], now: datetime) -> AuditorTokenVerdict | None:
    """Whether the auditor's own token exceeds `needs`, with a link to create a narrower token; None without a token.

    Raises:
        ConfigurationError: the token file exists but can't be read.
    """
    if hub.own is None:
        return None
    ((_, inspection),) = inspect_credentials([("user_token", hub.own.secret)], hub, now=lambda: now)
    shown = f"your own token {hub.own.secret.display} (from {hub.own.origin})"
    if inspection.status != "active":
        return AuditorTokenVerdict(None, f"{shown} is {inspection.status}: {inspection.reason}")
    link = creation_link(needs, endpoint=hub.endpoint)
    excess = _excess(inspection, needs)
    if excess is None:
        message = f"the permissions of {shown} are unknown; create a token for this task only: {link.url}"
        return AuditorTokenVerdict(None, message, link.by_hand)
    if not excess:
        return AuditorTokenVerdict(too_much=False, message=f"{shown} has only the required permissions")
    message = f"{shown} has excess permissions ({excess}); create a token for this task only: {link.url}"
    return AuditorTokenVerdict(too_much=True, message=message, by_hand=link.by_hand)


def _excess(inspection: Inspection, needs: Sequence[Grant]) -> str | None:
    """Short description of the permissions beyond `needs`; empty if there are none, None if they are unknown."""
    if inspection.role in CLASSIC_ROLES:
        return f"role {inspection.role}: everything its owner can {'read' if inspection.role == 'read' else 'do'}"
    if not inspection.details_known:
        return None
    needed = {permission for grant in needs for permission in grant.permissions}
    held = {permission for grant in inspection.grants for permission in grant.permissions}
    return listed(sorted((held | set(inspection.global_permissions)) - needed))


READS = ("repo.content.read",)
"""The permissions that an audit needs on the repositories it reads."""


def auditor_token_for_reading(hub: Hub, namespaces: Sequence[str], now: datetime) -> AuditorTokenVerdict | None:
    """`evaluate_auditor_token` for an audit of `namespaces`; None if none of them is on the Hub.

    Raises:
        ConfigurationError: as `evaluate_auditor_token`.
    """
    of_the_hub = [name for name in namespaces if is_namespace(name)]
    return (
        evaluate_auditor_token(hub, [Grant(Entity("org", name), READS) for name in of_the_hub], now)
        if of_the_hub
        else None
    )
