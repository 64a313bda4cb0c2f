"""The bytes of a pickle, read piece by piece, and the result of following its opcodes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias, Union

from tokenaudit.content.byte_range import ByteRange, ContentBudget, LimitReachedError

WINDOW = 1 << 18
"""Number of bytes per read."""

LONGEST_TEXT = 2048
_LONGEST_LINE = 1 << 16
_PER_OPERATION = 1 << 13
"""Number of bytes that take as long to read as one opcode takes to follow."""
_MOST_NESTED = 4096

PICKLE_LIKE = re.compile(
    rb"\x80[\x00-\x05]|PK\x03\x04|\x1f\x8b\x08|BZh|\xfd7zXZ|\x93NUMPY|x[\x01\x5e\x9c\xda]|[(c}\]\[]"
)
SHORTEST_PICKLE = 6


class Name:
    """An imported name, such as `collections.OrderedDict`; `text` is the module and name as written in the pickle."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class CallResult:
    """The result of calling `name` with `arguments`; `state` is the argument of BUILD."""

    __slots__ = ("arguments", "name", "state")

    def __init__(self, name: str, arguments: Value) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Value = None


Value: TypeAlias = Union[int, str, Name, CallResult, tuple["Value", ...], "list[Value]", "dict[str, Value]", None]


class BrokenPickleError(Exception):
    """An opcode can't be executed: a loader stops here, after executing everything before."""


@dataclass
class PickleWalk:
    """The result of following one pickle.

    `names` are the imported names, in order, and `called` those that are called. `unknown` describes imports and calls
    without a known name. `stopped` is the position behind the last opcode, `end` the position behind STOP; it is None
    if STOP was not reached, and then `broken` says why, or `cut` names the limit. Byte strings and text that can be
    pickles themselves are `nested` (position and length), `nested_text` (text whose characters stand for bytes) and
    `nested_bytes` (decoded). `arrays` are the positions of arrays between opcodes, `storages` torch's storages: key to
    size in bytes.
    """

    names: dict[str, None] = field(default_factory=dict)
    called: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    nested: list[tuple[int, int]] = field(default_factory=list)
    nested_text: list[tuple[int, int]] = field(default_factory=list)
    nested_bytes: list[bytes] = field(default_factory=list)
    storages: dict[str, int] = field(default_factory=dict)
    arrays: list[tuple[int, int]] = field(default_factory=list)
    end: int | None = None
    broken: str | None = None
    cut: str | None = None
    value: Value = None
    opcodes: int = 0
    stopped: int = 0

    @property
    def imports(self) -> bool:
        """Whether anything is imported or called, known or not."""
        return bool(self.names or self.unknown)


def fail(why: str) -> NoReturn:
    """Ends the pickle; `why` completes "a pickle that …".

    Raises:
        BrokenPickleError: always.
    """
    raise BrokenPickleError(why)


def latin_bytes(text: bytes) -> bytes | None:
    """The bytes that UTF-8 text stands for, one per character; None if a character is above U+00FF."""
    try:
        return text.decode("utf-8", "surrogatepass").encode("latin-1")
    except UnicodeError:
        return None


def may_be_pickle(content: bytes) -> bool:
    """Whether an argument can be a pickle. Without a header, a pickle imports by lines, and plain words have none."""
    return bool(PICKLE_LIKE.match(content)) and (content[0] not in b"(c}][" or b"\n" in content)


class PickleInput:
    """Reads the arguments of opcodes. Long ones are skipped; those that can be pickles are recorded in `walk`."""

    def __init__(self, source: ByteRange, at: int, budget: ContentBudget) -> None:
        self.source = source
        self.budget = budget
        self.walk = PickleWalk()
        self.base = at
        self.buffer = b""
        self.i = 0

    def fill(self, least: int = WINDOW) -> None:
        """Continues reading: keeps the rest of the buffer and appends a window, at least `least` bytes."""
        self.budget.spend_operations(1 + max(least, 1) // _PER_OPERATION)
        rest = self.buffer[self.i :]
        self.base += self.i
        self.i = 0
        more = self.source.read(self.base + len(rest), max(least, WINDOW))
        self.buffer = rest + more
        if not self.buffer:
            fail("ends without STOP")

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self.i + length
        if end > len(self.buffer):
            self.fill(length)
            end = length
            if end > len(self.buffer):
                fail("ends in the middle of an opcode")
        taken = self.buffer[self.i : end]
        self.i = end
        return taken

    def read_number(self, length: int) -> int:
        """The next `length` bytes as a number."""
        return int.from_bytes(self.take(length), "little")

    def read_line(self) -> bytes:
        """The bytes up to the next line end."""
        end = self.buffer.find(b"\n", self.i)
        if end < 0:
            self.fill(_LONGEST_LINE)
            end = self.buffer.find(b"\n", 0)
            if end < 0:
                fail("has a line without an end")
        line = self.buffer[self.i : end]
        self.i = end + 1
        return line

    def read_content(self, width: int) -> bytes | None:
        """An argument that follows its length; None for a long one, whose position is recorded."""
        length = self.read_number(width)
        at = self.base + self.i
        if length > LONGEST_TEXT:
            if length > self.source.size - at:
                fail("has a length beyond the end of the file")
            self.maybe_nested(at, length)
            if self.i + length <= len(self.buffer):
                self.i += length
            else:
                self.skip(length)
            return None
        content = self.take(length)
        if length >= SHORTEST_PICKLE and may_be_pickle(content):
            self.nest(at, length)
        return content

    def maybe_nested(self, at: int, length: int) -> None:
        """Records a long argument that begins like a pickle."""
        if self.i + 8 > len(self.buffer):
            self.fill()
        # Text of protocol 2 that stands for bytes encodes each byte above 0x7f in two.
        start = self.buffer[self.i : self.i + 8]
        if start.startswith(b"\xc2\x80"):
            self.walk.nested_text.append((at, length))
        elif PICKLE_LIKE.match(start):
            self.nest(at, length)

    def nest(self, at: int, length: int) -> None:
        """Records a position that can be the start of a pickle."""
        if len(self.walk.nested) >= _MOST_NESTED:
            message = f"only the first {_MOST_NESTED:,} byte strings that begin like pickles are examined"
            raise LimitReachedError(message)
        self.walk.nested.append((at, length))

    def nest_decoded(self, whole: bytes) -> None:
        """Records text that stands for bytes that can be a pickle."""
        decoded = latin_bytes(whole)
        if decoded is not None:
            self.walk.nested_bytes.append(decoded)

    def skip(self, length: int) -> None:
        """Skips `length` bytes without reading them."""
        self.base += self.i + length
        self.i = 0
        self.buffer = b""
