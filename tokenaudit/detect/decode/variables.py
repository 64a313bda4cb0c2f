"""Values split between a variable and its use: `A = "hf_x"`, then `A + "y"`, `f"{A}y"` or `${A}y` in the same file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from tokenaudit.detect.encodings import exactly
from tokenaudit.detect.literals import Hit, LiteralPattern, literal_pattern_for, ranges_around
from tokenaudit.detect.positions import Origins

_NAME = rb"[A-Za-z_]\w{0,40}"
_QUOTE = rb"[\"'`]"
_PART = rb"[A-Za-z0-9_.-]{1,2000}"

_PART_OF = re.compile(
    rb"(?:\[\]|[ \t]{0,4}:[ \t]{0,4}\w{1,20})?(?:[ \t]{0,8}:?=[ \t]{0,8}|:[ \t]{1,8})"
    rb"(?P<quote>" + _QUOTE + rb"?)(?P<part>" + _PART + rb")(?P=quote)(?![\w\"'`$])"
    rb"|[ \t]{1,8}\"(?P<macro>" + _PART + rb")\""
)
"""The text after a name that a part is assigned to, or that is defined as a part by a C macro."""

_WORD = re.compile(rb"\w")
_ASSIGNED_BEFORE = re.compile(
    rb"(?<![\w$.\"'`])(?P<name>"
    + _NAME
    + rb")(?:(?:\[\]|[ \t]{0,4}:[ \t]{0,4}\w{1,20})?[ \t]{0,8}:?=[ \t]{0,8}|:?[ \t]{1,8})"
    + _QUOTE
    + rb"?\Z"
)
_OWNER = rb"(?:(?:self|this|cls|local|var|env|[A-Z]\w{0,40})\.)?"
_MACRO = rb"[A-Z_][A-Z0-9_]{0,40}"
_REFERENCE = (
    rb"(?P<operator>(?:\+|"
    + _QUOTE
    + rb"[ \t]{0,4}\.{1,2})[ \t\r\n]{0,20})\$?"
    + _OWNER
    + rb"(?P<second>"
    + _NAME
    + rb")\b"
    rb"|\$\{" + _OWNER + rb"(?P<braced>" + _NAME + rb")\}"
    rb"|\$(?P<dotted>" + _NAME + rb")(?=[ \t]{0,4}\.[ \t]{0,4}" + _QUOTE + rb")"
    rb"|\$(?P<shell>" + _NAME + rb")"
    rb"|\{" + _OWNER + rb"(?P<template>" + _NAME + rb")\}"
    rb"|(?P<quote>" + _QUOTE + rb")(?P<before>[A-Za-z0-9_]{0,40})(?:%s|\{0?\})(?P<after>[A-Za-z0-9_]{0,40})(?P=quote)"
    rb"[ \t]{0,4}(?:%|\.format\()[ \t]{0,4}\(?(?P<argument>" + _NAME + rb")\b"
    rb"|(?<![\w$.\"'`])"
    + _OWNER
    + rb"(?P<first>"
    + _NAME
    + rb"(?=[ \t]{0,4}(?:\+|\.[. ]))|"
    + _MACRO
    + rb"(?=[ \t]{0,4}\"))"
    rb"|(?P<closed>\"[ \t]{1,4})(?P<third>" + _MACRO + rb")\b"
)
"""A reference to a variable inside a text or an expression."""

_BODY = rb"[A-Za-z0-9]{0,33}"
WIDTH = 20 + 34 + 20


def evidence(literal: str, roots: Iterable[bytes] = ()) -> tuple[bytes, LiteralPattern]:
    """Return the expression and literal pattern for `literal` with a short body that a variable can continue.

    The shortest complete body has 32 characters. A part with only lower-case letters is nearly always a word, such as
    the name of a module.
    """
    text = re.escape(literal.encode())
    part = text + rb"(?=[a-z]{0,32}[A-Z0-9])[A-Za-z0-9]{3,31}[\"'`\r\n;]"
    joint = (
        rb"(?:\$\{?[A-Za-z_]|\{[A-Za-z_0}]|%s|"
        + _QUOTE
        + rb"[ \t]{0,4}(?:\+|\.\.|\.[ \t]{0,4}\$)[ \t\r\n]{0,9}[A-Za-z_])"
    )
    whole = rb"(?:(?<=[=\"'`])|(?<=: ))" + part + rb"|" + text + _BODY + joint
    head = text + _BODY + rb"[\"'`\r\n;${%]"
    return whole, literal_pattern_for(exactly(literal.encode()), whole, roots)._replace(head=head)


def substituted(data: bytes, hits: Sequence[Hit], start: int) -> Iterator[tuple[bytes, Origins]]:
    """Yield parts of `data` with variables replaced by their assigned text, and the origins of each byte.

    The parts are around each use of one of `hits`, directly or through the name it is assigned to. `start` is added to
    all origins. A variable that is used before its first assignment has the text of that assignment.
    """
    texts = _Texts(data)
    uses: list[Hit] = []
    for hit in hits:
        uses.append(hit)
        name = _ASSIGNED_BEFORE.search(data, max(0, hit.start - _BEFORE), hit.start)
        if name is not None:
            uses += (Hit(low, high, hit.pattern) for low, high in texts.uses(name["name"]))
    for low, high, _ in ranges_around(sorted(uses), len(data), _LEFT, _RIGHT):
        found = _replaced(data[low:high], texts, start + low, low)
        if found is not None:
            yield found


_BEFORE, _LEFT, _RIGHT = 120, 240, 4000
"""Bytes to search before a part for its name, and to read before and after a use (a JWT is long)."""


class _Texts:
    """The assignments and uses of the variables of a text; each name is searched for once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._assigned: dict[bytes, tuple[list[int], list[bytes]]] = {}
        self._used: set[bytes] = set()

    def uses(self, name: bytes) -> Iterator[tuple[int, int]]:
        if name not in self._used and len(self._used) < _MOST_NAMES:
            self._used.add(name)
            yield from self._places(name)

    def _places(self, name: bytes) -> Iterator[tuple[int, int]]:
        at = self._data.find(name)
        while at >= 0:
            end = at + len(name)
            if not (_WORD.match(self._data, at - 1) if at else None) and not _WORD.match(self._data, end):
                yield at, end
            at = self._data.find(name, end)

    def at(self, name: bytes, offset: int) -> bytes | None:
        """Return the text of the variable `name` at `offset`; None if none is assigned."""
        if name not in self._assigned:
            if len(self._assigned) >= _MOST_NAMES or name not in self._data:
                return None
            ends: list[int] = []
            parts: list[bytes] = []
            for _, end in self._places(name):
                found = _PART_OF.match(self._data, end)
                if found:
                    ends.append(found.end())
                    parts.append(found["part"] or found["macro"])
            self._assigned[name] = ends, parts
        ends, parts = self._assigned[name]
        return parts[max(0, bisect_right(ends, offset) - 1)] if parts else None


_MOST_NAMES = 64


def _replaced(data: bytes, texts: _Texts, start: int, at: int) -> tuple[bytes, Origins] | None:
    """Replace the variables in `data`, which starts at `at` in the data of `texts`; None if there are none."""
    out = bytearray()
    origins = Origins(start)
    copied = 0
    for found in re.finditer(_REFERENCE, data):
        name = next(filter(None, (found[each] for each in _NAMED)))
        part = texts.at(name, at + found.start())
        assigned = _PART_OF.match(data, found.end())
        if part is None or (assigned and assigned["part"]):
            continue
        out += data[copied : found.start()]
        origins.add(len(out), start + found.start())
        out += _replacement(found, part)
        copied = found.end()
        origins.add(len(out), start + copied)
    if not copied:
        return None
    out += data[copied:]
    return bytes(out), origins


_NAMED = ("braced", "dotted", "shell", "template", "argument", "first", "second", "third")


def _replacement(found: re.Match[bytes], part: bytes) -> bytes:
    if found["argument"]:
        return b'"%b%b%b"' % (found["before"], part, found["after"])
    if found["first"] or found["dotted"]:
        return b'"%b"' % part
    if found["second"] or found["third"]:
        return b'%b"%b"' % (found["operator"] or found["closed"], part)
    return part
