"""Join split text: concatenated string literals, continued lines, runs of markup, lines of a dump."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from tokenaudit.detect.encodings import Sets, exactly, expression
from tokenaudit.detect.literals import MOST_SPELLINGS, LiteralPattern, literal_pattern_for
from tokenaudit.detect.positions import Origins

_QUOTE = rb"\\{0,2}[\"'`]"
_BETWEEN = rb"[ \t\r\n+.,&<>|)(\\~]{0,30}(?:[fFbBrRuUL@$]{0,2})"
_APPENDED = rb";?[ \t]{0,4}\r?\n[ \t]{0,40}\$?[A-Za-z_]\w{0,40}[ \t]{0,4}[+.]=[ \t]{0,4}"
_EVENT = rb"\][ \t]?\r?\n\[[0-9.]{1,20},[ \t]?\"o\",[ \t]?"
"""From one event of a recorded terminal (asciinema) to the next."""

_LITERALS = rb"(?:" + _BETWEEN + rb"|" + _APPENDED + rb"|" + _EVENT + rb")" + _QUOTE
"""From the end of a literal to the start of the next: adjacent, joined by an operator or `join`, appended by `+=`."""

_CONTINUED = rb"\r?\n[ \t]{0,30}"
_FOLDED = rb"[ \t](?=[A-Za-z0-9_])"
"""A line continued by a backslash, or folded as in iCalendar, vCard and LDIF. Quoted-printable uses `=`."""

_ESCAPED_COLOR = rb"(?:u001[bB]|x1[bB]|033|e)\[[0-9;:]{0,16}[A-Za-z]"
"""A color escape in a JSON string, as in terminal recordings (`.cast`), without its backslash."""

_COLOR = rb"\[[0-9;:]{0,16}[A-Za-z](?:\x1b\[[0-9;:]{0,16}[A-Za-z]){0,3}"

_BLOCK = rb"/?(?:[A-Za-z]{1,6}:)?(?:p|h|h[1-6]|br|cr|tab|s|line-break|li|td|th|tr|si|c|row|div|pre|title)[\s/>]"
_MARKUP_START = rb"(?!" + _BLOCK + rb")/?[A-Za-z]"
_TAG = _MARKUP_START + rb"[^<>\0]{0,200}>"
_MARKUP = _TAG + rb"(?:(?:\r?\n[ \t]{0,40})?<" + _TAG + rb"){0,11}"
"""Runs of a word processor, or highlighted text. Elements that end a line or a cell also end a word."""

_DUMP_START = rb"[ \t]{0,8}(?:0x)?[0-9A-Fa-f]{4,16}:?[ \t]{1,3}[0-9A-Fa-f]{2,8}[ \t]"
_DUMP = _DUMP_START + rb"[ \t]?(?:[0-9A-Fa-f]{2,8}[ \t]{1,2}){0,24}[ \t]{0,50}[|>]?"
"""From one line of a dump to the next, for dumps with text on the right: xxd, `hexdump -C`, `od -t x1z`."""


_JOINT_STARTS = rb"[\"'`\\=\r\n\x1b<|]"


def _joint(literals: bytes, folded: bytes, markup: bytes, dump: bytes) -> bytes:
    """Return the expression for a joint. Branching on the first byte is much faster than trying each alternative."""
    after = {
        rb"[\"'`]": literals,
        rb"\\": rb"\\?[\"'`]" + literals + rb"|" + _CONTINUED + rb"|" + _ESCAPED_COLOR,
        rb"=": rb"\r?\n",
        rb"\n": folded + rb"|" + dump,
        rb"\r": rb"\n(?:" + folded + rb"|" + dump + rb")",
        rb"\|": rb"\r?\n" + dump,
        rb"<": markup + rb"|\r?\n" + dump,
        rb"\x1b": _COLOR,
    }
    return _JOINT_STARTS + rb"(?:" + b"|".join(b"(?<=%b)(?:%b)" % each for each in after.items()) + rb")"


WIDTH = 20 + 34 + 140
"""Maximum width of `evidence` in bytes, for literals of up to 20 characters."""


class _Splits(NamedTuple):
    """What is before and after the joint in splits with the same rare part.

    `wholes` are literals with a split body, `left` and `right` the parts of split literals.
    """

    wholes: list[bytes]
    left: list[bytes]
    right: list[bytes]

    def expression(self) -> bytes:
        """Return the expression for all splits, in which any part on the left goes with any on the right.

        With an expression for each split, compiling takes longer than searching a small repository.
        """
        found = [_any_of(self.wholes) + _BODY + _SHOWN] if self.wholes else []
        if self.left:
            rest = sorted(self.right, key=len, reverse=True)
            found.append(_any_of(self.left) + rb"(?:%b%b|[|<]?\r?\n%b)" % (_SHORT, _any_of(rest), _DUMP_START))
        return b"|".join(found)

    def head(self) -> bytes:
        """Return the start of the expression, up to the first byte of a joint."""
        found = [_any_of(self.wholes) + _BODY + _JOINT_STARTS] if self.wholes else []
        if left := [each for each in self.left if not any(_is_body_after(whole, each) for whole in self.wholes)]:
            found.append(_any_of(left) + _JOINT_STARTS)
        return b"|".join(found)


def _is_body_after(whole: bytes, text: bytes) -> bool:
    return text.startswith(whole) and (text == whole or text[len(whole) :].isalnum())


def _any_of(texts: Iterable[bytes]) -> bytes:
    return b"(?:%b)" % b"|".join(map(re.escape, dict.fromkeys(texts)))


def evidence(literals: Iterable[str], roots: Collection[bytes] = ()) -> Iterator[tuple[bytes, LiteralPattern]]:
    """Yield expressions and literal patterns for `literals` split by a joint, or whole with a split body.

    Only short joints are searched for inside the first three characters. `roots` are literals that are searched for in
    any case.
    """
    alike: dict[LiteralPattern, _Splits] = {}
    for text in (literal.encode() for literal in literals):
        fixed = exactly(text)
        alike.setdefault(literal_pattern_for(fixed, b"", roots), _Splits([], [], [])).wholes.append(text)
        for at in range(1 if len(text) == _FEW else _FEW, len(text)):
            if any(_is_shown(text, at, root) for root in roots):
                continue
            left, right = fixed[:at], fixed[at:]
            if at < _FEW:
                after = expression((_QUOTES, *right)) + _NEXT
                searched = re.escape(text[:at]) + _JOINT_STARTS + rb".*" + after
                literal_pattern = literal_pattern_for((_QUOTES, *right), after)._replace(searched=searched)
                yield re.escape(text[:at]) + _SHORT + re.escape(text[at:]) + rb"(?=" + _NEXT + rb")", literal_pattern
                yield from _wrapped(left, right)
                continue
            # A short word such as `api` is frequent in code, and rare in front of a joint.
            most = len(_CUT) if at <= _SHORT_WORD else MOST_SPELLINGS
            splits = alike.setdefault(literal_pattern_for((*left, _CUT), b"", roots, most), _Splits([], [], []))
            splits.left.append(text[:at])
            splits.right.append(text[at:])
    for literal_pattern, splits in alike.items():
        whole = splits.expression()
        yield whole, literal_pattern._replace(expression=whole, head=splits.head())


def _is_shown(text: bytes, at: int, root: bytes) -> bool:
    """Return whether the expression for `root` whole matches wherever the one for `text` split at `at` does."""
    body = text[len(root) : at + 1]
    return text.startswith(root) and at >= len(root) and body.isalnum()


def _wrapped(left: Sets, right: Sets) -> Iterator[tuple[bytes, LiteralPattern]]:
    """Yield expressions and literal patterns for a literal that is split by a line end or a color escape."""
    for form, rest in _WRAPS:
        yield expression(left + form) + rest + expression(right), literal_pattern_for(left + form)
    folded = (*exactly(b"\n"), frozenset(b" \t"), *right)
    whole = expression(left) + rb"\r?" + expression(folded)
    yield whole, literal_pattern_for(folded)._replace(searched=whole)


_WRAPS: tuple[tuple[Sets, bytes], ...] = (
    ((*exactly(b"="), frozenset(b"\r\n")), rb"\n?"),
    (exactly(b"\x1b["), _COLOR[2:]),
    ((*exactly(b"\\"), frozenset(b"ux0e")), rb"[01xb3B]{0,4}\[[0-9;:]{0,16}[A-Za-z]"),
)
"""The start and the rest of each joint without quotes."""

_FEW, _SHORT_WORD = 3, 4
_BODY = rb"[A-Za-z0-9]{0,33}"
_QUOTES = frozenset(b"\"'`")
_CUT = _QUOTES | frozenset(b"\\\r\n|<=\x1b")
_NEXT = rb"[A-Za-z0-9]"
_SHOWN = _joint(_LITERALS + _NEXT, _FOLDED + _NEXT, _MARKUP_START, _DUMP_START)
"""The part of a joint after a whole literal that distinguishes it from other text."""

_NEVER = rb"(?!)"
_SHORT = _joint(_BETWEEN + _QUOTE, _FOLDED, _NEVER, _NEVER)


@cache
def _joints() -> re.Pattern[bytes]:
    """Compile on first use: most scans need it for nothing."""
    return re.compile(_joint(_LITERALS + rb"(?!\\" + _ESCAPED_COLOR + rb")", _FOLDED, _MARKUP, _DUMP))


LOOKED_AT = 512
"""Bytes from the start of a match that `can_continue` reads."""

_ENDS = frozenset(string.ascii_letters.encode() + string.digits.encode() + b"_-/. \t,;:()[]>!*@^?~")
"""Bytes that neither belong to a joint nor begin an escape or the name of a variable."""

_AFTER_QUOTE = re.compile(rb"[ \t]{0,8}(?:[,;:)\]}>]|\r?\n)")
_LONGEST_JOINT = {b'"': 160, b"'": 160, b"`": 160, b"\n": 350, b"\r": 350}
"""Maximum bytes of a joint that begins with a quote or a line end. Shorter data do not show whether it is one."""


def can_continue(forms: Sequence[Sets], data: bytes, at: int) -> bool:
    """Return whether the text from `at` on, without joints, can begin with one of `forms`.

    In a list of names, such as `"hf_id", "repo"`, it can't. True if it depends on an escape, a variable, bytes that are
    not looked at or joints that appear when others are removed.
    """
    window = data[at : at + LOOKED_AT]
    text, origins = joined(window, 0)
    return _joints().search(text) is not None or any(_can_begin(form, text, window, origins) for form in forms)


def _can_begin(form: Sets, text: bytes, window: bytes, origins: Origins) -> bool:
    differs = next((number for number, byte in enumerate(text[: len(form)]) if byte not in form[number]), None)
    if differs is None:
        return True
    if text[differs] in _ENDS:
        return False
    end = origins(differs)
    margin = _LONGEST_JOINT.get(window[end : end + 1])
    if margin is None or len(window) - end < margin:
        return True
    return text[differs] not in b"\r\n" and _AFTER_QUOTE.match(window, end + 1) is None


def joined(data: bytes, start: int, beginnings: Collection[int] = (), *, commas: bool = True) -> tuple[bytes, Origins]:
    """Return `data` without joints, and its origins, to which `start` is added.

    What is before one of `beginnings`, offsets in `data`, is not joined with it: an argument before a credential is not
    a part of it. Without `commas` nothing is joined across a comma.
    """
    out = bytearray()
    origins = Origins(start)
    at = 0
    for found in _joints().finditer(data):
        if found.end() in beginnings or (not commas and b"," in found[0]):
            continue
        out += data[at : found.start()]
        at = found.end()
        origins.add(len(out), start + at)
    out += data[at:]
    return bytes(out), origins
