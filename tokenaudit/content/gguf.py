"""The text in the header of a GGUF file."""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack

from tokenaudit.content.change import FileVersion
from tokenaudit.content.changed_content import ChangedContent

_STEP = 1 << 18
_LARGEST_HEADER = 48 << 20
_LARGEST_TEXT = 4 << 20
_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_DEEPEST = 4
_MOST_ITEMS = 3_000_000


class DamagedHeaderError(Exception):
    """A header does not follow its format, or is too large to read. The message says which."""


def gguf_texts(version: FileVersion, content: ChangedContent) -> Iterator[tuple[str, str]]:
    """Key and text of every key of type string in the header, in order; keys can repeat.

    Raises:
        OSError: the bytes can't be read.
        DamagedHeaderError: the header can't be read to its end.
    """
    header = _Header(version, content)
    header.take(4)
    number = header.number(4)
    if number not in {1, 2, 3}:
        message = f"a GGUF header of version {number}"
        raise DamagedHeaderError(message)
    header.width = 4 if number == 1 else 8
    header.number(header.width)
    for _ in range(header.number(header.width)):
        key = header.text()
        kind = header.number(4)
        if kind == _STRING:
            yield key or "", header.text() or ""
        else:
            header.step_over(kind, 0)


class _Header:
    def __init__(self, version: FileVersion, content: ChangedContent) -> None:
        self._version = version
        self._content = content
        self._buffer = b""
        self._at = 0
        self._base = 0
        self._items = 0
        self.width = 8

    def take(self, length: int) -> bytes:
        if self._at + length > len(self._buffer):
            self._base += self._at
            if self._base + length > _LARGEST_HEADER:
                message = f"a GGUF header larger than {_LARGEST_HEADER:,} bytes"
                raise DamagedHeaderError(message)
            rest = self._buffer[self._at :]
            more = self._content.read(self._version, self._base + len(rest), max(length, _STEP))
            self._buffer, self._at = rest + more, 0
            if length > len(self._buffer):
                message = "a GGUF header that ends too early"
                raise DamagedHeaderError(message)
        taken = self._buffer[self._at : self._at + length]
        self._at += length
        return taken

    def count(self) -> None:
        self._items += 1
        if self._items > _MOST_ITEMS:
            message = f"a GGUF header with more than {_MOST_ITEMS:,} values"
            raise DamagedHeaderError(message)

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def text(self) -> str | None:
        length = self.number(self.width)
        if length > _LARGEST_TEXT:
            message = f"a text of {length:,} bytes in a GGUF header"
            raise DamagedHeaderError(message)
        return self.take(length).decode("utf-8", "replace")

    def step_over(self, kind: int, depth: int) -> None:
        self.count()
        if kind in _SIZES:
            self.take(_SIZES[kind])
        elif kind == _STRING:
            self.text()
        elif kind == _ARRAY and depth < _DEEPEST:
            inner, count = self.number(4), self.number(self.width)
            if inner in _SIZES:
                self.take(_SIZES[inner] * count)
                return
            for _ in range(count):
                self.step_over(inner, depth + 1)
        else:
            message = f"a GGUF header with a value of type {kind}"
            raise DamagedHeaderError(message)


def safetensors_header(version: FileVersion, content: ChangedContent, most: int) -> bytes:
    """The JSON text of a safetensors header.

    Raises:
        OSError: the bytes can't be read.
        DamagedHeaderError: the header is longer than `most` bytes or than the file.
    """
    (length,) = unpack("<Q", content.read(version, 0, 8).ljust(8, b"\x00"))
    if length > most:
        message = f"a safetensors header of {length:,} bytes, more than {most:,}"
        raise DamagedHeaderError(message)
    text = content.read(version, 8, length)
    if len(text) < length:
        message = "a safetensors header that ends too early"
        raise DamagedHeaderError(message)
    return text
