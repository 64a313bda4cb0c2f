"""CI and deployment configuration: the credentials that it uses, and the problems in it.

File names are matched without importing the parsers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.ci.systems import is_ci_file, may_be_ci
from tokenaudit.lazy_names import lazy_names

if TYPE_CHECKING:
    from tokenaudit.ci.audit import Literal, audit_files, folded_in

__all__ = ["Literal", "audit_files", "folded_in", "is_ci_file", "may_be_ci"]

__getattr__ = lazy_names(__name__, {"Literal": ".audit", "audit_files": ".audit", "folded_in": ".audit"})
