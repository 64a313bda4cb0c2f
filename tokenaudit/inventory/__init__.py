"""The inventory: credentials by fingerprint, secret names and their ages, sweeps. Never a credential's value."""

from __future__ import annotations

from tokenaudit.inventory.database import Inventory, default_url, known_credentials, open_inventory
from tokenaudit.inventory.model import ChangeType, Consumer, Difference, KnownCredential, Outcome, PlaceRecord, Sweep

__all__ = [
    "ChangeType",
    "Consumer",
    "Difference",
    "Inventory",
    "KnownCredential",
    "Outcome",
    "PlaceRecord",
    "Sweep",
    "default_url",
    "known_credentials",
    "open_inventory",
]
