"""Text helpers: plurals, truncation and escaping of untrusted text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache

from tokenaudit.errors import UsageError
from tokenaudit.map_text import T, map_text
from tokenaudit.redaction import mask

_LARGEST = 1 << 16
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def shorten(text: str, most: int) -> str:
    """Masks `text` and removes its middle if it is longer than `most` characters.

    Only this function truncates text, because part of a credential can't be detected and masked. Of more than 64 Ki
    characters, only the beginning is used.
    """
    if len(text) > _LARGEST:
        before, _, _ = text[:_LARGEST].rpartition(" ")  # the last word can be a truncated value
        text = f"{before} …"
    text = mask(text)
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: max(most - tail - 1, 0)]}…{text[len(text) - tail :]}"[:most]


def one_line(text: object, most: int) -> str:
    """`text` as one line of at most `most` characters, unprintable ones escaped; see `shorten`."""
    line = " ".join(str(text).split())
    return shorten("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line), most)


def listed(words: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """`a, b and 12 more`: the first `most` of `words`."""
    shown = separator.join(words[:most])
    more = and_more(len(words), most)
    return f"{shown}{' ' if separator == ', ' else separator}{more}" if more else shown


def and_more(total: int, shown: int, what: str = "") -> str:
    """`and 12 more`, or `and 12 more (what)`; empty where all of `total` are shown."""
    if total <= shown:
        return ""
    return f"and {total - shown:,} more{f' ({what})' if what else ''}"


ALL_IN_JSON = "--format json lists all"
"""Reference to the full output, for `and_more`."""


def file_name(text: str, most: int = 80) -> str:
    """`text` masked, as a part of a file's name: letters, digits, dots, underscores and hyphens, `most` at most."""
    return _UNSAFE.sub("-", mask(text))[:most].strip("-")


def count(number: int, singular: str) -> str:
    """`1 credential`, `12,345 objects`, `2 repositories`."""
    if number == 1:
        return f"1 {singular}"
    ends_in_ies = singular.endswith("y") and singular[-2] not in "aeiou"
    return f"{number:,} {singular[:-1]}ies" if ends_in_ies else f"{number:,} {singular}s"


def size(number: int) -> str:
    """A number of bytes in human-readable form."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - units are decimal
            return f"{number} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def columns(text: str) -> int:
    """The columns of a terminal that `text` takes: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    return len(text) + wide - sum(unicodedata.category(character) in {"Mn", "Me"} for character in text)


def wrapped(text: str, width: int, indent: str = "  ") -> str:
    """`text` in lines of `width` columns, broken at blanks only; lines after the first begin with `indent`.

    A longer word has a line of its own. Nothing is lost: a line feed and the indent replace one blank.
    """
    first, *others = text.split(" ")
    lines = [first]
    for word in others:
        if columns(lines[-1]) + 1 + columns(word) > width and lines[-1].strip() and word:
            lines.append(indent + word)
        else:
            lines[-1] += f" {word}"
    return "\n".join(lines)


_LONGEST_NAME = 40


def words(text: str) -> frozenset[str]:
    """The words of a table that is written as text."""
    return frozenset(text.split())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where one of the `known` names is close to `name`, else nothing."""
    spelled = {each.lower().replace("_", "-"): each for each in known}
    close = get_close_matches(name[:_LONGEST_NAME].lower().replace("_", "-"), spelled, n=1)
    return f"; did you mean {spelled[close[0]]!r}?" if close else ""


_COMMAND_SIGNS = ("##", "::", "section_", "travis_", "--- ", "+++ ", "~~~ ", "^^^ ")
_COMMANDS = re.compile(
    r"#(?=#+(?:\[|[A-Za-z]+\[))"  # Azure Pipelines, GitHub's old form, TeamCity: anywhere in a line
    r"|(?:(?<=section_start)|(?<=section_end)|(?<=travis_fold)|(?<=travis_time)):(?=\w)"  # GitLab, Travis
    r"|^(?:-(?=-- )|\+(?=\+\+ )|~(?=~~ )|\^(?=\^\^ ))",  # Buildkite: groups, where a line begins
    re.MULTILINE,
)
_WORKFLOW_COMMAND = re.compile(
    r"(?<!\S)::"  # GitHub, Gitea: where a line begins
    r"|(?<![\"'`])::(?:error|warning|notice|debug|group|endgroup|echo|add-mask|add-matcher|remove-matcher|add-path|set-env"
    r"|set-output|save-state|stop-commands)(?:::| .*::)"
)

_PLAIN = re.compile(r"[ -~]*\Z")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BYTE_ESCAPES = range(0xDC80, 0xDD00)
_BRAILLE_BLANK_AND_FILLERS = frozenset("\u2800\u115f\u1160\u3164\uffa0")
_MOST_MARKS = 3


def visible(text: str) -> str:
    r"""`text` in one line, with every control, direction and invisible character as its escape (`\x1b`, `\u202e`).

    So is the first sign of a command to a CI system's log; see `inert`.
    Undecodable bytes that Python keeps as lone surrogates appear as the byte (`\xff`).
    """
    return inert(text if _PLAIN.match(text) else "".join(_escaped(text)))


def inert(text: str, escape: Callable[[str], str] | None = None) -> str:
    r"""`text` without commands to the CI system in whose log it can end up.

    Their signs become escapes: `\\x3a`, or what `escape` makes of the sign.
    """
    if not any(sign in text for sign in _COMMAND_SIGNS):
        return text
    escaped = escape or _code
    if "::" in text and _WORKFLOW_COMMAND.search(text):
        text = text.replace("::", 2 * escaped(":"))
    return _COMMANDS.sub(lambda found: escaped(found[0]), text)


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


_FINGERPRINT = re.compile(r"[0-9a-f]{1,32}")
_SHORTEST_FINGERPRINT = 8


def parse_fingerprint(text: str, *, shortest: int = _SHORTEST_FINGERPRINT) -> str:
    """A fingerprint as people and other tools write it, or its first digits, in the one form that is compared.

    Upper and lower case are the same, blanks around it don't count. `shortest` is how many digits are enough.

    Raises:
        UsageError: it is not one. The text is not repeated: it may be a credential given by mistake.
    """
    found = text.strip().lower()
    if not _FINGERPRINT.fullmatch(found) or len(found) < shortest:
        message = (
            f"a fingerprint has 32 hex digits (the first {shortest} are enough); `tokenaudit fingerprint` "
            "computes it from a value on stdin"
        )
        raise UsageError(message)
    return found


_CHAT_MARKERS = re.compile(
    r"<\|[^|<>\n]{1,40}\|?>|<\uff5c[^<>\n]{1,40}\uff5c>|\[/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS)\]|<</?SYS>>"
    r"|</?(?:s|system|user|assistant|human|start_of_turn|end_of_turn|function_calls|tool_call|think)>"
    r"|^\s*(?:system|assistant|human|user)\s*:|#{2,} ?(?:system|instruction|assistant|user)s?\b",
    re.IGNORECASE | re.MULTILINE,
)
_OPENERS = str.maketrans({"<": "\u2039", ">": "\u203a", "[": "(", "]": ")", "#": "\u266f", ":": "\ua789"})


def without_chat_markers(text: str) -> str:
    """`text` with nothing that delimits the turns of a chat for a language model (`<|im_start|>`, `[INST]`, `System:`).

    Their brackets are replaced by others that look alike and that no tokenizer knows.
    """
    return _CHAT_MARKERS.sub(lambda found: found[0].translate(_OPENERS), text)


def neutral(tree: T) -> T:
    """A copy of `tree`, such as a report, without chat markers in any of its texts: an agent can read the report."""
    return map_text(tree, without_chat_markers)
