"""Literal patterns, the first stage of the prefilter.

Every match of a pattern contains a match of one of its literal patterns, which in turn contains a short literal. A
multi-pattern searcher for literals compiles in milliseconds and runs at memory speed. The literal pattern is tried only
at the position of a literal, and the exact expression only where the literal pattern matches.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from tokenaudit.detect.encodings import Sets, expression

MOST_SPELLINGS = 4
"""Maximum number of literals that one part of a pattern usually expands to."""

_LONGEST = 6
"""Maximum length of a literal in bytes. Longer literals are not rarer in practice but have more spellings."""

_LETTER, _OTHER_LETTER, _RARE = 4.0, 5.5, 6.5
"""Bits of information in a lower-case letter, in a capital or digit, and in any other byte of text."""

MANY = 256
"""Matches of literal patterns to collect before checking whether they are evidence."""


class Hit(NamedTuple):
    """One piece of evidence: `data[start:end]` matched `patterns[pattern]`."""

    start: int
    end: int
    pattern: int


def ranges_around(hits: Sequence[Hit], size: int, left: int, right: int) -> Iterator[tuple[int, int, list[Hit]]]:
    """Yield (start, end, hits) of the ranges around hits in order, with overlapping ranges merged.

    A range begins `left` bytes before a hit and ends `right` bytes after it; `size` is that of the data.
    """
    inside: list[Hit] = []
    start = end = 0
    for hit in hits:
        if inside and hit.start - left > end:
            yield start, end, inside
            inside = []
        start = start if inside else max(0, hit.start - left)
        end = min(size, max(end, hit.end + right))
        inside.append(hit)
    if inside:
        yield start, end, inside


LONGEST_HEAD = 64
"""Maximum bytes of a match of a head."""

_RUN, _ANY_RUN = b"{0,33}", b"*"
"""A run in a head, and what matches more but is compiled in less time."""

_BEGINS_NAMES = re.compile(rb"[a-z0-9]+_")


class LiteralPattern(NamedTuple):
    """A rare part of a pattern, or the whole.

    Every match of `expression` contains one of `literals`, `lead` bytes after its start. Without literals, the searcher
    searches for the expression itself.

    Where the literals are frequent, Hyperscan searches for `searched` instead, an expression whose match ends within
    each match of the pattern; it can also match more. With `back`, `expression` is tried that many bytes before the
    end of the match, unless the byte before that is one of `not_after`, which don't precede a match.

    `head` is tried before `expression`: a simple expression, without conditions on what is around, that matches
    wherever `expression` does, at most `LONGEST_HEAD` bytes. Where all literal patterns of a word such as `hf_` have
    one, Hyperscan searches for their heads instead of the word, because names in code begin with it.
    """

    expression: bytes
    literals: tuple[bytes, ...] = ()
    lead: int = 0
    searched: bytes = b""
    back: int = 0
    head: bytes = b""
    not_after: frozenset[int] = frozenset()


def literal_pattern_for(
    form: Sets, whole: bytes | None = None, preferred: Iterable[bytes] = (), most: int = MOST_SPELLINGS
) -> LiteralPattern:
    """Return the literal pattern that matches `form`, or `whole`, an expression that begins with it.

    Its literals, at most `most`, are the rarest part of `form`, or one of `preferred` if `form` contains it: those are
    searched for in any case.
    """
    tried = expression(form) if whole is None else whole
    fixed = bytes(next(iter(each)) if len(each) == 1 else 0 for each in form) if preferred else b""
    for literal in preferred:
        at = fixed.find(literal)
        if at >= 0:
            return LiteralPattern(tried, (literal,), at)
    start, end = _rarest(form, most)
    return LiteralPattern(tried, tuple(map(bytes, itertools.product(*map(sorted, form[start:end])))), start)


def _rarest(form: Sets, most: int) -> tuple[int, int]:
    """Return start and end of the part with the most information in text, minus the cost of its spellings."""
    tells = [_information(each) for each in form]
    best, chosen = -math.inf, (0, 1)
    for start in range(len(form)):
        spellings, information = 1, 0.0
        for end in range(start, min(len(form), start + _LONGEST)):
            spellings *= len(form[end])
            if spellings > most:
                break
            information += tells[end]
            if information > best:
                best, chosen = information, (start, end + 1)
    return chosen


@cache
def _information(allowed: frozenset[int]) -> float:
    """Return the bits of information in an occurrence of one of these bytes, minus the cost of their number."""
    return -math.log2(min(1.0, sum(2 ** -_bits(byte) for byte in allowed))) - math.log2(len(allowed)) / 2


def _bits(byte: int) -> float:
    character = chr(byte)
    if "a" <= character <= "z":
        return _LETTER
    return _OTHER_LETTER if character.isascii() and character.isalnum() else _RARE


_ANYWHERE: tuple[int, frozenset[int]] = (0, frozenset())


class _Trial(NamedTuple):
    """Literal patterns, with the patterns they belong to, to try `back` bytes before the end of a literal.

    In a match of `heads` there, each group is that of a literal pattern whose expression can match.
    """

    back: int
    heads: re.Pattern[bytes]
    literal_patterns: tuple[tuple[bytes, tuple[int, ...]], ...]


class LiteralPrefilter:
    """All expressions that a searcher looks for, by number: literals first, then whole expressions."""

    def __init__(
        self, literal_patterns: Iterable[tuple[int, LiteralPattern]], *, has_literals_only: bool = True
    ) -> None:
        """Build the prefilter from literal patterns, each with the number of its pattern.

        Without `has_literals_only`, literals that are frequent are replaced by what to search for instead.
        """
        by_literal: dict[bytes, dict[int, dict[bytes, list[int]]]] = {}
        by_expression: dict[bytes, tuple[LiteralPattern, list[int]]] = {}
        self._heads: dict[bytes, bytes] = {}
        for pattern, literal_pattern in literal_patterns:
            searched = b"" if has_literals_only else literal_pattern.searched
            if searched or not literal_pattern.literals:
                whole = searched or literal_pattern.expression
                by_expression.setdefault(whole, (literal_pattern, []))[1].append(pattern)
                continue
            for literal in literal_pattern.literals:
                tried = by_literal.setdefault(literal, {}).setdefault(literal_pattern.lead + len(literal), {})
                tried.setdefault(literal_pattern.expression, []).append(pattern)
                if literal_pattern.head:
                    self._heads[literal_pattern.expression] = literal_pattern.head
        self.literals = sorted(by_literal)
        self._tried = [by_literal[literal] for literal in self.literals]
        self._whole = list(by_expression.items())
        self._not_after = {
            number: (each.back, each.not_after)
            for number, (_, (each, _)) in enumerate(self._whole, len(self.literals))
            if each.not_after
        }
        self._trials: dict[int, list[_Trial]] = {}
        heads = {} if has_literals_only else {number: self._heads_of(number) for number in range(len(self.literals))}
        self._followed = {number: head for number, head in heads.items() if head}

    def _heads_of(self, number: int) -> bytes:
        """Return an expression to search for instead of a frequent literal, empty if the literal is searched for."""
        literal = self.literals[number]
        tried = self._tried[number].get(len(literal), {})
        is_first = len(self._tried[number]) == 1 and _BEGINS_NAMES.fullmatch(literal) is not None
        heads = [self._heads.get(each, b"") for each in tried]
        return b"|".join(dict.fromkeys(heads)).replace(_RUN, _ANY_RUN) if is_first and heads and all(heads) else b""

    @property
    def expressions(self) -> list[bytes]:
        """The expressions, in the order of their numbers."""
        spelled = [
            self._followed.get(number) or b"".join(b"\\x%02x" % byte for byte in literal)
            for number, literal in enumerate(self.literals)
        ]
        return spelled + [each for each, _ in self._whole]

    @property
    def replaced(self) -> list[int]:
        """The numbers of the literals that an expression is searched for instead of, sorted."""
        return sorted(self._followed)

    def search(self, data: bytes, candidates: list[tuple[int, int]], enough: Callable[[], bool] | None) -> bool:
        """Add (pattern, end) of each literal pattern's match to `candidates`; return whether `enough` stopped it.

        `enough` is called once there are `MANY` candidates. The literals are searched for one after the other, which
        needs no preparation but is slow for large data.
        """
        tried: set[tuple[int, int]] = set()
        present = [number for number, literal in enumerate(self.literals) if literal in data]
        literal_ends = ((number, _ends(data, self.literals[number])) for number in present)
        for number, ends in itertools.chain(literal_ends, enumerate(self._whole_ends(data), len(self.literals))):
            for end in ends:
                candidates += self.candidates(data, number, end, tried)
                if enough is not None and len(candidates) >= MANY and enough():
                    return True
        return False

    def _whole_ends(self, data: bytes) -> Iterator[Iterator[int]]:
        for each, _ in self._whole:
            yield (found.end() for found in _compiled(each).finditer(data))

    def candidates(self, data: bytes, number: int, end: int, tried: set[tuple[int, int]]) -> Sequence[tuple[int, int]]:
        """Return (pattern, end) of each literal pattern that matches where the expression `number` ends at `end`.

        `tried` are the literals, by number and end, for which it has been returned: an expression that is searched for
        instead of a literal can end at several places after it.
        """
        if number not in self._followed:
            back, not_after = self._not_after.get(number, _ANYWHERE)
            return () if end > back and data[end - back - 1] in not_after else self._before(data, number, end)
        literal, low = self.literals[number], max(0, end - LONGEST_HEAD)
        result: list[tuple[int, int]] = []
        for found in _found(data, literal, low, end):
            place = (number, found + len(literal))
            if place not in tried:
                if len(tried) >= MANY:
                    tried.clear()
                tried.add(place)
                result += self._before(data, *place)
        return result

    def _before(self, data: bytes, number: int, end: int) -> Sequence[tuple[int, int]]:
        """Return (pattern, end) of each literal pattern of a literal or an expression that ends at `end`.

        The trials are built on first use: most literals never occur.
        """
        trials = self._trials.get(number)
        if trials is None:
            if number >= len(self.literals):
                whole, patterns = self._whole[number - len(self.literals)][1]
                if not whole.back:
                    return [(pattern, end) for pattern in patterns]
                trials = [self._trial(whole.back, {whole.expression: patterns})]
            else:
                trials = [self._trial(back, tried) for back, tried in self._tried[number].items()]
            self._trials[number] = trials
        return [
            (pattern, found.end())
            for back, heads, literal_patterns in trials
            if end >= back and (begun := heads.match(data, end - back)) and begun.lastindex
            for head, (each, patterns) in zip(begun.groups(), literal_patterns, strict=True)
            if head is not None
            if (found := _compiled(each).match(data, end - back))
            for pattern in patterns
        ]

    def _trial(self, back: int, tried: dict[bytes, list[int]]) -> _Trial:
        heads = b"".join(rb"(?:(?=(%b))|)" % (self._heads.get(each) or each) for each in tried)
        return _Trial(back, re.compile(heads, re.DOTALL), tuple((each, tuple(tried[each])) for each in tried))


def _ends(data: bytes, literal: bytes) -> Iterator[int]:
    return (at + len(literal) for at in _found(data, literal, 0, len(data)))


def _found(data: bytes, literal: bytes, low: int, high: int) -> Iterator[int]:
    at = data.find(literal, low, high)
    while at >= 0:
        yield at
        at = data.find(literal, at + 1, high)


@cache
def _compiled(each: bytes) -> re.Pattern[bytes]:
    """Compile on first use: most expressions are never needed."""
    return re.compile(each, re.DOTALL)
