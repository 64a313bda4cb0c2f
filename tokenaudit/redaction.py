"""Redaction of credential values in every text of a report."""

from __future__ import annotations

import base64
import re
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tokenaudit.model import Report
    from tokenaudit.secret import Secret


_LONGEST_KEY = 12
_ESCAPE_SIGNS = re.compile(r"[%\\&]")


def redacted(report: Report, secrets: Iterable[Secret]) -> Report:
    """`report` with every value of `secrets` in any of its texts replaced by its display form.

    Taken out as they are, as base64 (either alphabet, at any offset inside a longer base64 text), as hexadecimal, and
    with any of their characters percent-, backslash- or entity-escaped. Secrets without a value (they came out of a
    pickle) raise `SecretUnavailableError`: a report must not be written as if they had been looked for.
    """
    return map_text(report, redactor(secrets))


def redactor(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """A function that replaces every value of `secrets` in one text, for logs and messages; see `redacted`."""
    shown = {secret.reveal(): secret.display for secret in secrets}
    shown.pop("", None)
    needles = {needle: display for value, display in shown.items() for needle in _forms(value)}
    if not needles:
        return str
    size = min(_LONGEST_KEY, *(len(needle) for needle in needles))
    # Longest first, so that a value which contains another one goes as a whole.
    index: dict[str, list[str]] = {}
    for needle in sorted(needles, key=lambda needle: (-len(needle), needle)):
        index.setdefault(needle[:size].lower(), []).append(needle)
    longest_first = sorted(shown, key=len, reverse=True)

    def redact(text: str) -> str:
        low = text.lower() if len(text.lower()) == len(text) else text.translate(_ASCII_LOWER)
        starts = {low[at : at + size] for at in range(len(low) - size + 1)}
        hit = [needle for key in starts & index.keys() for needle in index[key]]
        for needle in sorted(hit, key=len, reverse=True):
            text = re.sub(re.escape(needle), _always(needles[needle]), text, flags=_flags(needle))
        if _ESCAPE_SIGNS.search(text):
            # Hundreds of long patterns are slow: only those run whose value shows once the escapes are undone.
            plain = _unescaped(text)
            starts = {plain[at : at + size].lower() for at in range(len(plain) - size + 1)}
            for value in longest_first:
                if value[:size].lower() in starts:
                    text = _escaped_form(value).sub(_always(shown[value]), text)
        return text

    return redact


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _always(text: str) -> Callable[[re.Match[str]], str]:
    return lambda _: text


def _flags(needle: str) -> int:
    return re.IGNORECASE if _HEX.fullmatch(needle) else 0


_HEX = re.compile(r"[0-9a-f]+")


def _forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogateescape")
    yield value
    yield raw.hex()
    for offset in range(3):
        # Characters that also depend on the neighbouring bytes are cut, the rest is the same in any surrounding.
        whole = base64.b64encode(bytes(offset) + raw).decode()
        first = (0, 2, 3)[offset]
        last = (offset + len(raw)) * 8 // 6
        core = whole[first:last]
        if core:
            yield core
            yield core.translate(_URL_SAFE)


_ESCAPE = re.compile(
    r"%(?:25)?([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\u00([0-9A-Fa-f]{2})|\\([0-7]{3})|&#0*([0-9]{1,3});"
    r"|&#[xX]0*([0-9A-Fa-f]{1,2});"
)
_BASES = (16, 16, 16, 8, 10, 16)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    group = found.lastindex or 1
    return chr(int(found.group(group), _BASES[group - 1]))


_URL_SAFE = str.maketrans("+/", "-_")


def _escaped_form(value: str) -> re.Pattern[str]:
    """Matches `value` with each character plain or escaped as URLs, JSON, Python, shells or HTML do it."""
    parts = []
    for character in value:
        code = ord(character)
        parts.append(
            f"(?:{re.escape(character)}|%(?:25)?(?i:{code:02x})|\\\\x(?i:{code:02x})|\\\\u00(?i:{code:02x})"
            f"|\\\\{code:03o}|&#0*{code};|&#[xX]0*(?i:{code:x});)"
        )
    return re.compile("".join(parts))


T = TypeVar("T")


def map_text(value: T, change: Callable[[str], str]) -> T:
    """A copy of `value`, a tree of our dataclasses and tuples, with `change` applied to every string in it.

    Parts in which nothing changes are shared with the original. Enum members are names of ours, not texts.
    """
    known: dict[str, str] = {}

    def text(old: str) -> str:
        if old not in known:
            known[old] = change(old)
        new = known[old]
        return old if new == old else new

    def walk(node: Any) -> Any:  # noqa: ANN401 - any node of the tree
        if isinstance(node, Enum):
            return node
        if isinstance(node, str):
            return text(node)
        if isinstance(node, tuple):
            items = tuple(walk(item) for item in node)
            return items if any(new is not old for new, old in zip(items, node, strict=True)) else node
        if is_dataclass(node) and not isinstance(node, type):
            changed = {}
            for field in fields(node):
                old = getattr(node, field.name)
                new = walk(old)
                if new is not old:
                    changed[field.name] = new
            return replace(node, **changed) if changed else node
        return node

    result: T = walk(value)
    return result
