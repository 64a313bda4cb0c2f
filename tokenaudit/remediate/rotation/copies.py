"""Copies of a value in the places that a rotation has changed: nothing is revoked as long as one is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from tokenaudit.interfaces import Scanner
from tokenaudit.model import Skipped
from tokenaudit.remediate.consumers import Content
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class Copies:
    """Where a value was found, as `FILE:LINE` or the name of a variable, and what could not be read."""

    places: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def copies(value: Secret, contents: Iterable[Content | Skipped], scanner: Scanner) -> Copies:
    """Looks for `value` as it is, percent-encoded, and in every encoding that the detectors know."""
    places: dict[str, None] = {}
    skipped: dict[Skipped, None] = {}
    for content in contents:
        if isinstance(content, Skipped):
            skipped[content] = None
            continue
        places.update(dict.fromkeys(_in(value, content, scanner)))
    return Copies(tuple(places), tuple(skipped))


def _in(value: Secret, content: Content, scanner: Scanner) -> Iterable[str]:
    raw = value.reveal().encode("utf-8", "surrogateescape")
    lines = content.data.split(b"\n")
    found = [number for number, line in enumerate(lines, start=1) if raw in line or raw in unquote_to_bytes(line)]
    yield from (_place(content, number, len(lines)) for number in found)
    for detection in scanner.scan(content.data, content.where).detections:
        if detection.secret == value and detection.line not in found:
            how = f" ({', '.join(detection.via)})" if detection.via else ""
            yield f"{_place(content, detection.line, len(lines))}{how}"


def _place(content: Content, line: int | None, lines: int) -> str:
    return content.where if line is None or lines == 1 else f"{content.where}:{line}"
