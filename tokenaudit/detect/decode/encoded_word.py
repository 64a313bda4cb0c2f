"""Encoded words in mail headers (RFC 2047): `=?utf-8?B?…?=`, folded if they are long."""

from __future__ import annotations

import binascii
import quopri
import re
from itertools import product

from tokenaudit.detect.literals import LiteralPattern
from tokenaudit.detect.positions import Origins

_WORD = re.compile(rb"=\?[A-Za-z0-9_.*-]{1,40}\?([BbQq])\?([^?\s]{0,2000})\?=")
_BETWEEN = re.compile(rb"[ \t\r\n]{1,80}(?==\?)")

EVIDENCE = rb"=\?[A-Za-z0-9_.*-]{1,40}\?[BbQq]\?[!->@-~]"
WIDTH = 46
LITERAL_PATTERN = LiteralPattern(
    rb"\?[BbQq]\?[!->@-~]", 4, tuple(bytes(each) for each in product(b"?", b"BbQq", b"?")), 0
)


def words(data: bytes, start: int) -> tuple[bytes, Origins, int]:
    """Return the text of the encoded words from `start` on, its origins, and the end of the last word.

    White space between two encoded words is not part of the text.
    """
    out, origins, end = bytearray(), Origins(start), start
    at = start
    while found := _WORD.match(data, at):
        origins.add(len(out), found.start(2))
        out += _decoded(found[1], found[2])
        end = found.end()
        between = _BETWEEN.match(data, end)
        if between is None:
            break
        at = between.end()
    return bytes(out), origins, end


def _decoded(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return quopri.decodestring(text, header=True)
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""
