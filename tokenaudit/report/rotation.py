"""The finished (or unfinished) record of a rotation, for the incident's file."""

from __future__ import annotations

from tokenaudit.remediate.rotation.journal import Entry, Record
from tokenaudit.report.markdown import code
from tokenaudit.report.plan import prose

_STATE = {"done": "x", "begun": " ", "failed": " "}


def to_markdown(record: Record) -> str:
    """What was done and how it was proven, step by step. Fingerprints only."""
    finished = f"finished {record.finished_at:%Y-%m-%d %H:%M} UTC" if record.finished_at else "NOT FINISHED"
    lines = [
        f"# Rotation of {code(record.display)}",
        "",
        f"- Old: {code(record.fingerprint)}, of {prose(record.account or 'an unknown account')}",
        f"- New: {code(record.new_fingerprint or 'none yet')} {code(record.new_display) if record.new_display else ''}",
        f"- At {code(record.endpoint)}, {record.mode}, begun {record.started_at:%Y-%m-%d %H:%M} UTC, {finished}",
        "",
    ]
    return "\n".join([*lines, *(_line(entry) for entry in record.entries), ""])


def _line(entry: Entry) -> str:
    note = "" if entry.state == "done" else f" ({entry.state})"
    return f"- [{_STATE[entry.state]}] {entry.at:%Y-%m-%d %H:%M:%S} {prose(entry.title)}{note}: {prose(entry.evidence)}"
