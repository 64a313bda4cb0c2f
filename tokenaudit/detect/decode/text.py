"""Text around evidence with its escapes replaced, or with its cut string literals put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.decode.byte_list import parsed, parsed_words
from tokenaudit.detect.decode.concatenated import joined
from tokenaudit.detect.decode.encoded_word import words
from tokenaudit.detect.decode.escapes import unescaped
from tokenaudit.detect.decode.variables import substituted
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit
from tokenaudit.detect.positions import Origins, Ranges

_LEFT, _RIGHT = 256, 32 << 10
_NUMBER = 300
"""Nanoseconds to read a character of a list of numbers."""

_BYTE = 30
"""Nanoseconds to look at a byte for something to be replaced."""


def windows(hits: Sequence[Hit], size: int, left: int, right: int) -> Iterator[tuple[int, int, list[Hit]]]:
    """Stretches of data around hits, those that touch made one: (start, end, the hits in it)."""
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


def unwrap_escapes(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """With every escape of an ASCII character replaced."""
    for start, end, inside in windows(hits, len(data), _LEFT, _RIGHT):
        if not budget.spend(end - start) or not budget.work((end - start) * _BYTE):
            return
        spans = Ranges((hit.start - start, hit.end - start) for hit in inside)
        text, origins, kinds = unescaped(data[start:end], start, spans)
        if kinds:  # else what looked like escapes stands for nothing that a credential can hold
            yield Decoded(text, kinds, start, origins)


def unwrap_concatenated(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """With the quotes and operators between literals taken out. What is found so is reconstructed, not read."""
    for start, end, _ in windows(hits, len(data), _LEFT, _RIGHT):
        if not budget.spend(end - start) or not budget.work((end - start) * _BYTE):
            return
        text, origins = joined(data[start:end], start)
        yield Decoded(text, ("concatenated",), start, origins)


def unwrap_variables(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Where a part is used, with variables replaced by what is assigned to them, then joined like literals."""
    for start, end, inside in windows(hits, len(data), _RIGHT, _RIGHT):
        if not budget.spend(end - start) or not budget.work((end - start) * _BYTE):
            return
        spans = [(hit.start - start, hit.end - start) for hit in inside]
        for replaced, first in substituted(data[start:end], spans, start):
            text, second = joined(replaced, 0)
            yield Decoded(text, ("concatenated",), start, partial(_composed, first, second))


def _composed(first: Origins, second: Origins, offset: int) -> int:
    return first(second(offset))


def unwrap_byte_list(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """The bytes that the numbers from each hit on are."""
    yield from _parsed_from(data, hits, budget, "bytes", parsed)


def unwrap_byte_words(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """The bytes that the words of a dump from each hit on are."""
    yield from _parsed_from(data, hits, budget, "bytes", parsed_words)


def unwrap_encoded_words(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """What the encoded words of a header say."""
    yield from _parsed_from(data, hits, budget, "rfc2047", words)


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
