"""The double for the commands that ask the Hub."""

from __future__ import annotations

from tests.hub.double import hub_double

__all__ = ["hub_double"]
