"""Parses scripts to commands with their words, redirections and variables.

The data model is the same for every shell; `bash`, `powershell` and `batch` each parse one language.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

SourcePosition: TypeAlias = tuple[int, int]
"""Line and column, both counted from 1, columns in characters."""

Segment: TypeAlias = tuple[int, int, int]
"""Offset in the text, then the line and column at that offset."""

_LAST = 1 << 60


@dataclass(frozen=True)
class SpanText:
    """A value with its position.

    `where` is the dotted path to it (`jobs.publish.steps.3.run`). `segments` are in ascending order of offset and begin
    at offset 0; characters after a segment's offset are on the same line, to its right.
    """

    value: str
    where: str
    segments: tuple[Segment, ...]

    def at(self, offset: int) -> SourcePosition:
        """The position of the character at `offset` of the value."""
        index = max(bisect_right(self.segments, (offset, _LAST, 0)) - 1, 0)
        start, line, column = self.segments[index]
        return line, column + max(offset - start, 0)

    @property
    def line(self) -> int:
        """The line of the first character."""
        return self.segments[0][1]

    @property
    def column(self) -> int:
        """The column of the first character."""
        return self.segments[0][2]


def plain(value: str, where: str = "", line: int = 1, column: int = 1) -> SpanText:
    """Text exactly as in the file: the first line starts at `column`, the lines after it at column 1."""
    segments = [(0, line, column)]
    offset = value.find("\n") + 1
    while offset:
        line += 1
        segments.append((offset, line, 1))
        offset = value.find("\n", offset) + 1
    return SpanText(value, where, tuple(segments))


def piece(whole: SpanText, start: int, end: int, where: str | None = None) -> SpanText:
    """The part of `whole` from `start` to `end`, with its position."""
    line, column = whole.at(start)
    first = bisect_right(whole.segments, (start, _LAST, 0))
    last = bisect_left(whole.segments, (end, 0, 0), first)
    inner = [(offset - start, at, col) for offset, at, col in whole.segments[first:last]]
    return SpanText(whole.value[start:end], whole.where if where is None else where, ((0, line, column), *inner))


# linear in the length, even for a file that consists of `${{`
EXPRESSION = re.compile(r"\$\{\{((?:[^$}]|\$(?!\{\{)|\}(?!\}))*)\}\}")


@dataclass(frozen=True)
class Reference:
    """A use of a variable (`name`) or of a CI expression (`expression`, its text without the braces).

    `length` is that of the reference as written, such as `${NAME}`.
    """

    offset: int
    name: str | None = None
    expression: str | None = None
    cut: bool = False
    """Whether only part of the value is used, as in `${X:0:4}`."""
    length: int = 0


@dataclass(frozen=True)
class Word:
    """One word of a command: as written (`raw`), and without its quotes (`value`)."""

    raw: str
    value: str
    offset: int
    references: tuple[Reference, ...] = ()
    substitutions: tuple[Command, ...] = ()
    """Commands whose output becomes part of the word."""


@dataclass(frozen=True)
class Redirect:
    """`operator` is `>`, `>>`, `<`, `<<<`, `<<` …; for `<<` the word is the document itself."""

    operator: str
    word: Word
    descriptor: str = ""


@dataclass
class Command:
    """One simple command. `captured` is whether a substitution captures its output."""

    words: list[Word]
    offset: int
    end: int
    assignments: list[tuple[str, Word]] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    captured: bool = False
    feeds: Command | None = None
    """The command that its output is piped into."""

    @property
    def name(self) -> str:
        """The program without its folder; empty for a bare assignment."""
        return self.words[0].value.replace("\\", "/").rsplit("/", 1)[-1] if self.words else ""

    @property
    def arguments(self) -> list[str]:
        """The words after the program, without quotes."""
        return [word.value for word in self.words[1:]]


@dataclass(frozen=True)
class Script:
    """Commands in the order of the script, substituted ones after the command that contains them."""

    text: SpanText
    commands: tuple[Command, ...]
    language: str = "bash"
    complaints: tuple[tuple[int, str], ...] = ()
    """Parts that could not be parsed, as (offset, reason)."""


class Expressions:
    """The CI expressions of a script. Shell parsers get a word of the same length instead."""

    def __init__(self, script: str) -> None:
        found = list(EXPRESSION.finditer(script)) if "${{" in script else []
        self._starts = [match.start() for match in found]
        self._found = [Reference(m.start(), expression=m[1].strip(), length=len(m[0])) for m in found]
        self.masked = EXPRESSION.sub(_mask, script) if found else script

    def within(self, start: int, end: int) -> list[Reference]:
        """Those that begin between two offsets."""
        return self._found[bisect_left(self._starts, start) : bisect_left(self._starts, end)]


def _mask(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "Q", match.group())


class Offsets:
    """Byte offsets of UTF-8 text as offsets of characters."""

    def __init__(self, text: str) -> None:
        self.encoded = text.encode("utf-8", "replace")
        self._ends: list[int] = []
        self._extra = [0]
        if len(self.encoded) != len(text):
            surplus = 0
            for match in re.finditer(r"[^\x00-\x7f]", text):
                surplus += max(len(match.group().encode("utf-8", "replace")) - 1, 0)
                self._ends.append(match.start() + 1 + surplus)
                self._extra.append(surplus)

    def character(self, byte: int) -> int:
        """The offset of the character that begins at `byte`."""
        return byte - self._extra[bisect_right(self._ends, byte)] if self._ends else byte


def nested_in(spans: list[tuple[int, int]], offset: int) -> bool:
    """Whether `offset` is in one of the spans, which are in order and don't overlap."""
    index = bisect_right(spans, (offset, 1 << 60)) - 1
    return index >= 0 and offset < spans[index][1]


WHOLE = 8_192
"""Number of characters up to which a script is not split."""
_LONG = 131_072
"""Number of characters from which a script is split into pieces of half this size, to limit the parsing time."""
LARGEST = 16_384
"""Characters of the longest piece that is parsed."""

_RECOVERY = 32
_SIGNS = "|&<>`(){}![]"

Break = tuple[int, int]
"""An offset between two lines where a command can end, and the number of open blocks there."""

_TOKEN = re.compile(
    r"""\\(?s:.)|'[^']*'?|"|\$\(|[()]|\n|[;&|]+|(?<!\S)\#[^\n]*|"""
    r"""(?<!<)<<-?(?!<)[ \t]*(?P<quote>['"\\]?)(?P<end>[A-Za-z_][\w.-]*)|[^\s\\'"$()<;&|]+|."""
)
_QUOTED = re.compile(r"\\(?s:.)|\"|\$\(")
_BRACKETS = frozenset({"$(", "(", ")", '"'})
_OPENERS = frozenset({"if", "case", "for", "while", "until", "select", "{"})
_CLOSERS = frozenset({"fi", "esac", "done", "}"})
_BEFORE_COMMAND = frozenset({"then", "do", "else", "elif", "!", "time"}) | _OPENERS

_POWERSHELL = re.compile(
    r"""`(?s:.)|'(?:[^']|'')*'?|@['"](?=[ \t]*\n)|"|<\#|\#[^\n]*|[\[({]|[\])}]|\n|[^`'"@<#\[\](){}\n]+|."""
)
_ENDS = {"@'": "\n'@", '@"': '\n"@', "<#": "#>"}
_POWERSHELL_QUOTED = re.compile(r"`(?s:.)|\"\"|\"|\$\(")


def parse_cost(piece: str) -> int:
    """Upper limit of the parsing steps for a piece: the square of its length, more for operators.

    Measured over all combinations of three operators and words: repeated opening, piping or redirecting makes the
    parser follow many readings in parallel.
    """
    signs = sum(map(piece.count, _SIGNS))
    return len(piece) ** 2 // _RECOVERY + 2 * signs**2


def pieces(script: str, language: str) -> Iterator[tuple[int, int]]:
    """Start and end of each piece, in order and without gaps; a piece longer than `LARGEST` can't be split further."""
    if len(script) <= WHOLE:
        yield 0, len(script)
        return
    find: Callable[[str], Iterator[Break]] = _powershell_breaks if language == "powershell" else _bash_breaks
    breaks = [*find(script), (len(script), 0)]
    size = WHOLE if len(script) < _LONG else WHOLE // 2
    start = at = 0
    while start < len(script):
        near = at
        while at < len(breaks) and breaks[at][0] <= start + size // 2:
            at += 1
        far = at
        while far < len(breaks) and breaks[far][0] <= start + size:
            far += 1
        if far > at:
            end, _ = min(breaks[at:far], key=lambda one: (one[1], -one[0]))
        else:
            end = breaks[at - 1][0] if at > near else breaks[at][0]
        while at < len(breaks) and breaks[at][0] <= end:
            at += 1
        yield start, end
        start = end


def _bash_breaks(script: str) -> Iterator[Break]:
    """Estimates the offsets from quotes, substitutions, here-documents and the words that open and close blocks."""
    stack: list[str] = []
    blocks = at = 0
    starts = True
    documents: list[str] = []
    while at < len(script):
        quoted = stack[-1:] == ['"']
        token = (_QUOTED.search if quoted else _TOKEN.match)(script, at)
        if token is None:
            return
        text, at = token.group(), token.end()
        if text == "\n":
            after = _after_documents(script, at, documents)
            if after is None:
                return
            at = after
            yield at, 2 * len(stack) + blocks
        elif text in _BRACKETS:
            _nest(stack, text)
        elif not quoted and token["end"]:
            documents.append(token["end"])
        elif starts:
            blocks = max(blocks + (text in _OPENERS) - (text in _CLOSERS), 0)
        starts = text in _BEFORE_COMMAND or text[0] in "\n()$;&|" or (starts and text.isspace())


def _after_documents(script: str, at: int, documents: list[str]) -> int | None:
    """The end of the here-documents whose text begins at `at`; None if one does not end."""
    for end in documents:
        found = re.compile(rf"^\t*{re.escape(end)}$\n?", re.MULTILINE).search(script, at)
        if found is None:
            return None
        at = found.end()
    documents.clear()
    return at


def _nest(stack: list[str], text: str) -> None:
    """Takes in a quote or bracket."""
    if text == '"':
        _toggle(stack)
    elif text != ")":
        stack.append("(")
    elif stack[-1:] == ["("]:
        stack.pop()


def _powershell_breaks(script: str) -> Iterator[Break]:
    stack: list[str] = []
    at = 0
    while at < len(script):
        token = (_POWERSHELL_QUOTED.search if stack[-1:] == ['"'] else _POWERSHELL.match)(script, at)
        if token is None:
            return
        text, at = token.group(), token.end()
        if text in _ENDS and stack[-1:] != ['"']:
            end = script.find(_ENDS[text], at)
            if end < 0:
                return
            at = end + len(_ENDS[text])
        elif text == '"':
            _toggle(stack)
        elif text in ("$(", "(", "{", "["):
            stack.append("(")
        elif text in (")", "}", "]"):
            if stack:
                stack.pop()
        elif text == "\n":
            yield at, len(stack)


def _toggle(stack: list[str]) -> None:
    if stack[-1:] == ['"']:
        stack.pop()
    else:
        stack.append('"')
