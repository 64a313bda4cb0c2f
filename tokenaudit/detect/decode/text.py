"""Decode text around hits: replace escapes, join string literals, substitute variables, parse numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.decode.base_n import encoded_words
from tokenaudit.detect.decode.byte_list import parsed, parsed_words
from tokenaudit.detect.decode.concatenated import joined
from tokenaudit.detect.decode.escapes import unescaped
from tokenaudit.detect.decode.variables import substituted
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit, ranges_around
from tokenaudit.detect.positions import Origins, Ranges

_LEFT, _RIGHT = 256, 32 << 10
_NUMBER = 300
"""Nanoseconds per character of a list of numbers."""

_BYTE = 30
"""Nanoseconds per byte to search for text to replace."""


def _within(
    hits: Sequence[Hit], size: int, left: int, right: int, budget: Budget
) -> Iterator[tuple[int, int, list[Hit]]]:
    """Yield the windows around `hits` until the budget is used up."""
    for start, end, inside in ranges_around(hits, size, left, right):
        if not budget.spend(end - start) or not budget.work((end - start) * _BYTE):
            return
        yield start, end, inside


def unwrap_escapes(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Replace every escape of an ASCII character."""
    for start, end, inside in _within(hits, len(data), _LEFT, _RIGHT, budget):
        spans = Ranges((hit.start - start, hit.end - start) for hit in inside)
        text, origins, kinds = unescaped(data[start:end], start, spans)
        if kinds:  # otherwise the escapes encode no characters of a credential
            yield Decoded(text, kinds, start, origins)


def unwrap_concatenated(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Remove the quotes and operators between string literals."""
    for start, end, inside in _within(hits, len(data), _LEFT, _RIGHT, budget):
        text, origins = joined(data[start:end], start, {hit.start - start for hit in inside})
        yield Decoded(text, ("concatenated",), start, origins)


def unwrap_variables(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Substitute variables where a part of a credential is used, then join the literals."""
    for start, end, inside in _within(hits, len(data), _RIGHT, _RIGHT, budget):
        shifted = [Hit(hit.start - start, hit.end - start, hit.pattern) for hit in inside]
        for replaced, first in substituted(data[start:end], shifted, start):
            for commas in (False, True):  # a value is judged as it is first found
                text, second = joined(replaced, 0, commas=commas)
                yield Decoded(text, ("concatenated",), start, partial(_composed, first, second))


def _composed(first: Origins, second: Origins, offset: int) -> int:
    return first(second(offset))


def unwrap_byte_list(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Parse the list of numbers at each hit."""
    yield from _parsed_from(data, hits, budget, "bytes", parsed)


def unwrap_byte_words(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Parse the 16-bit words of a dump at each hit."""
    yield from _parsed_from(data, hits, budget, "bytes", parsed_words)


def unwrap_encoded_words(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Decode the encoded words of a mail header at each hit."""
    yield from _parsed_from(data, hits, budget, "rfc2047", encoded_words)


def _parsed_from(
    data: bytes,
    hits: Sequence[Hit],
    budget: Budget,
    via: str,
    parse: Callable[[bytes, int], tuple[bytes, Origins, int]],
) -> Iterator[Decoded]:
    end = -1
    for hit in hits:
        if hit.start < end:
            continue
        out, origins, end = parse(data, hit.start)
        if not budget.spend(len(out)) or not budget.work((end - hit.start) * _NUMBER):
            return
        yield Decoded(out, (via,), hit.start, origins)
