"""How far the rotations of a report's credentials are, as their journals on this machine tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tokenaudit.remediate.rotation.journal import Record
from tokenaudit.remediate.rotation.setup import journal_path
from tokenaudit.text import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tokenaudit.model import Report


def states(report: Report, path_of: Callable[[str], Path] = journal_path) -> dict[str, str]:
    """By fingerprint, in a sentence; credentials without a journal are left out.

    A fingerprint becomes part of a file's name, so only those that are one are looked up: a report can be made by hand.
    """
    marks = {c.fingerprint for c in report.credentials if c.fingerprint.isascii() and c.fingerprint.isalnum()}
    told = {mark: _told(path_of(mark)) for mark in sorted(marks)}
    return {mark: words for mark, words in told.items() if words}


def _told(path: Path) -> str:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return "there is a journal on this machine, but it can't be read."
    by = f", replaced by {record.new_display}" if record.new_display else ""
    if record.finished_at:
        return f"finished {record.finished_at:%Y-%m-%d}{by}."
    done = sum(entry.state == "done" for entry in record.entries)
    last = record.entries[-1] if record.entries else None
    where = f", last: {last.title} ({last.state}, {last.at:%Y-%m-%d})" if last else ""
    return f"begun {record.started_at:%Y-%m-%d}, not finished: {count(done, 'step')} done{where}{by}."
