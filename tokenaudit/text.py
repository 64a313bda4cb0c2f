"""Text helpers: plurals, and text from scanned places made safe to print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache


def count(number: int, noun: str) -> str:
    """`1 credential`, `12,345 objects`, `2 repositories`."""
    if number == 1:
        return f"1 {noun}"
    ends_in_ies = noun.endswith("y") and noun[-2] not in "aeiou"
    return f"{number:,} {noun[:-1]}ies" if ends_in_ies else f"{number:,} {noun}s"


_LONGEST_NAME = 40


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where one of the `known` names is close to `name`, else nothing."""
    spelled = {each.lower().replace("_", "-"): each for each in known}
    close = get_close_matches(name[:_LONGEST_NAME].lower().replace("_", "-"), spelled, n=1)
    return f"; did you mean {spelled[close[0]]!r}?" if close else ""


_PLAIN = re.compile(r"[ -~]*\Z")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BYTE_ESCAPES = range(0xDC80, 0xDD00)
_BRAILLE_BLANK_AND_FILLERS = frozenset("\u2800\u115f\u1160\u3164\uffa0")
_MOST_MARKS = 3


def visible(text: str) -> str:
    r"""`text` in one line, with every control, direction and invisible character as its escape (`\x1b`, `\u202e`).

    Undecodable bytes that Python keeps as lone surrogates appear as the byte (`\xff`).
    """
    return text if _PLAIN.match(text) else "".join(_escaped(text))


def shorten(text: str, most: int) -> str:
    """`text` with its middle left out where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def _escaped(text: str) -> list[str]:
    shown = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        shown.append(_code(character) if marks > _MOST_MARKS else _one(character))
    return shown


@lru_cache(maxsize=4096)
def _one(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    category = unicodedata.category(character)
    odd_space = category == "Zs" and character not in " \u3000"
    if category in _UNSEEN or odd_space or character in _BRAILLE_BLANK_AND_FILLERS:
        return _code(character)
    return character


def _code(character: str) -> str:
    number = ord(character)
    if number in _BYTE_ESCAPES:
        return f"\\x{number - 0xDC00:02x}"
    if number <= 0xFF:  # noqa: PLR2004 - the last code point with a two-digit escape
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - last with four digits
