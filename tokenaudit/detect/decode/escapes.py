"""Percent, backslash, HTML and quoted-printable escapes, including nested ones."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from tokenaudit.detect.encodings import Sets, exactly
from tokenaudit.detect.literals import LiteralPattern, literal_pattern_for
from tokenaudit.detect.positions import Origins, Ranges

_SPECIAL = {"_": rb"|\\{1,4}_|&(?:amp;){0,2}(?:lowbar|UnderBar);"}
_BODY_ESCAPE = (
    rb"(?:%(?:25){0,2}[3-7][0-9a-fA-F]|\\{1,4}(?:u(?:00|\{0{0,2})[3-7]|x[3-7])[0-9a-fA-F]"
    rb"|&(?:amp;){0,2}#(?:[0-9]{2,3};|[xX][3-7][0-9a-fA-F];))"
)
_BEGINNING = 3
WIDTH = 26 * 20
"""Maximum width of `evidence` in bytes, for literals of up to 20 characters."""


def evidence(literal: str) -> Iterator[tuple[bytes, tuple[LiteralPattern, ...]]]:
    """Yield expressions and literal patterns for `literal` with its start, an underscore or its body escaped."""
    plain = [re.escape(c.encode()) for c in literal]
    escaped = [_escaped(c) for c in literal]
    begins = tuple(_spelled(ord(literal[0])))
    yield b"".join(escaped[:_BEGINNING]), tuple(literal_pattern_for((*form, _ESCAPES)) for form in begins)
    second = frozenset((ord(literal[1]),))
    yield b"".join((escaped[0], *plain[1:])), tuple(literal_pattern_for((*form, second)) for form in begins)
    whole = exactly(literal.encode())
    in_body = b"".join(plain) + _BODY + _BODY_ESCAPE
    literal_pattern = literal_pattern_for(whole, in_body, (literal.encode(),))
    yield in_body, (literal_pattern._replace(head=b"".join(plain) + _BODY + rb"[%\\&]"),)
    if "_" in literal:
        at = literal.index("_")
        underscores = [e if c == "_" else p for c, p, e in zip(literal, plain, escaped, strict=True)]
        yield b"".join(underscores), tuple(literal_pattern_for((*whole[:at], *form)) for form in _UNDERSCORE_BEGINS)


_BODY = rb"[A-Za-z0-9]{0,33}"
_ESCAPES = frozenset(b"%\\&=")
_UNDERSCORE_BEGINS: tuple[Sets, ...] = (
    exactly(b"%25"),
    exactly(b"%5"),
    exactly(b"\\"),
    (*exactly(b"&"), frozenset(b"#alU")),
    exactly(b"=5F"),
)


def _spelled(code: int) -> Iterator[Sets]:
    """Yield the endings of all escapes of one character, including nested escapes."""
    pair = tuple(frozenset(str(digit).encode() + str(digit).upper().encode()) for digit in f"{code:02x}")
    octal, decimal = exactly(b"%03o" % code), exactly(b"%d;" % code)
    yield (*exactly(b"%"), *pair)
    yield (*exactly(b"%25"), *pair)
    for opening, closing in ((b"u00", b""), (b"u{", b"}"), (b"u{0", b"}"), (b"u{00", b"}"), (b"x", b"")):
        yield (*exactly(b"\\" + opening), *pair, *exactly(closing))
    yield (*exactly(b"\\"), *octal)
    yield (*exactly(b"#"), *decimal)
    yield (*exactly(b"#"), frozenset(b"xX"), *pair, *exactly(b";"))
    yield (*exactly(b"="), *exactly(b"%02X" % code))


def _pair(code: int) -> bytes:
    """Return an expression for the two hexadecimal digits of `code` in either case."""
    return b"".join(
        b"[%b%b]" % (d, d.upper()) if d.isalpha() else d for d in (b"%x" % (code >> 4), b"%x" % (code & 15))
    )


def _escaped(character: str) -> bytes:
    code = ord(character)
    pair = _pair(code)
    forms = (
        rb"%(?:25){0,2}" + pair,
        rb"\\{1,4}(?:u00" + pair + rb"|u\{0{0,2}" + pair + rb"\}|x" + pair + b"|" + b"%03o" % code + b")",
        rb"&(?:amp;){0,2}#(?:0{0,2}" + b"%d" % code + rb"|[xX]0{0,2}" + pair + rb");",
        b"=" + (b"%02X" % code),
    )
    return b"(?:" + b"|".join(forms) + _SPECIAL.get(character, b"") + b")"


_ANY_ESCAPE = re.compile(
    rb"%(?:25)*(?P<percent>[0-9a-fA-F]{2})"
    rb"|\\+(?:u(?P<unicode>00[0-9a-fA-F]{2})|u\{0*(?P<braced>[0-9a-fA-F]{2})\}"
    rb"|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[01][0-7]{2}))"
    rb"|\\+(?P<self>_)"
    rb"|&(?:amp;)*(?P<html>#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z]{2,8};)"
    rb"|=(?P<printable>[0-9A-F]{2})"
)
_BASES = {"percent": 16, "unicode": 16, "braced": 16, "hex": 16, "octal": 8, "printable": 16}
_NAMES = {
    "percent": "percent", "unicode": "unicode-escape", "braced": "unicode-escape", "hex": "unicode-escape",
    "octal": "unicode-escape", "self": "backslash", "html": "html", "printable": "quoted-printable",
}  # fmt: skip


def unescaped(data: bytes, start: int, spans: Ranges) -> tuple[bytes, Origins, tuple[str, ...]]:
    """Return `data` with every escape of an ASCII character replaced, origins, and kinds of escapes.

    `start` is added to all origins. The kinds are those of the escapes in `spans`.
    """
    out = bytearray()
    origins = Origins(start)
    kinds: dict[str, None] = {}
    at = 0
    for found in _ANY_ESCAPE.finditer(data):
        character = _character(found)
        if character is None:
            continue
        out += data[at : found.start()]
        at = found.end()
        origins.add(len(out), start + found.start())
        out.append(character)
        origins.add(len(out), start + at)
        if found.start() in spans or at - 1 in spans:
            kinds[_NAMES[found.lastgroup or ""]] = None
    out += data[at:]
    return bytes(out), origins, tuple(kinds)


def _character(found: re.Match[bytes]) -> int | None:
    name = found.lastgroup or ""
    text = found[name].decode()
    if name == "self":
        return ord(text)
    if name == "html":
        replaced = html.unescape("&" + text)
        return ord(replaced) if len(replaced) == 1 and replaced.isascii() else None
    code = int(text, _BASES[name])
    return code if chr(code).isascii() else None
