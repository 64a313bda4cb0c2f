"""A whole namespace of the Hub, place by place: resumable, incremental, remembered in the inventory."""

from __future__ import annotations

from tokenaudit.sweep.run import Swept
from tokenaudit.sweep.run import sweep as run_sweep
from tokenaudit.sweep.setup import Scope, Setup

__all__ = ["Scope", "Setup", "Swept", "run_sweep"]
