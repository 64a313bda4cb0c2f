"""The state of a rotation: a file with mode 0600 and without values, rewritten at every change."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from tokenaudit.errors import AuditError, ConfigurationError
from tokenaudit.file_access import read_regular
from tokenaudit.json_text import json_text
from tokenaudit.redaction import masked
from tokenaudit.remediate.consumers.files import replace as replace_file
from tokenaudit.remediate.runbook import Mode

StepState: TypeAlias = Literal["begun", "done", "failed"]
_PRIVATE = 0o600


@dataclass(frozen=True)
class JournalEntry:
    """One step: state, time, and evidence or reason of failure.

    `before` and `after` are times of change reported by consumers that show no value.
    """

    id: str
    title: str
    state: StepState
    at: datetime
    evidence: str = ""
    before: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True)
class ServiceTokenState:
    """The token of a service account that a rotation or creation changes.

    `token_id`, `last4` and `created_at` are those before a rotation, None for a creation. `known` are the ids of the
    account's tokens before the first request, which identify tokens whose values were lost. `rights` are the fields of
    the Hub's API, `made` the fingerprints of all values that this operation created.
    """

    organization: str
    account: str
    account_id: str
    name: str
    known: tuple[str, ...]
    rights: dict[str, list[str]]
    token_id: str | None = None
    last4: str | None = None
    created_at: datetime | None = None
    new_token_id: str | None = None
    made: tuple[str, ...] = ()
    expires: bool = False
    skips_network_security: bool = False


@dataclass(frozen=True)
class Record:
    """One rotation. `service_token` is set if the Hub's API creates the new token; its old value is then unknown."""

    fingerprint: str
    display: str
    endpoint: str
    mode: Mode
    started_at: datetime
    account: str | None = None
    new_fingerprint: str | None = None
    new_display: str | None = None
    finished_at: datetime | None = None
    entries: tuple[JournalEntry, ...] = ()
    service_token: ServiceTokenState | None = None
    schema: Literal["tokenaudit/rotation/1"] = "tokenaudit/rotation/1"

    def entry(self, name: str) -> JournalEntry | None:
        """The entry of a step."""
        return next((e for e in self.entries if e.id == name), None)


class HaltedError(AuditError):
    """A step failed or could not be verified. All steps before it are done, none after it was started."""


@dataclass
class Journal:
    """The record of one rotation and its file (None: in memory, for a dry run)."""

    path: Path | None
    record: Record
    now: Callable[[], datetime]
    written: Callable[[], None] = field(default=lambda: None)

    @classmethod
    def opened(cls, path: Path | None, fresh: Record, now: Callable[[], datetime]) -> Journal:
        """The journal at `path`, continued if it belongs to the same rotation (finished or not), else new.

        Raises:
            ConfigurationError: the file is not a journal, or belongs to another credential, Hub or mode.
        """
        known = read(path) if path is not None else None
        if known is not None and known.finished_at is not None:
            same = (known.fingerprint, known.endpoint) == (fresh.fingerprint, fresh.endpoint)
            return cls(path, known if same else fresh, now)
        if known is None:
            return cls(path, fresh, now)
        for what in ("fingerprint", "endpoint", "mode"):
            if getattr(known, what) != getattr(fresh, what):
                message = (
                    f"{path} belongs to another rotation ({what} {getattr(known, what)}, not "
                    f"{getattr(fresh, what)}); finish that rotation, or use another file with --journal"
                )
                raise ConfigurationError(message)
        return cls(path, known, now)

    def entry(self, name: str) -> JournalEntry | None:
        """The entry of a step."""
        return self.record.entry(name)

    def note(
        self,
        name: str,
        title: str,
        state: StepState,
        evidence: str = "",
        *,
        before: datetime | None = None,
        after: datetime | None = None,
    ) -> None:
        """Writes the state of a step."""
        entry = JournalEntry(name, title, state, self.now(), evidence, before, after)
        entries = [entry if e.id == name else e for e in self.record.entries]
        if self.entry(name) is None:
            entries.append(entry)
        self.change(entries=tuple(entries))

    def halted(self, title: str, name: str, reason: str) -> HaltedError:
        """Writes that a step failed, unless it has begun, and returns the error to raise."""
        entry = self.entry(name)
        if entry is None or entry.state != "begun":
            self.note(f"halt {name}", title, "failed", reason)
        return HaltedError(f"{title}: {reason}")

    def change(self, **what: object) -> None:
        """Writes the record with changed fields."""
        self.record = replace(self.record, **what)  # type: ignore[arg-type]
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                if not self.path.exists():
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
            except OSError as error:
                message = f"journal {self.path} can't be written: {error.strerror}; use another file with --journal"
                raise ConfigurationError(message) from None
            replace_file(self.path, to_json(self.record), _PRIVATE)
        self.written()


def to_json(record: Record) -> str:
    """The record as indented JSON, schema `tokenaudit/rotation/1`."""
    written = msgspec.to_builtins(masked(record))
    document = {"schema": written.pop("schema"), **written}
    return json_text(document)


def read(path: Path) -> Record | None:
    """The record in `path`; None if the file does not exist.

    Raises:
        ConfigurationError: the file can't be read or is not a journal.
    """
    try:
        data = read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"journal {path} can't be read: {error.strerror}"
        raise ConfigurationError(message) from None
    if not data:
        return None
    try:
        return msgspec.json.decode(data, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = f"{path} is not a rotation journal; use another file with --journal"
        raise ConfigurationError(message) from None
