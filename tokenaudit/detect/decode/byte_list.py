"""Bytes written as numbers: arrays in C, Go and JSON, Node's Buffer, dumps, registry files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.detect.literals import LiteralPattern
from tokenaudit.detect.positions import Origins

_BETWEEN = rb"[,;:\s\\-]{1,40}"
_NUMBER = re.compile(rb"(?:0[xX])?([0-9A-Fa-f]{1,3})(?:" + _BETWEEN + rb"|(?![0-9A-Za-z]))")
_SEPARATORS = (b", ", b",", b" ", b":", b"-", b"\n")
_LINE_ENDS = (b",\n", b",\r\n", b"\n", b"\r\n")
"""Separators of numbers on separate lines; indentation can follow."""

_FORMS = ("%d", "%02x", "%02X", "0x%02x", "0x%02X")
_DECIMAL = re.compile(rb"(?:1[01][0-9]|9[0-9])[^0-9A-Fa-f]")
"""The first letter of a credential in decimal; in hexadecimal it is at most 6f."""

_TEN, _LARGEST = 10, 255
WIDTH = 3 * 4 + 2 * 40 + 8


def evidence(literal: str) -> Iterator[tuple[bytes, LiteralPattern]]:
    """Yield expressions and literal patterns for the first three characters of `literal` as numbers, also in UTF-16."""
    for form in _FORMS:
        for zero in (b"", (form % 0).encode()):
            numbers = [(form % ord(character)).encode() for character in literal[:3]]
            if zero:
                numbers = [each for number in numbers for each in (number, zero)][:4]
            for line_end in _LINE_ENDS:
                first = numbers[0] + line_end
                whole = re.escape(first) + rb"[ \t-]{0,30}" + _BETWEEN.join(map(re.escape, numbers[1:]))
                yield whole, _at_line_end(first, whole)
            for separator in _SEPARATORS:
                first = separator.join(numbers[:2])
                whole = re.escape(first) + _BETWEEN + _BETWEEN.join(map(re.escape, numbers[2:]))
                yield whole, LiteralPattern(whole, (first[:8],))


def _at_line_end(first: bytes, whole: bytes) -> LiteralPattern:
    """Return the literal pattern for a number at the end of a line, `first`. Long numbers are rare enough."""
    literals = (first[:8],)
    if len(first) > _SHORT_NUMBER:
        return LiteralPattern(whole, literals)
    return LiteralPattern(whole, literals, searched=re.escape(first) + rb"[ \t\d-]", back=len(first) + 1)


_SHORT_NUMBER = 4


def parsed(data: bytes, start: int) -> tuple[bytes, Origins, int]:
    """Return the bytes of the numbers from `start` on, their origins, and the end of the last number.

    The first number decides whether all are hexadecimal or decimal.
    """
    base = 10 if _DECIMAL.match(data, start) else 16
    out, origins, at = bytearray(), Origins(start), start
    while found := _NUMBER.match(data, at):
        if base == _TEN and not found[1].isdigit():
            break
        value = int(found[1], base)
        if value > _LARGEST:
            break
        origins.add(len(out), at)
        out.append(value)
        at = found.end()
    return bytes(out), origins, at


_NEXT_WORD = rb"(?:[ ]{1,3}|\r?\n[0-9a-f]{6,8}[ ]{1,3})"
_HALVES = re.compile(rb"([0-9a-f]{2})([0-9a-f]{2})(?:" + _NEXT_WORD + rb"|(?![0-9A-Za-z]))")
WORDS_WIDTH = 4 + 13 + 4


def evidence_in_words(literal: str) -> Iterator[tuple[bytes, LiteralPattern]]:
    """Yield expressions and literal patterns for `literal` in a dump of 16-bit words with the low byte on the right.

    `hexdump` and `od -x` use this format. A value can start in either half of a word.
    """
    first, second, third = (b"%02x" % ord(character) for character in literal[:3])
    whole = second + first
    yield whole + _NEXT_WORD + rb"[0-9a-f]{2}" + third, LiteralPattern(whole + rb"[ \r\n]", (whole,))
    word = b" " + third + second
    yield (
        rb"(?<![0-9a-f])" + first + rb"[0-9a-f]{2}" + _NEXT_WORD + word[1:] + rb"(?![0-9a-f])",
        LiteralPattern(word, (word,)),
    )


def parsed_words(data: bytes, start: int) -> tuple[bytes, Origins, int]:
    """Return the same as `parsed`, for 16-bit words."""
    out, origins, at = bytearray(), Origins(start), start
    while found := _HALVES.match(data, at):
        origins.add(len(out), at)
        out += bytes((int(found[2], 16), int(found[1], 16)))
        at = found.end()
    return bytes(out), origins, at
