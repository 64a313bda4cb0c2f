"""Long scripts cut between their commands.

The parsers of tree-sitter recover from errors in time that grows with the square of the input: 25 KB of `)` take two
seconds, a megabyte an hour. In pieces of a few kilobytes that is bounded by the size of the script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

WHOLE = 8_192
"""Characters up to which a script is not cut."""
_LONG = 131_072
"""Characters from which on a script is cut into pieces of half that size, so that it stays affordable."""
LARGEST = 16_384
"""Characters of the longest piece that is parsed."""

Break = tuple[int, int]
"""An offset between two lines at which a command can end, and how many blocks are open there."""

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


def pieces(script: str, language: str) -> Iterator[tuple[int, int]]:
    """Start and end of each piece, in order and without gaps; one longer than `LARGEST` can't be cut any further."""
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
    """Told by a rough reading: quotes, substitutions, here-documents and the words that open and close blocks."""
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
    """Where the here-documents end whose text begins at `at`; None where one does not end."""
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
