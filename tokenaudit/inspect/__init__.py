"""Inspects credentials: owner, permissions and accessible repositories.

What only evaluates an inspection loads nothing that asks the Hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.lazy_names import lazy_names

if TYPE_CHECKING:
    from tokenaudit.inspect.inspector import Cache, inspect_credentials, may_answer_later

__all__ = ["Cache", "inspect_credentials", "may_answer_later"]

__getattr__ = lazy_names(__name__, dict.fromkeys(__all__, ".inspector"))
