"""CI and deployment configuration: what carries which credential where, and what is wrong with that.

Which files are configuration is known without loading what reads them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tokenaudit.ci.systems import is_ci_file, may_be_ci

if TYPE_CHECKING:
    from tokenaudit.ci.audit import Literal, audit_files
    from tokenaudit.ci.zizmor import folded_in

__all__ = ["Literal", "audit_files", "folded_in", "is_ci_file", "may_be_ci"]

_MODULES = {"Literal": "audit", "audit_files": "audit", "folded_in": "zizmor"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
