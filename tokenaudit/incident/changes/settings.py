"""Secrets and variables of Spaces: what was set since, and what is kept there today."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tokenaudit.hub import spaces
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import Failure
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import IncidentChange
from tokenaudit.interfaces import Scanner
from tokenaudit.model import SecretName
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class SpaceSettings:
    """The current state of one Space; None for what could not be queried. A variable has its fingerprint."""

    secrets: tuple[SecretName, ...] | None
    variables: tuple[SecretName, ...] | None


def settings(space: str, queries: HubQueries, scanner: Scanner) -> SpaceSettings:
    """What `space` (`owner/name`) keeps today."""
    target = f"spaces/{space}"
    permission = f"repo.write on {target}"
    secrets = queries.ask(f"{target}: secret names", permission, partial(_secret_names, space))
    variables = queries.ask(f"{target}: variables", permission, partial(_variables, space))
    return SpaceSettings(
        None
        if secrets is None
        else tuple(
            SecretName(target, stored_secret.name, "space-secret", stored_secret.updated_at)
            for stored_secret in secrets
        ),
        None
        if variables is None
        else tuple(
            SecretName(
                target,
                stored_secret.name,
                "space-variable",
                stored_secret.updated_at,
                None,
                _held(stored_secret.value, scanner),
            )
            for stored_secret in variables
        ),
    )


def setting_changes(window: TimeWindow, now: SpaceSettings) -> list[IncidentChange]:
    """What was set at or after the window's start, or at a time that is not known."""
    stored_secret = (*(now.secrets or ()), *(now.variables or ()))
    return [
        IncidentChange(
            "secret" if one.kind == "space-secret" else "variable", one.target, one.name, one.updated_at, note="set"
        )
        for one in stored_secret
        if one.updated_at is None or one.updated_at >= window.since
    ]


def _held(value: Secret, scanner: Scanner) -> str | None:
    data = value.reveal().encode("utf-8", "backslashreplace")
    found = [seen for seen in scanner.scan(data).detections if seen.likelihood == "credential"]
    return found[0].secret.fingerprint if found else None


def _secret_names(space: str, hub: Hub, secret: Secret | None) -> tuple[spaces.SpaceSecretName, ...] | Failure:
    if secret is None:
        return Failure("not-asked", None, "secret names need a token with write access", 0)
    return spaces.secret_names(hub, space, secret)


def _variables(space: str, hub: Hub, secret: Secret | None) -> tuple[spaces.Variable, ...] | Failure:
    return spaces.variables(hub, space, secret)
