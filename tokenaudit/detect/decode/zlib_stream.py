"""zlib streams without a container: PDF streams, PNG text chunks, loose git objects, `zlib.compress`.

Format: RFC 1950. The header has only two bytes, so the first compressed bytes are inflated to confirm a stream.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Sequence

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.decode.base_n import decoded_beginning
from tokenaudit.detect.decode.compression import windows
from tokenaudit.detect.encodings import LINE_BREAK
from tokenaudit.detect.limits import MIB, Budget
from tokenaudit.detect.literals import Hit, LiteralPattern

LOOKED_AT = 64
"""Compressed bytes that must inflate to confirm a stream."""

_METHOD, _SIZES = 8, range(1, 8)
_STEP = 1 * MIB
_FED = 16 << 10
_OPEN = 20_000
"""Nanoseconds to open a stream."""

_DYNAMIC_OR_FIXED = bytes(byte for byte in range(256) if byte & 6 in {2, 4} or byte in {0, 1})
"""The first byte after the header, which contains the type of the first block (dynamic, fixed or stored)."""

_PIXELS = b"IDAT"
_PDF = re.compile(rb"stream\r?\n\Z")


def _headers() -> Iterator[bytes]:
    """Yield the headers without a preset dictionary, for every window size."""
    for size in _SIZES:
        method = size << 4 | _METHOD
        for level in range(4):
            flags = level << 6
            yield bytes((method, flags | 31 - (method << 8 | flags) % 31))


HEADERS = tuple(_headers())
_ORDINARY = tuple(each for each in HEADERS if each[0] == 0x78)  # noqa: PLR2004 - the default window size


def _set(allowed: bytes) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % byte for byte in allowed) + b"]"


def evidence() -> Iterator[tuple[bytes, LiteralPattern]]:
    """Yield expressions for the start of a stream: default window size anywhere, any window size in a PDF."""
    first = _set(_DYNAMIC_OR_FIXED)
    for header in _ORDINARY:
        expression = searched = re.escape(header) + first
        if header[1] < 0x80:  # noqa: PLR2004 - ASCII, also found in text: binary bytes must follow soon
            expression += rb"[\x00-\xff]{0,8}?[\x00-\x08\x0e-\x1f\x80-\xff]"
        yield expression, LiteralPattern(expression, (header,), searched=searched, back=len(header) + 1)
    either = b"(?:" + b"|".join(map(re.escape, HEADERS)) + b")" + first
    rare = LiteralPattern(rb"stream\r?\n" + either, (b"stream\n", b"stream\r"))
    yield rb"(?:(?<=stream\n)|(?<=stream\r\n))" + either, rare


def in_base64() -> Iterator[tuple[bytes, ...]]:
    """Yield the prefixes of streams with the default window size in base64, in base64 of base64, and so on."""
    known = [header + bytes((first << 6,)) for header in _ORDINARY for first in range(4)]
    size = 2 * 8 + 2
    for _ in range(MOST_LAYERS):
        size = size // 6
        known = [base64.b64encode(each)[:size] for each in known]
        yield tuple(sorted(set(known)))
        size *= 8


IN_HEX = tuple(b"78" + each for each in (b"01", b"5e", b"5E", b"9c", b"9C", b"da", b"DA"))


def begins(data: bytes, at: int) -> bool:
    """Return whether the first `LOOKED_AT` bytes from `at` on inflate. Image data of PNG (`IDAT`) are skipped."""
    return not data.endswith(_PIXELS, 0, at) and _inflates(data[at : at + LOOKED_AT])


def begins_in_hex(data: bytes, at: int) -> bool:
    """Return the same for hexadecimal digits from `at` on."""
    digits = _HEX.match(_BREAK.sub(b"", data[at : at + 2 * LOOKED_AT]))
    text = digits.group() if digits else b""
    return len(text) >= _SHORTEST and _inflates(binascii.unhexlify(text[: len(text) // 2 * 2]))


def begins_in_base64(data: bytes, at: int) -> bool:
    """Return the same for base64 from `at` on, including nested base64."""
    decoded = data[at : at + 4 * LOOKED_AT]
    for _ in range(MOST_LAYERS):
        decoded = decoded_beginning(decoded)
        if len(decoded) < _SHORTEST // 2:
            return False
        if decoded.startswith(_ORDINARY):
            return _inflates(decoded[:LOOKED_AT])
    return False


MOST_LAYERS = 4
"""Maximum layers of base64 around a stream; more layers are found as nested base64."""

_SHORTEST = 24
_HEX = re.compile(rb"[0-9A-Fa-f]*")
_BREAK = re.compile(LINE_BREAK)


def _inflates(data: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(data, 1 << 16)
    except zlib.error:
        return False
    return True


def unwrap_zlib(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield inflated data even if the checksum is wrong; `covers` is set only if the checksum is correct."""
    end = -1
    for hit in hits:
        if hit.start < end:
            continue
        if not budget.work(_OPEN):
            return
        stream = _Stream(data, hit.start, budget)
        for window, line in windows(stream.parts()):
            covers = (hit.start, stream.end) if stream.is_whole else None
            yield Decoded(window, ("zlib",), hit.start, covers=covers, line=line)
        if stream.is_whole:
            end = stream.end


class _Stream:
    """One stream; `end` is where it ends, `is_whole` whether its checksum is correct."""

    def __init__(self, data: bytes, start: int, budget: Budget) -> None:
        self.end = start + 2
        self.is_whole = False
        self._data = data
        self._start = start
        self._budget = budget

    def parts(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        fed = b""
        checksum, came = 1, 0
        while not inflater.eof:
            if not fed:
                fed = self._data[self.end : self.end + _FED]
                self.end += len(fed)
            if not fed:
                self._report(came)
                return
            try:
                part = inflater.decompress(fed, _STEP)
            except zlib.error:
                self._report(came)
                return
            fed = inflater.unconsumed_tail
            came += len(part)
            checksum = zlib.adler32(part, checksum)
            if not self._budget.spend(len(part)) or self._budget.grows_too_much("zlib data", came, self.end):
                return
            yield part
        self.end -= len(inflater.unused_data)
        self.is_whole = self._data[self.end : self.end + 4] == checksum.to_bytes(4, "big")
        self.end += 4 * self.is_whole

    def _report(self, came: int) -> None:
        """Report a damaged stream in a PDF. Elsewhere the bytes can be something other than a stream."""
        if _PDF.search(self._data, max(0, self._start - len(b"stream\r\n")), self._start):
            self._budget.skip(f"zlib data is damaged or cut off after {came} bytes")
