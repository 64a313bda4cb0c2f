"""Characters written as something else: percent, backslash, HTML and quoted-printable escapes, also escaped again."""

from __future__ import annotations

import html
import re

_SPECIAL = {"_": rb"|\\{1,8}_|&(?:amp;){0,3}(?:lowbar|UnderBar);"}
_BODY_ESCAPE = (
    rb"(?:%(?:25){0,3}[3-7][0-9a-fA-F]|\\{1,8}(?:u(?:00|\{0{0,4})[3-7]|x[3-7])[0-9a-fA-F]"
    rb"|&(?:amp;){0,3}#(?:[0-9]{2,3};|[xX][3-7][0-9a-fA-F];))"
)
_BEGINNING = 4
WIDTH = 26 * 20
"""Bytes that `evidence` spans at most, for literals of up to 20 characters."""


def evidence(literal: str) -> set[bytes]:
    """Expressions for `literal` with its beginning, first or last character or underscores escaped, or for its body."""
    plain = [re.escape(c.encode()) for c in literal]
    escaped = [_escaped(c) for c in literal]
    underscores = [e if c == "_" else p for c, p, e in zip(literal, plain, escaped, strict=True)]
    return {
        b"".join(escaped[:_BEGINNING]),
        b"".join((escaped[0], *plain[1:])),
        b"".join(underscores),
        b"".join((*plain[:-1], escaped[-1])),
        b"".join(plain) + rb"[A-Za-z0-9]{0,33}" + _BODY_ESCAPE,
    }


def _escaped(character: str) -> bytes:
    code = ord(character)
    pair = b"".join(
        b"[%b%b]" % (d, d.upper()) if d.isalpha() else d for d in (b"%x" % (code >> 4), b"%x" % (code & 15))
    )
    forms = (
        rb"%(?:25){0,3}" + pair,
        rb"\\{1,8}(?:u00" + pair + rb"|u\{0{0,4}" + pair + rb"\}|x" + pair + b"|" + b"%03o" % code + b")",
        rb"&(?:amp;){0,3}#(?:0{0,4}" + b"%d" % code + rb"|[xX]0{0,4}" + pair + rb");",
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


def unescaped(data: bytes) -> tuple[bytes, list[int], tuple[str, ...]]:
    """`data` with every escape of an ASCII character replaced, where each byte came from, and the kinds met."""
    out = bytearray()
    origins: list[int] = []
    kinds: dict[str, None] = {}
    at = 0
    for found in _ANY_ESCAPE.finditer(data):
        character = _character(found)
        if character is None:
            continue
        out += data[at : found.start()]
        origins += range(at, found.start())
        out.append(character)
        origins.append(found.start())
        kinds[_NAMES[found.lastgroup or ""]] = None
        at = found.end()
    out += data[at:]
    origins += range(at, len(data) + 1)
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
