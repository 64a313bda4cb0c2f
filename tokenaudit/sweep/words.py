"""How far a sweep is, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.text import count

if TYPE_CHECKING:
    from tokenaudit.sweep.progress import Tally

_MINUTE, _HOUR = 60, 3600


def how_far(tally: Tally) -> str:
    """Repositories done and total, and how long the rest takes."""
    return f"{tally.repositories_done:,} of {tally.repositories:,} repositories, {_left(tally.seconds_left)}"


def figures(tally: Tally, speed: tuple[float, float]) -> str:
    """Speed (objects and bytes a second), credentials found, and what is left of the Hub's rate limit."""
    objects, size = speed
    credentials = f"{count(len(tally.credentials), 'credential')} found"
    return f"{objects:,.0f} objects/s, {size / 1_000_000:,.1f} MB/s, {credentials}, {_requests(tally)}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "time left not known yet"
    if seconds <= 0:
        return "nothing left"
    if seconds < _MINUTE:
        return f"about {max(seconds, 1):.0f} s left"
    if seconds < _HOUR:
        return f"about {seconds / _MINUTE:.0f} min left"
    return f"about {seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min left"


def _requests(tally: Tally) -> str:
    window = tally.window
    if window is None:
        return "requests left: unknown"
    minutes, seconds = divmod(round(window.seconds), _MINUTE)
    rest = f"{minutes}:{seconds:02}"
    if window.left == 0:
        return f"no requests left: the Hub's limit is over in {rest}"
    return f"{window.left:,} request{'' if window.left == 1 else 's'} left for {rest}"
