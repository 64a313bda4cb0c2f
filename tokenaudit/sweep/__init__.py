"""A whole namespace of the Hub, place by place: resumable, incremental, remembered in the inventory."""

from __future__ import annotations

from tokenaudit.sweep.config import Scope, Setup
from tokenaudit.sweep.runner import Swept
from tokenaudit.sweep.runner import sweep as run_sweep

__all__ = ["Scope", "Setup", "Swept", "run_sweep"]
