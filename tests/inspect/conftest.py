"""The double for the tests of the inspector."""

from __future__ import annotations

from tests.hub.double import hub_double

__all__ = ["hub_double"]
