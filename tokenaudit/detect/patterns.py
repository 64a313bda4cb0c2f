"""What raw bytes must show before anything is unwrapped or decoded: credentials in clear and in every encoding.

A pattern is two expressions of bounded length. The exact one says what counts; the scout is a short and rare part of
it (or something looser) that compiles and searches fast. Whoever sees a scout has the exact one decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tokenaudit.detect import concatenated, encoded, escapes

Reading: TypeAlias = Literal[
    "plain", "base64", "hex", "utf-16", "escapes", "concatenated", "gzip", "bzip2", "xz", "zstd", "zip", "closed"
]
"""How the bytes around a piece of evidence have to be read."""


@dataclass(frozen=True)
class Pattern:
    """One piece of evidence: `expression` is for `re`, `scout` for both `re` and Hyperscan; `width` bounds both."""

    reading: Reading
    expression: bytes
    scout: bytes
    width: int


@dataclass(frozen=True)
class Shape:
    """What a plugin declares of one kind: literals, and an expression of bounded length that every match satisfies."""

    literals: tuple[str, ...]
    expression: str


LONGEST_SHAPE = 64
"""Bytes that a declared expression may span at most; the loader refuses longer ones."""

_CONTAINERS: tuple[tuple[Reading, bytes, int], ...] = (
    ("gzip", rb"\x1f\x8b\x08[\x00-\x1f]", 4),
    ("bzip2", rb"BZh[1-9]1AY&SY", 10),
    ("xz", rb"\xfd7zXZ\x00", 6),
    ("zstd", rb"\x28\xb5\x2f\xfd", 4),
    ("zip", rb"PK\x03\x04", 4),
    ("closed", rb"7z\xbc\xaf\x27\x1c", 6),
    ("closed", rb"Rar!\x1a\x07", 6),
    ("closed", rb"\x04\x22\x4d\x18", 4),
    ("base64", rb"H4sI[A-H]", 5),  # gzip
    ("base64", rb"Qlpo[MN][0-9A-Za-z][FR]BWSZTW", 14),  # bzip2
    ("base64", rb"[/_]Td6WFoA", 8),  # xz
    ("base64", rb"KLUv[/_]", 5),  # zstd
    ("base64", rb"UEsDB[AB]", 6),  # zip
    ("hex", rb"1[fF]8[bB]080[0-9a-fA-F]0{4}", 12),
    ("hex", rb"504[bB]03041[0-9a-fA-F]00", 12),
)
_THRICE = frozenset(("hf_", "api_", "oauth_app_secret_"))
"""Literals that are looked for even in base64 of base64 of base64."""

_BYTES_ONCE, _BYTES_TWICE = 6, 4
"""Bytes of a credential that its encoded form must show: enough to be rare in random data."""

_SCOUTED = 5
"""Characters of an encoded form that the scout looks for."""


def patterns_for(shapes: Iterable[Shape]) -> tuple[Pattern, ...]:
    """All evidence for credentials of these shapes."""
    shapes = tuple(shapes)
    found = [Pattern("plain", s.expression.encode(), s.expression.encode(), LONGEST_SHAPE) for s in shapes]
    literals = {literal for shape in shapes for literal in shape.literals}
    for literal in _roots(literals):
        found += _encoded(literal)
    cut = dict.fromkeys(each for literal in sorted(literals) for each in concatenated.evidence(literal))
    found += (Pattern("concatenated", each, scout, concatenated.WIDTH) for each, scout in cut)
    found += (Pattern(reading, expression, expression, width) for reading, expression, width in _CONTAINERS)
    return tuple(found)


def _roots(literals: Iterable[str]) -> list[str]:
    """Without those that another one already stands in front of."""
    unique = sorted(set(literals))
    return [each for each in unique if not any(each != other and each.startswith(other) for other in unique)]


def _encoded(literal: str) -> Iterator[Pattern]:
    once = encoded.known(literal, _BYTES_ONCE)
    for form in encoded.as_base64(once):
        yield _pattern("base64", form)
        yield from _folded(form)
    yield _pattern("hex", encoded.as_hex(once))
    for order in ("little", "big"):
        yield _pattern("utf-16", encoded.as_utf16(once, order))
    yield from _encoded_twice(literal)
    yield from (Pattern("escapes", each, scout, escapes.WIDTH) for each, scout in escapes.evidence(literal))


def _encoded_twice(literal: str) -> Iterator[Pattern]:
    short = encoded.known(literal, _BYTES_TWICE)
    wide = [encoded.as_utf16(short, order) for order in ("little", "big")]
    for inner in encoded.as_base64(short):
        for form in encoded.as_base64(inner):
            yield _pattern("base64", form)
            if literal in _THRICE:
                yield from (_pattern("base64", outer) for outer in encoded.as_base64(form))
        yield _pattern("hex", encoded.as_hex(inner))
        yield from (_pattern("utf-16", encoded.as_utf16(inner, order)) for order in ("little", "big"))
    for inner in (encoded.as_hex(short), *wide):
        yield from (_pattern("base64", form) for form in encoded.as_base64(inner))
        yield _pattern("hex", encoded.as_hex(inner))
    for order in ("little", "big"):
        yield _pattern("utf-16", encoded.as_utf16(encoded.as_hex(short), order))


def _pattern(reading: Reading, form: encoded.Sets) -> Pattern:
    size = min(_SCOUTED * (1 if reading == "base64" else 2), len(form))
    stretches = [form[at : at + size] for at in range(len(form) - size + 1)]
    rarest = min(stretches, key=lambda stretch: math.prod(map(len, stretch)))
    return Pattern(reading, encoded.expression(form), encoded.expression(rarest), len(form))


def _rarity(form: encoded.Sets) -> int:
    """How many characters are fixed: what Hyperscan is fast at looking for."""
    return sum(len(each) == 1 for each in form)


def _folded(form: encoded.Sets) -> Iterator[Pattern]:
    """The form with one line break in it; the scout is its rarer part and the beginning or end of the break."""
    for at in range(1, len(form)):
        left, right = encoded.expression(form[:at]), encoded.expression(form[at:])
        scout = left + rb"[\r\n\\]" if _rarity(form[:at]) >= _rarity(form[at:]) else rb"[\nn \t]" + right
        yield Pattern("base64", left + encoded.LINE_BREAK + right, scout, len(form) + encoded.LINE_BREAK_WIDTH)
