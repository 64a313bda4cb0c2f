"""Patterns for credentials, in plain text and in every encoding, that must match before anything is decoded.

A pattern consists of an expression of bounded length and its literal patterns. A literal pattern is a short and rare
part of the expression (or a looser expression) that is fast to search for; its matches are checked by the expression.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Literal, NamedTuple, TypeAlias

from tokenaudit.detect import encodings
from tokenaudit.detect.decode import base_n, byte_list, concatenated, escapes, variables, zlib_stream
from tokenaudit.detect.literals import LiteralPattern, literal_pattern_for

Reading: TypeAlias = Literal[
    "plain",
    "base64",
    "hex",
    "utf-16",
    "utf-32",
    "bytes",
    "words",
    "encoded-word",
    "escapes",
    "concatenated",
    "variables",
    "gzip",
    "bzip2",
    "xz",
    "zstd",
    "zip",
    "zlib",
    "git-pack",
    "closed",
    "pointer",
]
"""How to decode the bytes around a match of a pattern."""


class Pattern(NamedTuple):
    """A pattern: one of `literal_patterns` is in every match of `expression`; `width` is the maximum match length.

    `check` takes the data and the offset of a match and returns whether it counts, for conditions that an expression
    can't describe. `is_reason` returns whether a match is a reason to decode the data; otherwise it only counts if
    another match is one. They read at most `looked_at` bytes and must not reject a match because the data end early.
    `surroundings` are those of its shape, None for other patterns.
    """

    reading: Reading
    expression: bytes
    literal_patterns: tuple[LiteralPattern, ...]
    width: int
    check: Callable[[bytes, int], bool] | None = None
    is_reason: Callable[[bytes, int], bool] | None = None
    looked_at: int = 0
    surroundings: int | None = None


class Shape(NamedTuple):
    """Declaration of one kind by a plugin: literals, and an expression of bounded length that every match satisfies.

    `surroundings` are the bytes around a match of the expression that decide which values begin in it; None if any can.
    """

    literals: tuple[str, ...]
    expression: str
    surroundings: int | None = None


LONGEST_SHAPE = 64
"""Maximum width of a declared expression in bytes; the loader rejects longer ones."""

_CONTAINERS: tuple[tuple[Reading, bytes, int, tuple[bytes, ...], int], ...] = (
    ("gzip", rb"\x1f\x8b\x08[\x00-\x1f]", 4, (b"\x1f\x8b\x08",), 0),
    ("bzip2", rb"BZh[1-9]1AY&SY", 10, (b"1AY&SY",), 4),
    ("xz", rb"\xfd7zXZ\x00", 6, (b"\xfd7zXZ\x00",), 0),
    ("zstd", rb"\x28\xb5\x2f\xfd", 4, (b"\x28\xb5\x2f\xfd",), 0),
    ("zip", rb"PK\x03\x04", 4, (b"PK\x03\x04",), 0),
    ("closed", rb"7z\xbc\xaf\x27\x1c", 6, (b"7z\xbc\xaf\x27\x1c",), 0),
    ("closed", rb"Rar!\x1a\x07", 6, (b"Rar!\x1a\x07",), 0),
    ("closed", rb"\x04\x22\x4d\x18", 4, (b"\x04\x22\x4d\x18",), 0),
    ("closed", rb"LZIP[\x00\x01]", 5, (b"LZIP\x01", b"LZIP\x00"), 0),
    ("closed", rb"\xff\x06\x00\x00sNaPpY", 10, (b"sNaPpY",), 4),
    ("git-pack", rb"PACK\x00\x00\x00[\x02\x03]", 8, (b"PACK\x00\x00\x00",), 0),
    ("base64", rb"H4sI[A-H]", 5, (b"H4sI",), 0),  # gzip
    ("base64", rb"Qlpo[MNO][DTjz]FBWSZTW", 13, (b"BWSZTW",), 7),  # bzip2
    ("base64", rb"[/_]Td6WFoA", 8, (b"d6WFoA",), 2),  # xz
    ("base64", rb"KLUv[/_]", 5, (b"KLUv",), 0),  # zstd
    ("base64", rb"UEsDB[AB]", 6, (b"UEsDB",), 0),  # zip
    ("hex", rb"1[fF]8[bB]080[0-9a-fA-F]0{4}", 12, (b"8b080", b"8B080"), 2),
    ("hex", rb"504[bB]03041[0-9a-fA-F]00", 12, (b"b03041", b"B03041"), 3),
)
"""Magic numbers: the reading, the expression and its width, its literals and their offset."""

_POINTERS: tuple[tuple[Reading, bytes, int, tuple[bytes, ...], int], ...] = (
    ("pointer", rb"version https://git-lfs\.github\.com/spec/v", 41, (b"/spec/v",), 34),
    ("pointer", rb"version https://hawser\.github\.com/spec/v", 40, (b"/spec/v",), 33),
    ("pointer", rb"# xet version ", 14, (b"# xet ",), 0),
    ("pointer", rb"annex/objects/", 14, (b"annex/",), 0),
    ("pointer", rb"#\$# git-fat ", 12, (b"#$# gi",), 0),
    ("pointer", rb"outs:\r?\n {0,16}- (?:md5|etag|checksum|path|hash): ", 36, (b"outs:\n", b"outs:\r"), 0),
)
"""Signatures of pointer files, which `tokenaudit.detect.pointers` reads. Same fields as `_CONTAINERS`."""

_THRICE = frozenset(("hf_", "api_", "oauth_app_secret_"))
"""Literals that are also searched for in three layers of base64."""

_BYTES_ONCE, _BYTES_TWICE = 6, 4
"""Bytes of a credential that the encoded form must contain to be rare in random data."""

_LITERAL_LENGTH = 5
"""Characters of an encoded form that its literal pattern contains."""


@lru_cache(maxsize=4)
def patterns_for(shapes: tuple[Shape, ...]) -> tuple[Pattern, ...]:
    """Return all patterns for credentials of these shapes."""
    roots = _roots(literal for shape in shapes for literal in shape.literals)
    preferred = tuple(root.encode() for root in roots)
    found = [_plain(shape, preferred) for shape in shapes]
    for literal in roots:
        found += (
            Pattern("bytes", each, (literal_pattern,), byte_list.WIDTH)
            for each, literal_pattern in byte_list.evidence(literal)
        )
        found += (
            Pattern("words", each, (literal_pattern,), byte_list.WORDS_WIDTH)
            for each, literal_pattern in byte_list.evidence_in_words(literal)
        )
        found += _encoded(literal)
        found += (
            Pattern("escapes", each, literal_patterns, escapes.WIDTH)
            for each, literal_patterns in escapes.evidence(literal)
        )
    literals = sorted({literal for shape in shapes for literal in shape.literals})
    forms = [encodings.sets_of(shape.expression) for shape in shapes]
    known = tuple(form for form in forms if form is not None)
    is_reason = partial(concatenated.can_continue, known) if len(known) == len(forms) else None
    found += (
        Pattern(
            "concatenated",
            each,
            (literal_pattern,),
            concatenated.WIDTH,
            is_reason=is_reason,
            looked_at=concatenated.LOOKED_AT,
        )
        for each, literal_pattern in concatenated.evidence(literals, preferred)
    )
    found += (
        Pattern("variables", each, (literal_pattern,), variables.WIDTH)
        for each, literal_pattern in (variables.evidence(literal, preferred) for literal in literals)
    )
    found.append(
        Pattern("encoded-word", base_n.ENCODED_WORD, (base_n.ENCODED_WORD_LITERALS,), base_n.ENCODED_WORD_WIDTH)
    )
    found += _encoded_containers()
    found += _zlib_streams()
    found += _layers()
    found += (
        Pattern(reading, each, (LiteralPattern(each, literals, lead),), width)
        for reading, each, width, literals, lead in (*_CONTAINERS, *_POINTERS)
    )
    found.append(Pattern("closed", rb"\x1f\x9d[\x80-\xff]", (_COMPRESS,), 3, _is_first))
    return tuple(found)


_COMPRESS = LiteralPattern(rb"\x1f\x9d[\x80-\xff]", (b"\x1f\x9d",), searched=rb"\x1f\x9d[\x80-\xff]")


def _is_first(_: bytes, at: int) -> bool:
    """Return whether the match is at the start: a two-byte magic number is too short to be significant elsewhere."""
    return at == 0


_MAGIC: tuple[encodings.Sets, ...] = (
    (*encodings.exactly(b"\x1f\x8b\x08"), frozenset(range(0x20))),  # gzip
    (*encodings.exactly(b"BZh"), frozenset(b"123456789"), *encodings.exactly(b"1AY&SY")),  # bzip2
    encodings.exactly(b"\xfd7zXZ\x00"),  # xz
    encodings.exactly(b"\x28\xb5\x2f\xfd"),  # zstd
    encodings.exactly(b"PK\x03\x04"),  # zip
)
_LAYERS = 5
"""Maximum layers of base64 around a compressed file; Helm releases have two."""


def _encoded_containers() -> Iterator[Pattern]:
    """Yield patterns for compressed files in hexadecimal, in nested base64, and in base64 in UTF-16."""
    for magic in _MAGIC:
        yield _pattern("hex", encodings.as_hex(magic))
        form = magic
        for layer in range(_LAYERS):
            form = next(encodings.as_base64(form))
            if layer:
                yield _pattern("base64", form)
            else:
                yield from (_pattern("utf-16", encodings.as_utf16(form, order)) for order in ("little", "big"))


def _zlib_streams() -> Iterator[Pattern]:
    """Yield patterns for raw streams, and for streams at the start of a run of base64 (also nested) or hexadecimal."""
    for expression, literal_pattern in zlib_stream.evidence():
        yield Pattern("zlib", expression, (literal_pattern,), zlib_stream.LOOKED_AT, zlib_stream.begins)
    for literals in zlib_stream.in_base64():
        yield _at_beginning("base64", literals, zlib_stream.begins_in_base64, 4 * zlib_stream.LOOKED_AT)
    yield _at_beginning("hex", zlib_stream.IN_HEX, zlib_stream.begins_in_hex, 2 * zlib_stream.LOOKED_AT)


def _layers() -> Iterator[Pattern]:
    """Yield patterns for four or more layers of base64, which begin with these characters for any innermost text."""
    literals = tuple(b"V%c" % second for second in b"12TVXjklm")
    yield _at_beginning("base64", literals, base_n.begins_layers, base_n.LOOKED_AT)


def _at_beginning(
    reading: Reading, literals: tuple[bytes, ...], check: Callable[[bytes, int], bool], width: int
) -> Pattern:
    """Return a pattern for `literals` at the start of a run; they are too short to be searched for elsewhere."""
    alphabet = rb"A-Za-z0-9+/_\-" if reading == "base64" else rb"0-9A-Fa-f"
    run = rb"(?:%b)[%b]{%d}" % (b"|".join(literals), alphabet, _LONG_RUN)
    whole = rb"(?<![%b])%b" % (alphabet, run)
    literal_pattern, size = LiteralPattern(whole, literals), len(literals[0])
    if size <= _FREQUENT:
        inside = frozenset(byte for byte in range(256) if re.match(rb"[%b]" % alphabet, bytes((byte,))))
        literal_pattern = literal_pattern._replace(searched=run, back=size + _LONG_RUN, not_after=inside)
    return Pattern(reading, whole, (literal_pattern,), width, check)


_LONG_RUN = 18
"""Characters that must follow such a literal."""

_FREQUENT = 2
"""Maximum length of such a literal that is frequent in text. Compiling the runs of longer ones takes much time."""


def _plain(shape: Shape, roots: Iterable[bytes]) -> Pattern:
    """Return the pattern for plain text. If every match begins with a literal, the searcher uses only the literal."""
    whole = shape.expression.encode()
    begins = [root for root in roots if _IS_WORD.fullmatch(root) and _begins_with(whole, root)]
    form = encodings.sets_of(shape.expression)
    head = encodings.expression(form[: len(begins[0]) + _BODY_BEGINS]) if begins and form is not None else b""
    literal_pattern = LiteralPattern(whole, tuple(begins[:1]), head=head)
    return Pattern("plain", whole, (literal_pattern,), LONGEST_SHAPE, surroundings=shape.surroundings)


def _begins_with(whole: bytes, literal: bytes) -> bool:
    """Return whether every match of the expression `whole` begins with `literal`."""
    rest = whole.removeprefix(literal)
    return rest != whole and b"|" not in rest and not rest.startswith((b"?", b"*", b"{"))


_IS_WORD = re.compile(rb"\w{3,}")
_BODY_BEGINS = 12
"""Characters after a literal that distinguish a credential from other names."""


def _roots(literals: Iterable[str]) -> list[str]:
    """Return the literals that have no other literal as a prefix."""
    unique = sorted(set(literals))
    return [each for each in unique if not any(each != other and each.startswith(other) for other in unique)]


def _encoded(literal: str) -> Iterator[Pattern]:
    once = encodings.known(literal, _BYTES_ONCE)
    for form in encodings.as_base64(once):
        yield _pattern("base64", form)
        yield from _folded(form)
    yield _pattern("hex", encodings.as_hex(once))
    for order in ("little", "big"):
        yield _pattern("utf-16", encodings.as_utf16(once, order))
        yield _pattern("utf-32", encodings.as_utf32(once, order))
    yield from _encoded_twice(literal)


def _encoded_twice(literal: str) -> Iterator[Pattern]:
    short = encodings.known(literal, _BYTES_TWICE)
    wide = [encodings.as_utf16(short, order) for order in ("little", "big")]
    for inner in encodings.as_base64(short):
        for form in encodings.as_base64(inner):
            yield _pattern("base64", form)
            if literal in _THRICE:
                yield from (_pattern("base64", outer) for outer in encodings.as_base64(form))
        yield _pattern("hex", encodings.as_hex(inner))
        yield from (_pattern("utf-16", encodings.as_utf16(inner, order)) for order in ("little", "big"))
    for inner in (encodings.as_hex(short), *wide):
        yield from (_pattern("base64", form) for form in encodings.as_base64(inner))
        yield _pattern("hex", encodings.as_hex(inner))
    for order in ("little", "big"):
        yield _pattern("utf-16", encodings.as_utf16(encodings.as_hex(short), order))


def _pattern(reading: Reading, form: encodings.Sets) -> Pattern:
    size = min(_LITERAL_LENGTH * (1 if reading == "base64" else 2), len(form))
    stretches = [form[at : at + size] for at in range(len(form) - size + 1)]
    rarest = min(stretches, key=lambda stretch: math.prod(map(len, stretch)))
    return Pattern(reading, encodings.expression(form), (literal_pattern_for(rarest),), len(form))


def _rarity(form: encodings.Sets) -> int:
    """Return the number of fixed characters."""
    return sum(len(each) == 1 for each in form)


def _folded(form: encodings.Sets) -> Iterator[Pattern]:
    """Yield the form with one line break in it.

    The literal pattern is the rarer part of the form together with the start or end of the line break.
    """
    for at in range(1, len(form)):
        left, right = form[:at], form[at:]
        literal_pattern = (*left, _BREAK_BEGINS) if _rarity(left) >= _rarity(right) else (_BREAK_ENDS, *right)
        whole = encodings.expression(left) + encodings.LINE_BREAK + encodings.expression(right)
        yield Pattern("base64", whole, (literal_pattern_for(literal_pattern),), len(form) + encodings.LINE_BREAK_WIDTH)


_BREAK_BEGINS, _BREAK_ENDS = frozenset(b"\r\n\\"), frozenset(b"\nn \t")
