"""The Hub's double and a client that asks it."""

from __future__ import annotations

from tests.hub.double import hub_double
from tests.remediate.conftest import hub

__all__ = ["hub", "hub_double"]
