"""What picklescan, which the Hub runs, says about a pickle. An extra that affects only the severity of a finding.

Only its functions for bytes are used, never those that download.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from typing import Any

_WORST_FIRST = ("dangerous", "suspicious", "innocuous")


def hub_opinion(pickles: Iterable[bytes]) -> dict[str, str]:
    """The names that picklescan reads from `pickles`, each with `dangerous`, `suspicious` or `innocuous`.

    Empty if picklescan is not installed. Pickles that it can't read add nothing: that is not an opinion.
    """
    try:
        from picklescan.scanner import scan_pickle_bytes  # noqa: PLC0415 - an extra
    except ImportError:
        return {}
    # picklescan logs its findings with the unmasked names of the file.
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
    """The worst opinion on `names`, None if there is none."""
    given = [opinions[name] for name in names if name in opinions]
    return min(given, key=_rank, default=None)
