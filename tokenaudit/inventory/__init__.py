"""What was seen when: credentials by fingerprint, secret names and their ages, sweeps. Never a credential's value."""

from __future__ import annotations

from tokenaudit.inventory.database import Inventory
from tokenaudit.inventory.nouns import Change, Consumer, Difference, Known, Outcome, Place, Sweep
from tokenaudit.inventory.opening import default_url, open_inventory

__all__ = [
    "Change",
    "Consumer",
    "Difference",
    "Inventory",
    "Known",
    "Outcome",
    "Place",
    "Sweep",
    "default_url",
    "open_inventory",
]
