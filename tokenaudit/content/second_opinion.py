"""What picklescan says of a pickle: the scanner that the Hub runs. An extra, which gives severity and decides nothing.

Only its reading of bytes is used, never what downloads.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from typing import Any

_WORST_FIRST = ("dangerous", "suspicious", "innocuous")


def hub_opinion(pickles: Iterable[bytes]) -> dict[str, str]:
    """The names that picklescan reads from `pickles`, each with `dangerous`, `suspicious` or `innocuous`.

    Empty where picklescan is not installed. What it can't read adds nothing: its silence is no opinion.
    """
    try:
        from picklescan.scanner import scan_pickle_bytes  # noqa: PLC0415 - an extra
    except ImportError:
        return {}
    # It logs what it finds, with the names as they are in the file.
    logging.getLogger("picklescan").setLevel(logging.CRITICAL + 1)
    found: dict[str, str] = {}
    for data in pickles:
        try:
            result: Any = scan_pickle_bytes(io.BytesIO(data), "pickle")
        except Exception:  # noqa: BLE001, S112 - its reading of hostile bytes can fail in any way, and is no opinion then
            continue
        for each in result.globals:
            name, safety = f"{each.module}.{each.name}", str(each.safety.value)
            found[name] = min(found.get(name, safety), safety, key=_rank)
    return found


def _rank(safety: str) -> int:
    return _WORST_FIRST.index(safety) if safety in _WORST_FIRST else len(_WORST_FIRST)


def worst_opinion(opinions: dict[str, str], names: Iterable[str]) -> str | None:
    """The worst opinion on `names`, None where there is none."""
    given = [opinions[name] for name in names if name in opinions]
    return min(given, key=_rank, default=None)
