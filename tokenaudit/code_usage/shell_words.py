"""The words of shell text and where its quotations end, in one pass over it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<separator>[;&|()]+)|"""
    r"""(?P<word>(?:[^\s;&|()'"\\]+|\\(?s:.)|'[^']*'|"(?:[^"\\]|\\(?s:.))*")+)|(?P<open>(?s:.))"""
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\(?s:.))*)"|\\(?s:(.))""")
_ESCAPED = re.compile(r"""\\(["\\$`\n])""")
_OUTSIDE = re.compile(r"""\\(?s:.)|(?<!\S)\#[^\n]*|['"]""")
_INSIDE = {"'": re.compile("'"), '"': re.compile(r'\\(?s:.)|"')}


def commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """The words of each command, without their quotes, and whether the text could be read up to there.

    After a quotation that does not end comes everything once more, split at blanks.
    """
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["open"]:
            yield re.sub(r"[\"']", " ", text).split(), False
            return
        if token["word"]:
            words.append(_QUOTED.sub(_unquoted, token["word"]))
        elif token["separator"] and words:
            yield words, True
            words = []
    if words:
        yield words, True


def _unquoted(match: re.Match[str]) -> str:
    single, double, escaped = match.groups()
    if single is not None:
        return str(single)
    if double is not None:
        return _ESCAPED.sub(r"\1", double)
    return "" if escaped == "\n" else str(escaped)


class Quotes:
    """Follows quotations through text that comes line by line."""

    def __init__(self, text: str) -> None:
        self.open = ""
        """The quote that has not been closed yet, if any."""
        self.read(text)

    def read(self, text: str) -> None:
        """Goes on with what follows."""
        at = 0
        while True:
            token = (_INSIDE[self.open] if self.open else _OUTSIDE).search(text, at)
            if token is None:
                return
            at = token.end()
            if token.group() in ("'", '"'):
                self.open = "" if self.open else token.group()
