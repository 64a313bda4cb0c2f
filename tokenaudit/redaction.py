"""Redacts credential values in all text of a report."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from tokenaudit.map_text import map_text
from tokenaudit.secret import Secret, created, display, registered

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenaudit.interfaces import ScanResult


T = TypeVar("T")

MASK = "****"

SHORTEST_VALUE = 35
"""Minimum length of a value that a plugin matches; a test compares it with the plugins."""

_KEY = 8
"""Characters by which values and their pieces are looked up. Shorter values are not looked for: they are words."""

_STRIDE = 3
"""Distance of the pieces that are looked up: any piece of `_KEY + _STRIDE - 1` characters holds one of them."""

_ESCAPE_SIGNS = re.compile(r"[%\\&]")
_LONG_WORD = re.compile(rf"\S{{{SHORTEST_VALUE}}}")
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 100_000, 1000
_GOES_ON = re.compile(rb"(?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-]{5}))*")
"""What may follow the beginning of a value inside the same word; a short extension of a file is not part of it."""


class Finder(Protocol):
    """Detection as this module uses it; `tokenaudit.detect.Detector` is one."""

    def may_contain(self, data: bytes) -> bool:
        """False only if neither `scan` nor `beginnings` would return anything."""

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        """Every credential, placeholder and look-alike in `data`."""

    def beginnings(self, data: bytes) -> list[tuple[int, int]]:
        """Positions where an unencoded credential begins, including incomplete ones that no plugin matches."""


class Redactor:
    """Replaces values, their encoded forms and their pieces.

    Whole values become their display form: as they are, as base64 (either alphabet, at any offset inside a longer
    base64 text), as hexadecimal, and with any of their characters percent-, backslash- or entity-escaped. Pieces of at
    least ten characters become `****`.
    """

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._needles: dict[str, str] = {}
        self._by_end: dict[str, list[str]] = {}
        self._values_by_end: dict[str, list[str]] = {}
        self._pieces: dict[str, list[tuple[str, int, int]]] = {}

    def add(self, value: str, shown: str, *, pieces: bool) -> None:
        """Registers `value` to be replaced by `shown`; its pieces are masked if requested."""
        if len(value) < _KEY:
            return
        if value not in self._shown:
            self._shown[value] = shown
            self._values_by_end.setdefault(_end(value), []).append(value)
            for needle in _forms(value):
                self._needles[needle] = shown
                self._by_end.setdefault(_end(needle), []).append(needle)
        if pieces:
            # The prefix and the header of a JWT are the same in thousands of values.
            first = value.find(".") + 1 if _is_jwt(value) else len(shown.partition(MASK)[0])
            last = len(value) - _KEY
            for at in dict.fromkeys((*range(first, last, _STRIDE), max(last, first))):
                self._pieces.setdefault(value[at : at + _KEY], []).append((value, at, first))

    def __call__(self, text: str) -> str:
        """`text` without the values that were added, and without pieces of them."""
        return self.without_pieces(self.without_values(text))

    def without_values(self, text: str) -> str:
        """`text` without the whole values."""
        if not self._shown or len(text) < _KEY:
            return text
        low = _lower(text)
        grams = {low[at : at + _KEY] for at in range(len(low) - _KEY + 1)}
        hit = [needle for gram in grams if gram in self._by_end for needle in self._by_end[gram]]
        # Longest first, so that a value that contains another one is replaced as a whole.
        for needle in sorted(hit, key=len, reverse=True):
            # A JWT that was cut is the beginning of the whole one, whose rest has no shape.
            rest = r"(?:[A-Za-z0-9_-]{5,})?" if _is_jwt(needle) else ""
            text = re.sub(re.escape(needle) + rest, _always(self._needles[needle]), text, flags=_flags(needle))
        if _ESCAPE_SIGNS.search(text):
            text = self._without_escaped(text)
        return text

    def _without_escaped(self, text: str) -> str:
        # Hundreds of long patterns are slow: only those run whose value shows once the escapes are undone.
        plain = _lower(_unescaped(text))
        grams = {plain[at : at + _KEY] for at in range(len(plain) - _KEY + 1)}
        hit = [value for gram in grams if gram in self._values_by_end for value in self._values_by_end[gram]]
        for value in sorted(hit, key=len, reverse=True):
            text = _escaped_form(value).sub(_always(self._shown[value]), text)
        return text

    def without_pieces(self, text: str) -> str:
        """`text` without the pieces of the values for which this was requested."""
        if not self._pieces:
            return text
        pieces = self._pieces
        hits = [at for at in range(len(text) - _KEY + 1) if text[at : at + _KEY] in pieces]
        spans: list[tuple[int, int]] = []
        for at in hits:
            if not spans or at >= spans[-1][1]:
                ends = [_piece(text, at, *piece) for piece in pieces[text[at : at + _KEY]]]
                spans.append((min(start for start, _ in ends), max(end for _, end in ends)))
        return _masked(text, spans) if spans else text


def _piece(text: str, at: int, value: str, start: int, first: int) -> tuple[int, int]:
    """The longest stretch around `text[at:]` that reads as `value` does around `start`, from `first` on."""
    left = 0
    while at - left > 0 and start - left > first and text[at - left - 1] == value[start - left - 1]:
        left += 1
    right = _KEY
    while at + right < len(text) and start + right < len(value) and text[at + right] == value[start + right]:
        right += 1
    return at - left, at + right


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at : max(at, start)], MASK]
        at = end
    return "".join([*parts, text[at:]])


def redactor(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """A function that replaces the values of `secrets`, and nothing else, in one text; see `Redactor`.

    Raises:
        SecretUnavailableError: a secret was unpickled and has no value.
    """
    chosen = Redactor()
    for secret in secrets:
        chosen.add(secret.reveal(), secret.display, pieces=True)
    return chosen


class _Process:
    """The values registered in this process, and the detector."""

    def __init__(self) -> None:
        self.known = Redactor()
        self.clean: set[str] = set()
        self.version = 0
        self.last: object = None
        self.last_version = 0
        self.lock = threading.RLock()
        self.busy = threading.local()
        self.load: Callable[[], Finder] | None = None
        self.finder: Finder | None = None

    def learn(self) -> None:
        """Registers the values of new `Secret` objects."""
        if not created:
            return
        with self.lock:
            while created:
                value, shown, masking = created[0]
                self.known.add(value, shown, pieces=masking == "pieces")
                created.popleft()
            self.version += 1
            self.clean.clear()

    def find(self) -> Finder | None:
        if self.finder is None and self.load is not None:
            self.busy.now = True  # an error while it is created has a text too
            try:
                self.finder = self.load()
            finally:
                self.busy.now = False
        return self.finder


_process = _Process()


def _new_lock() -> None:
    _process.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)  # another thread can have changed it


def find_with(load: Callable[[], Finder]) -> None:
    """Sets the factory of the detector that finds credentials in text; it is called on first use."""
    _process.load = load


def forget() -> None:
    """Removes all values. Used by tests, whose values can be ordinary words."""
    with _process.lock:
        created.clear()
        registered.clear()
        _process.known = Redactor()
        _process.clean.clear()


def mask(text: str) -> str:
    """`text` without credentials: known values, parts of them, and everything with the shape of a credential."""
    _process.learn()
    if text in _process.clean:
        return text
    version = _process.version
    found = _process.known.without_values(text)
    if len(found) >= SHORTEST_VALUE:
        found = _without_shapes(found)
    found = _process.known.without_pieces(found)
    if found == text and version == _process.version:
        if len(_process.clean) > _MOST_REMEMBERED:
            _process.clean.clear()
        if len(text) <= _LONGEST_REMEMBERED:
            _process.clean.add(text)
    return found


def mask_shapes(text: str) -> str:
    """`text` without anything that has a credential's shape: the last look at a text made of masked parts.

    Runs at memory speed, so that it can be applied to whole documents.
    """
    return _without_shapes(text) if _LONG_WORD.search(text) else text


def _without_shapes(text: str) -> str:
    if getattr(_process.busy, "now", False):
        return text
    finder = _process.find()
    data = _encoded(text)
    if finder is None or not finder.may_contain(data):
        return text
    _process.busy.now = True  # scanning creates text too
    try:
        seen = finder.scan(data).detections
        _process.learn()
        text = _process.known.without_values(text)
        for value in {seen.secret.reveal() for seen in seen if "concatenated" in seen.via}:
            if len(value) <= _LONGEST_CUT:
                text = _cut_form(value).sub(_without_strings, text)
        return _without_beginnings(text, finder)
    finally:
        _process.busy.now = False


def _without_beginnings(text: str, finder: Finder) -> str:
    """Beginnings that no plugin takes for a whole value, because more letters follow or because the rest is missing."""
    data = _encoded(text)
    parts, at = [], 0
    for start, end in finder.beginnings(data):
        if start >= at:
            rest = _GOES_ON.match(data, end)
            stop = rest.end() if rest else end
            parts += [data[at:start], display(data[start:stop].decode()).encode()]
            at = stop
    return b"".join([*parts, data[at:]]).decode("utf-8", "surrogateescape") if parts else text


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def masked(tree: T) -> T:
    """A copy of `tree` (our dataclasses, tuples, lists, sets, dicts) with every text in it masked."""
    _process.learn()
    last = _process.last if _process.version == _process.last_version else None
    done = tree if tree is last else _masked_since(tree, last)
    if is_dataclass(done):  # our dataclasses are frozen, so masked text does not change
        _process.last, _process.last_version = done, _process.version
    return done


def _masked_since(tree: T, last: object) -> T:
    """`tree` masked; `last` is an earlier result, whose fields are not masked again if they are in `tree` too."""
    if type(tree) is not type(last) or not is_dataclass(tree) or isinstance(tree, type):
        return map_text(tree, mask)
    olds = {field.name: getattr(tree, field.name) for field in fields(tree)}
    news = {name: map_text(old, mask) for name, old in olds.items() if old is not getattr(last, name)}
    changed = {name: new for name, new in news.items() if new is not olds[name]}
    return replace(tree, **changed) if changed else tree


def redacted(tree: T, secrets: Iterable[Secret]) -> T:
    """`tree`, such as a report, with every text in it masked, and `secrets` known from now on.

    Raises:
        SecretUnavailableError: a secret came out of a pickle: a report must not be written as if its value had been
            looked for.
    """
    for secret in secrets:
        value = secret.reveal()
        if registered.isdisjoint({(secret.fingerprint, "pieces"), (secret.fingerprint, "whole")}):
            created.append((value, secret.display, "whole"))
            registered.add((secret.fingerprint, "whole"))
    return masked(tree)


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _lower(text: str) -> str:
    """As long as `text`."""
    low = text.lower()
    return low if len(low) == len(text) else text.translate(_ASCII_LOWER)


def _is_jwt(value: str) -> bool:
    return value.count(".") == 2  # noqa: PLR2004 - header, payload, signature


def _end(text: str) -> str:
    return _lower(text)[-_KEY:]


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
        if len(core) >= _KEY:
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


_JOINT = r"""((?:[^A-Za-z0-9]{1,40}(?:[fFbBrRuUL]{1,2}["'`])?)?)"""
_LONGEST_CUT = 100
"""Characters of a value that is looked for in strings of any size; of longer ones only pieces of ten and more are."""


def _cut_form(value: str) -> re.Pattern[str]:
    """Matches `value` if it is concatenated from string literals; one group for the text between two characters."""
    return re.compile(_JOINT.join(map(re.escape, value)))


def _without_strings(found: re.Match[str]) -> str:
    """The match without the value's characters; what is between them stays, and with it the text's own syntax."""
    return MASK + "".join(f"{joint}{MASK}" for joint in found.groups() if joint)
