"""From any JSON value to small, printable, bounded pieces: a Hub may answer anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tokenaudit.hub.result import printable
from tokenaudit.secret import Secret
from tokenaudit.timestamps import is_undecidable, parse_timestamp

MOST_ENTRIES = 1000
MOST_TEXTS = 200
MOST_TEXTS_IN_ALL = 20_000
_LONGEST_TEXT = 200


@dataclass
class JsonReader:
    """Reads one answer about `secret`; `doubts` lists what was not as promised, so that nothing is read as harmless.

    `undated` lists the times that can't be read: they make an age unknown, not what the credential may do.
    """

    secret: Secret
    doubts: list[str] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)
    texts_left: int = MOST_TEXTS_IN_ALL

    def doubt(self, what: str) -> None:
        """Notes that a part of the answer was not understood."""
        if what not in self.doubts:
            self.doubts.append(what)

    def mapping(self, value: object, what: str | None = None) -> dict[str, Any]:
        """`value` where it is an object, else an empty one; with `what`, its absence is a doubt."""
        if isinstance(value, dict):
            return value
        if what is not None:
            self.doubt(f"{what} is missing or no object")
        return {}

    def entries(self, value: object, what: str, *, required: bool = False) -> list[object]:
        """The entries of a list, at most 1000 of them; anything else is a doubt unless absent and not required."""
        if value is None and not required:
            return []
        if not isinstance(value, list):
            self.doubt(f"{what} is missing or no list")
            return []
        if len(value) > MOST_ENTRIES:
            self.doubt(f"{what} has more than {MOST_ENTRIES} entries")
        return value[:MOST_ENTRIES]

    def text(self, value: object) -> str | None:
        """A printable line of at most 200 characters, without the credential itself, or None."""
        if not isinstance(value, str) or not value:
            return None
        return printable(value, limit=_LONGEST_TEXT)

    def texts(self, value: object, what: str, *, required: bool = False) -> tuple[str, ...]:
        """The texts of a list; an entry that is none is a doubt."""
        entries = self.entries(value, what, required=required)
        most = min(MOST_TEXTS, self.texts_left)
        if len(entries) > most:
            self.doubt(f"{what} has more than {most} entries")
        entries = entries[:most]
        self.texts_left -= len(entries)
        texts = [self.text(entry) for entry in entries]
        if None in texts:
            self.doubt(f"an entry of {what} is no text")
        return tuple(dict.fromkeys(text for text in texts if text is not None))

    def moment(self, value: object, what: str) -> datetime | None:
        """A time in UTC, or None where it is absent or unreadable; the latter is noted in `undated`."""
        if is_undecidable(value):
            self.undated.append(what)
        return parse_timestamp(value)
