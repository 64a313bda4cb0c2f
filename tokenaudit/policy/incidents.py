"""The built-in table of incidents: data beside the code, so that a new row needs no code."""

from __future__ import annotations

import functools
import importlib.resources

import msgspec

from tokenaudit.policy.settings import Incident


@functools.cache
def built_in() -> tuple[Incident, ...]:
    """Every incident that ships with tokenaudit, oldest first."""
    table = importlib.resources.files("tokenaudit.policy") / "incidents.json"
    return tuple(msgspec.json.decode(table.read_bytes(), type=list[Incident]))
