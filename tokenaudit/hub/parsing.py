"""Times as the Hub writes them."""

from __future__ import annotations

from datetime import datetime, timezone


def moment(value: object) -> datetime | None:
    """An ISO 8601 text as an aware time; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
