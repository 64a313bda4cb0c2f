"""CI and deployment configuration: what carries which credential where, and what is wrong with that."""

from __future__ import annotations

from tokenaudit.ci.audit import Literal, audit, is_ci_file, may_be_ci

__all__ = ["Literal", "audit", "is_ci_file", "may_be_ci"]
