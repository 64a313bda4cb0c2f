"""Scans of a whole namespace of the Hub: resumable, incremental, recorded in the inventory."""

from __future__ import annotations

from tokenaudit.sweep.config import SweepConfig, SweepScope
from tokenaudit.sweep.runner import SweepResult
from tokenaudit.sweep.runner import sweep as run_sweep

__all__ = ["SweepConfig", "SweepResult", "SweepScope", "run_sweep"]
