"""Revocation outcomes and rotation records as text, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tokenaudit.file_access import read_regular
from tokenaudit.json_text import json_text
from tokenaudit.redaction import masked
from tokenaudit.remediate.revocation import RevocationOutcome
from tokenaudit.remediate.rotation.journal import JournalEntry, Record
from tokenaudit.remediate.rotation.setup import journal_path
from tokenaudit.report.markdown import code
from tokenaudit.report.plan import prose
from tokenaudit.text import count, visible
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tokenaudit.model import Report


def to_text(outcomes: Sequence[RevocationOutcome]) -> str:
    """One line per credential."""
    return "".join(f"{o.fingerprint}  {o.display}  {o.result}: {visible(o.reason)}\n" for o in masked(tuple(outcomes)))


def to_json(outcomes: Sequence[RevocationOutcome]) -> str:
    """The outcomes as indented JSON, schema `tokenaudit/revocation/1`."""
    document = {
        "schema": "tokenaudit/revocation/1",
        "credentials": msgspec.to_builtins(masked(tuple(outcomes))),
    }
    return json_text(document)


_STATE = {"done": "x", "begun": " ", "failed": " "}


def to_markdown(record: Record) -> str:
    """Every step with its evidence. Fingerprints only."""
    record = masked(record)
    finished = f"finished {minute(record.finished_at)} UTC" if record.finished_at else "NOT FINISHED"
    lines = [
        f"# Rotation of {code(record.display)}",
        "",
        f"- Old: {code(record.fingerprint)}, of {prose(record.account or 'an unknown account')}",
        f"- New: {code(record.new_fingerprint or 'none yet')} {code(record.new_display) if record.new_display else ''}",
        f"- At {code(record.endpoint)}, {record.mode}, started {minute(record.started_at)} UTC, {finished}",
        "",
    ]
    return "\n".join([*lines, *(_line(entry) for entry in record.entries), ""])


def _line(entry: JournalEntry) -> str:
    note = "" if entry.state == "done" else f" ({entry.state})"
    return f"- [{_STATE[entry.state]}] {entry.at:%Y-%m-%d %H:%M:%S} {prose(entry.title)}{note}: {prose(entry.evidence)}"


def states(report: Report, path_of: Callable[[str], Path] = journal_path) -> dict[str, str]:
    """The state of each rotation in one sentence, by fingerprint; credentials without a journal are left out.

    Only valid fingerprints are looked up, because they become part of a file name and a report can be made by hand.
    """
    fingerprints = {c.fingerprint for c in report.credentials if c.fingerprint.isascii() and c.fingerprint.isalnum()}
    sentences = {fingerprint: _sentence(path_of(fingerprint)) for fingerprint in sorted(fingerprints)}
    return {fingerprint: words for fingerprint, words in sentences.items() if words}


def _sentence(path: Path) -> str:
    try:
        record = msgspec.json.decode(read_regular(path), type=Record)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return "a journal exists on this machine, but can't be read."
    by = f", replaced by {record.new_display}" if record.new_display else ""
    if record.finished_at:
        return f"finished {day(record.finished_at)}{by}."
    done = sum(entry.state == "done" for entry in record.entries)
    last = record.entries[-1] if record.entries else None
    where = f", last: {last.title} ({last.state}, {day(last.at)})" if last else ""
    return f"started {day(record.started_at)}, not finished: {count(done, 'step')} done{where}{by}."
