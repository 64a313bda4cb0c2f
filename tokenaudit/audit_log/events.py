"""Events of an audit log, read one by one from the bytes of an export.

An export is one JSON array of objects, newest first (source: the Hub's OpenAPI document). Files can also contain one
event per line or several consecutive exports, and be compressed with gzip. Only the current event is in memory.

Elements are split here and decoded with msgspec. The memory of a streaming parser such as ijson grows with the square
of the nesting depth, so an event of 200 kB can exhaust it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from tokenaudit.audit_log.event import DECODER, SIGN, Event, HubRecord, decode_record, event_of

MOST_EVENTS = 100_000
"""Maximum number of events in an export."""

LARGEST_LOG = 1 << 30
"""Maximum size of a log in bytes, after decompression; the rest is not read."""

LARGEST_EVENT = 1 << 20
"""Maximum size of one event in bytes; reading stops at a larger one."""

MOST_NOT_EVENTS = 1_000
"""Number of other entries after which data without any event is not an audit log."""

_READ = 1 << 18
_ATTEMPTS = 8
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_IN_ARRAY = re.compile(rb"\}\s*,\s*\{")
_IN_SEQUENCE = re.compile(rb"\}\s*\{")
_SCALAR = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[-+.\w]+', re.DOTALL)
_NOT_BLANK = re.compile(rb"\S")
_EMPTY = "the log is empty"
_MORE_DATA = "other data follows the log"
_ENDED_EARLY = "the log is truncated"
_MALFORMED = "the JSON is malformed"
_DAMAGED_GZIP = "the gzip data is damaged"
_TRUNCATED_GZIP = "the gzip data is truncated"


class LogError(Exception):
    """The rest of the log can't be read; the events before are valid."""


class NotALogError(Exception):
    """The data contains no event, and is not an empty log."""


class EventReader:
    """Reads the events of a log as its bytes arrive; can be iterated once.

    `count` is the number of events, `not_events` the number of other entries, `oldest` and `newest` are dates.
    `broken` is the reason why reading stopped early, or empty.

    Iterating raises:
        NotALogError: there is no event, and the data is not an empty log.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.count = 0
        self.not_events = 0
        self.oldest: datetime | None = None
        self.newest: datetime | None = None
        self.broken = ""
        self._events = self._read(chunks)

    @property
    def incomplete(self) -> str:
        """The reason why events can be missing; empty if the log is complete."""
        broken = f"only the first {self.count:,} events were read: {self.broken}" if self.broken else ""
        return "; ".join(filter(None, (broken, f"{self.not_events:,} entries are not events" * bool(self.not_events))))

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def _read(self, chunks: Iterable[bytes]) -> Iterator[Event]:
        try:
            for record in _Splitter(_decompressed(chunks)).records():
                event = event_of(record) if record is not None else None
                if event is None:
                    self.not_events += 1
                    if not self.count and self.not_events >= MOST_NOT_EVENTS:
                        break
                    continue
                self.count += 1
                if event.date is not None:
                    if self.oldest is None or event.date < self.oldest:
                        self.oldest = event.date
                    if self.newest is None or event.date > self.newest:
                        self.newest = event.date
                yield event
        except LogError as error:
            self.broken = str(error)
        if not self.count and (self.broken or self.not_events):
            raise NotALogError(self.broken or "the log contains no events")


class _Splitter:
    """Splits bytes into the elements of JSON arrays, or into lines or consecutive objects."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._data = b""
        self._at = 0
        self._ended = False
        self._broken: LogError | None = None

    def records(self) -> Iterator[HubRecord | None]:
        """Yield the objects; None for any other element.

        Raises:
            LogError: the data is truncated or not JSON.
        """
        self._more()
        self._at = len(_BOM) if self._data.startswith(_BOM) else 0
        sign = self._peek()
        if sign is None:
            raise LogError(_EMPTY)
        if sign != b"[":
            yield from self._lines()
            return
        while sign is not None:
            if sign != b"[":
                raise LogError(_MORE_DATA)
            self._at += 1
            yield from self._array()
            sign = self._peek()

    def _array(self) -> Iterator[HubRecord | None]:
        first = True
        while (sign := self._peek()) != b"]":
            if not first:
                if sign != b",":
                    raise self._malformed(sign)
                self._at += 1
                sign = self._peek()
            if sign is None:
                raise self._malformed(sign)
            first = False
            yield self._element(_IN_ARRAY)
        self._at += 1

    def _lines(self) -> Iterator[HubRecord | None]:
        first = True
        while self._peek() is not None:
            end = self._data.find(b"\n", self._at)
            if end < 0 and not self._ended:
                self._extend()
                continue
            last = end < 0
            line = self._data[self._at : None if last else end]
            record = decode_record(line)
            if record is None and first and line.startswith(b"{"):
                yield from self._sequence()
                return
            if record is None and last:
                raise self._ended_early()
            self._at = len(self._data) if last else end
            first = False
            yield record

    def _sequence(self) -> Iterator[HubRecord | None]:
        while self._peek() is not None:
            yield self._element(_IN_SEQUENCE)

    def _element(self, between: re.Pattern[bytes]) -> HubRecord | None:
        """Return the element that begins at the current position.

        Where one object seems to end and another to begin can be inside an object or a string. The data before it is
        a whole element exactly if it is valid JSON.
        """
        searched = 0
        while True:
            data, start = self._data, self._at
            exact = data[start : start + 1] != b"{"
            at, attempts = start, 0
            while not exact and not searched and (found := between.search(data, at)) is not None:
                at = found.start() + 1
                try:
                    record = DECODER.decode(data[start:at])
                except (msgspec.ValidationError, RecursionError):
                    exact = True
                except (msgspec.DecodeError, UnicodeDecodeError):
                    attempts += 1
                    exact = attempts >= _ATTEMPTS
                else:
                    self._at = at
                    return record
            # An incomplete element is only searched again when it has doubled in size: it can arrive in tiny pieces.
            if self._ended or len(data) - start >= max(2 * searched, 1 if exact else _READ):
                searched = len(data) - start
                end = _end(data, start, ended=self._ended)
                if end is not None:
                    self._at = end
                    return decode_record(data[start:end])
                if self._ended:
                    raise self._ended_early()
            self._extend()

    def _peek(self) -> bytes | None:
        """Return the next byte that is not blank; None at the end."""
        while (found := _NOT_BLANK.search(self._data, self._at)) is None:
            self._at = len(self._data)
            if not self._more():
                if self._broken is not None:
                    raise self._broken
                return None
        self._at = found.start()
        return found[0]

    def _extend(self) -> None:
        if len(self._data) - self._at > LARGEST_EVENT:
            message = f"an event is larger than {LARGEST_EVENT >> 20 or 1} MiB"
            raise LogError(message)
        self._more()

    def _more(self) -> bool:
        """Read more data; return False at the end."""
        if self._ended:
            return False
        parts, size = [self._data[self._at :]], 0
        try:
            while size < _READ:
                chunk = next(self._chunks)
                parts.append(chunk)
                size += len(chunk)
        except StopIteration:
            self._ended = True
        except LogError as error:  # the data before is valid
            self._ended, self._broken = True, error
        self._data, self._at = b"".join(parts), 0
        return size > 0

    def _malformed(self, sign: bytes | None) -> LogError:
        return self._ended_early() if sign is None else LogError(_MALFORMED)

    def _ended_early(self) -> LogError:
        return self._broken or LogError(_ENDED_EARLY)


def _end(data: bytes, start: int, *, ended: bool) -> int | None:
    """Return where the JSON value at `start` ends; None if more data is needed.

    Raises:
        LogError: the value is not JSON.
    """
    if data[start : start + 1] not in {b"{", b"["}:
        found = _SCALAR.match(data, start)
        if found is None and data[start : start + 1] != b'"':
            raise LogError(_MALFORMED)
        return found.end() if found is not None and (ended or found.end() < len(data)) else None
    depth = 0
    for found in SIGN.finditer(data, start):
        sign = found[0]
        if sign in b"{[":
            depth += 1
        elif sign in b"}]":
            depth -= 1
            if not depth:
                return found.end()
        elif sign == b'"':
            return None
    return None


def _decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a log, which can be compressed with gzip.

    Raises:
        LogError: the compressed data is damaged or truncated, or the log is too large.
    """
    size = 0
    for chunk in _gunzipped(chunks):
        size += len(chunk)
        if size > LARGEST_LOG:
            message = f"the log is larger than {LARGEST_LOG >> 20 or 1} MiB"
            raise LogError(message)
        yield chunk


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = iter(chunks)
    head = b""
    while len(head) < len(_GZIP) and (chunk := next(rest, None)) is not None:
        head += chunk
    if not head.startswith(_GZIP):
        yield head
        yield from rest
        return
    member = zlib.decompressobj(wbits=31)
    pending: bytes | None = head
    try:
        while pending is not None:
            while pending:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                yield member.decompress(pending, _READ)
                pending = member.unused_data if member.eof else member.unconsumed_tail
            pending = next(rest, None)
        yield member.flush()
    except zlib.error:
        raise LogError(_DAMAGED_GZIP) from None
    if not member.eof:
        raise LogError(_TRUNCATED_GZIP)
