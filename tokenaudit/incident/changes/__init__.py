"""What changed since an incident began: one file a question, each with the same face.

A question is `changes(window, …, desk)` and gives what happened; what can't be asked it leaves with the desk.
"""

from __future__ import annotations

from tokenaudit.incident.hub_queries import TimeWindow

__all__ = ["TimeWindow"]
