"""Runs of base64 or hexadecimal characters with any line folding, and encoded words in mail headers (RFC 2047)."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import string
from collections.abc import Iterator, Sequence
from itertools import product

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.encodings import LINE_BREAK
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit, LiteralPattern
from tokenaudit.detect.positions import Origins

_BASE64 = (string.ascii_letters + string.digits + "+/-_").encode()
_HEX = string.hexdigits.encode()
_BREAK = re.compile(LINE_BREAK)
_BREAK_BEFORE = re.compile(LINE_BREAK + rb"$")
_STEP = 64 << 10
_RUN = 30_000
"""Nanoseconds to find the start and end of a run, in addition to the decoded bytes."""

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_JWT_BEFORE = re.compile(rb"eyJ[A-Za-z0-9_-]{5,4000}\.$")


class EncodedRun:
    """The run of characters of one alphabet around an offset, without its line breaks."""

    def __init__(self, data: bytes, offset: int, alphabet: bytes) -> None:
        self.start = _start(data, offset, alphabet)
        self.end = _end(data, offset, alphabet)
        whole = data[self.start : self.end]
        self._origins = Origins(self.start)
        pieces = []
        done = copied = 0
        for found in _BREAK.finditer(whole):
            pieces.append(whole[done : found.start()])
            copied += found.start() - done
            done = found.end()
            self._origins.add(copied, self.start + done)
        pieces.append(whole[done:])
        self.text = b"".join(pieces)

    def offset(self, position: int) -> int:
        """Return the offset in the data of the character at `position` of `text`."""
        return self._origins(position)


def _start(data: bytes, offset: int, alphabet: bytes) -> int:
    while True:
        before = data[max(0, offset - _STEP) : offset]
        copied = len(before) - len(before.rstrip(alphabet))
        offset -= copied
        if copied == len(before) and before:
            continue
        line_break = _BREAK_BEFORE.search(data, max(0, offset - 64), offset)
        if not line_break or data[line_break.start() - 1 : line_break.start()] not in _characters(alphabet):
            return offset
        offset = line_break.start()


def _end(data: bytes, offset: int, alphabet: bytes) -> int:
    characters = _CHARACTERS[alphabet]
    while True:
        found = characters.match(data, offset)
        offset = found.end() if found else offset
        line_break = _BREAK.match(data, offset)
        if not line_break or data[line_break.end() : line_break.end() + 1] not in _characters(alphabet):
            return offset
        offset = line_break.end()


_CHARACTERS = {each: re.compile(rb"[" + re.escape(each) + rb"]*") for each in (_BASE64, _HEX)}


def _characters(alphabet: bytes) -> frozenset[bytes]:
    return _SETS[alphabet]


_SETS = {each: frozenset(bytes((byte,)) for byte in each) for each in (_BASE64, _HEX)}


def _runs(data: bytes, hits: Sequence[Hit], alphabet: bytes) -> Iterator[EncodedRun]:
    end = -1
    for hit in hits:
        if hit.start >= end:
            run = EncodedRun(data, hit.start, alphabet)
            end = run.end
            yield run


def unwrap_base64(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Decode base64 in both alphabets. Unrelated characters can precede it, so all four alignments are tried."""
    for run in _runs(data, hits, _BASE64):
        if not budget.work(_RUN):
            return
        standard = run.text.translate(_TO_STANDARD)
        via = "jwt" if _JWT_BEFORE.search(data, max(0, run.start - 4100), run.start) else "base64"
        for skipped in range(4):
            characters = standard[skipped:]
            if len(characters) % 4 == 1:
                characters = characters[:-1]
            if not budget.spend(len(characters) * 3 // 4):
                return
            decoded = base64.b64decode(characters + b"=" * (-len(characters) % 4))
            yield _inner(decoded, via, run, skipped, (4, 3))


def unwrap_hex(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Decode pairs of digits, starting at the first or at the second digit."""
    for run in _runs(data, hits, _HEX):
        if not budget.work(_RUN):
            return
        for skipped in range(2):
            digits = run.text[skipped : skipped + (len(run.text) - skipped) // 2 * 2]
            if not budget.spend(len(digits) // 2):
                return
            yield _inner(binascii.unhexlify(digits), "hex", run, skipped, (2, 1))


def decoded_beginning(text: bytes) -> bytes:
    """Decode the whole groups of base64 at the start of `text`."""
    found = _CHARACTERS[_BASE64].match(_BREAK.sub(b"", text))
    characters = found.group() if found else b""
    return base64.b64decode(characters[: len(characters) // 4 * 4].translate(_TO_STANDARD))


LOOKED_AT = 80
"""Characters of a run to decode to detect nested base64."""

_SHORTEST = 15
_IS_BASE64 = re.compile(rb"[A-Za-z0-9+/_=\s-]*")


def begins_layers(data: bytes, at: int) -> bool:
    """Return whether the first `LOOKED_AT` characters from `at` on decode to base64."""
    decoded = decoded_beginning(data[at : at + LOOKED_AT])
    return len(decoded) >= _SHORTEST and _IS_BASE64.fullmatch(decoded) is not None


def _inner(decoded: bytes, via: str, run: EncodedRun, skipped: int, ratio: tuple[int, int]) -> Decoded:
    """Return `decoded`, from `run` without its first `skipped` characters; `ratio` is (characters, bytes)."""
    characters, size = ratio

    def origin(offset: int) -> int:
        return run.offset(skipped + offset * characters // size)

    def ends(offset: int) -> int:
        return run.offset(skipped - 1 - -offset * characters // size) + 1

    return Decoded(decoded, (via,), run.start, origin, ends=ends)


_WORD = re.compile(rb"=\?[A-Za-z0-9_.*-]{1,40}\?([BbQq])\?([^?\s]{0,2000})\?=")
_BETWEEN = re.compile(rb"[ \t\r\n]{1,80}(?==\?)")

ENCODED_WORD = rb"=\?[A-Za-z0-9_.*-]{1,40}\?[BbQq]\?[!->@-~]"
ENCODED_WORD_WIDTH = 46
ENCODED_WORD_LITERALS = LiteralPattern(
    rb"\?[BbQq]\?[!->@-~]", tuple(bytes(each) for each in product(b"?", b"BbQq", b"?"))
)


def encoded_words(data: bytes, start: int) -> tuple[bytes, Origins, int]:
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
