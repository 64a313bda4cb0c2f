"""Scripts as commands: what is run, with which words, redirected where, and which variables it uses.

The same for every shell; `bash`, `powershell` and `batch` read one language each, and `script` chooses among them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from tokenaudit.ci.source_span import SpanText

# written so that a file of nothing but `${{` costs no more than its length
EXPRESSION = re.compile(r"\$\{\{((?:[^$}]|\$(?!\{\{)|\}(?!\}))*)\}\}")


@dataclass(frozen=True)
class Reference:
    """A use of a variable (`name`) or of a CI expression (`expression`, its text without the braces).

    `length` is that of the reference as written, `${NAME}` for one.
    """

    offset: int
    name: str | None = None
    expression: str | None = None
    cut: bool = False
    """Whether only a piece of the value is taken, as in `${X:0:4}`."""
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
    """One simple command. `captured` says that a substitution takes its output."""

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
    """Commands in the order they are written, substituted ones after the command that holds them."""

    text: SpanText
    commands: tuple[Command, ...]
    language: str = "bash"
    complaints: tuple[tuple[int, str], ...] = ()
    """What could not be read, as (offset, reason)."""


class Expressions:
    """The CI expressions of a script. They are no shell: a parser gets a word of the same length in their place."""

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
    """Whether `offset` lies in one of some spans that are in order and don't overlap."""
    index = bisect_right(spans, (offset, 1 << 60)) - 1
    return index >= 0 and offset < spans[index][1]
