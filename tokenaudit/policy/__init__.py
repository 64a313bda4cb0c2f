"""Evaluates inspection and exposure of a credential to reasons and a verdict. One rule per file, in `rules/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.lazy_names import lazy_names

if TYPE_CHECKING:
    from tokenaudit.policy.config import load_settings
    from tokenaudit.policy.evaluate import RULES
    from tokenaudit.policy.settings import Exemption, Incident, Settings

__all__ = ["RULES", "Exemption", "Incident", "Settings", "load_settings"]

__getattr__ = lazy_names(
    __name__,
    {
        "RULES": ".evaluate",
        "Exemption": ".settings",
        "Incident": ".settings",
        "Settings": ".settings",
        "load_settings": ".config",
    },
)
"""Loads the rules only when a credential is evaluated."""
