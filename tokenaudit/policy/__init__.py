"""Evaluates inspection and exposure of a credential to reasons and a verdict. One rule per file, in `rules/`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenaudit.policy.config import load_settings
    from tokenaudit.policy.evaluate import RULES
    from tokenaudit.policy.settings import Exemption, Incident, Settings

_HOMES = {
    "RULES": "tokenaudit.policy.evaluate",
    "Exemption": "tokenaudit.policy.settings",
    "Incident": "tokenaudit.policy.settings",
    "Settings": "tokenaudit.policy.settings",
    "load_settings": "tokenaudit.policy.config",
}

__all__ = ["RULES", "Exemption", "Incident", "Settings", "load_settings"]


def __getattr__(name: str) -> object:
    """Loads the rules only when a credential is evaluated."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found: object = getattr(importlib.import_module(_HOMES[name]), name)
    return found
