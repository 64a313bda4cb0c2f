"""The cheap evidence that drives detection: what raw bytes must show before anything is unwrapped or decoded.

Every pattern spans a bounded number of bytes, so a searcher that sees data in pieces needs only `Prefilter.width`
bytes of overlap. `examine` follows evidence and nothing else; that makes `may_hold` an exact superset of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from tokenaudit.detect import concatenated, encoded, escapes

Reading: TypeAlias = Literal[
    "plain", "base64", "hex", "utf-16", "escapes", "concatenated", "gzip", "bzip2", "xz", "zstd", "zip", "archive"
]
"""How the bytes around a piece of evidence have to be read."""


Engine: TypeAlias = Literal["auto", "re"]


class Hit(NamedTuple):
    """One piece of evidence: `data[start:end]` matched `patterns[pattern]`."""

    start: int
    end: int
    pattern: int


@dataclass(frozen=True)
class Pattern:
    """One expression over bytes, valid for `re` and for Hyperscan; `width` bounds what it spans."""

    reading: Reading
    expression: bytes
    width: int


@dataclass(frozen=True)
class Shape:
    """What a plugin declares of one kind: literals, and an expression of bounded length that every match satisfies."""

    literals: tuple[str, ...]
    expression: str


_CONTAINERS = (
    Pattern("gzip", rb"\x1f\x8b\x08[\x00-\x1f]", 4),
    Pattern("bzip2", rb"BZh[1-9]1AY&SY", 10),
    Pattern("xz", rb"\xfd7zXZ\x00", 6),
    Pattern("zstd", rb"\x28\xb5\x2f\xfd", 4),
    Pattern("zip", rb"PK\x03\x04", 4),
    Pattern("base64", rb"H4sI[A-H]", 5),  # gzip
    Pattern("base64", rb"Qlpo[MN][0-9A-Za-z][FR]BWSZTW", 14),  # bzip2
    Pattern("base64", rb"/Td6WFoA|_Td6WFoA", 8),  # xz
    Pattern("base64", rb"KLUv/|KLUv_", 5),  # zstd
    Pattern("base64", rb"UEsDB[AB]", 6),  # zip
    Pattern("hex", rb"1[fF]8[bB]080[0-9a-fA-F]0{4}", 12),
    Pattern("hex", rb"504[bB]03041[0-9a-fA-F]00", 12),
)


def patterns_for(shapes: Iterable[Shape]) -> tuple[Pattern, ...]:
    """All evidence for credentials of these shapes, in clear and in every encoding that can be unwrapped."""
    shapes = tuple(shapes)
    found = [Pattern("plain", shape.expression.encode(), LONGEST_SHAPE) for shape in shapes]
    for literal in _roots(literal for shape in shapes for literal in shape.literals):
        found += _encoded(literal)
    return (*found, *_CONTAINERS)


LONGEST_SHAPE = 64
"""Bytes that a declared expression may span at most; the loader refuses longer ones."""


def _roots(literals: Iterable[str]) -> list[str]:
    """Without those that another one already stands in front of."""
    unique = sorted(set(literals))
    return [each for each in unique if not any(each != other and each.startswith(other) for other in unique)]


_BYTES_ONCE, _BYTES_TWICE = 8, 5
"""Bytes of a credential that its encoded form must show: enough to be rare in random data."""


def _encoded(literal: str) -> Iterator[Pattern]:
    once = encoded.known(literal, _BYTES_ONCE)
    twice = encoded.known(literal, _BYTES_TWICE)
    for form in encoded.as_base64(once):
        yield Pattern("base64", encoded.expression(form, folded=True), len(form) + encoded.LINE_BREAK_WIDTH)
    yield _plain_form("hex", encoded.as_hex(once))
    for order in ("little", "big"):
        yield _plain_form("utf-16", encoded.as_utf16(once, order))
    inner_base64 = [form for inner in encoded.as_base64(twice) for form in encoded.as_base64(inner)]
    for form in inner_base64:
        yield _plain_form("base64", form)
        yield from (_plain_form("base64", outer) for outer in encoded.as_base64(form))
    for inner in (encoded.as_hex(twice), *(encoded.as_utf16(twice, order) for order in ("little", "big"))):
        yield from (_plain_form("base64", form) for form in encoded.as_base64(inner))
        yield _plain_form("hex", encoded.as_hex(inner))
    for inner in encoded.as_base64(twice):
        yield _plain_form("hex", encoded.as_hex(inner))
        yield from (_plain_form("utf-16", encoded.as_utf16(inner, order)) for order in ("little", "big"))
    for order in ("little", "big"):
        yield _plain_form("utf-16", encoded.as_utf16(encoded.as_hex(twice), order))
    for expression in sorted(escapes.evidence(literal)):
        yield Pattern("escapes", expression, escapes.WIDTH)
    yield Pattern("concatenated", concatenated.evidence(literal), concatenated.WIDTH)


def _plain_form(reading: Reading, form: encoded.Sets) -> Pattern:
    return Pattern(reading, encoded.expression(form), len(form))


class Prefilter:
    """Searches bytes for evidence: with Hyperscan where it is installed, with `re` elsewhere, with the same answers.

    `width` is the most bytes that one piece of evidence spans. Cheap to pickle; compiled on first use.
    """

    def __init__(self, patterns: Iterable[Pattern], *, everything: bool = False, engine: Engine = "auto") -> None:
        self.patterns = tuple(patterns)
        self.everything = everything
        self.width = max((each.width for each in self.patterns), default=1)
        self._engine = engine

    def __reduce__(self) -> tuple[Callable[..., Prefilter], tuple[object, ...]]:
        return _rebuilt, (self.patterns, self.everything, self._engine)

    def may_hold(self, data: bytes) -> bool:
        """Whether there is any evidence in `data`. False means that `examine` would find nothing in it."""
        if self.everything:
            return bool(data)
        if self._database is None:
            return self._any.search(data) is not None
        try:
            self._database.scan(data, match_event_handler=_stop)
        except self._terminated:
            return True
        return False

    def hits(self, data: bytes) -> list[Hit]:
        """All evidence in `data`, in order of where it starts."""
        if self._database is None:
            return sorted(self._hits_by_re(data))
        ends: list[tuple[int, int]] = []
        self._database.scan(data, match_event_handler=lambda index, _, end, *__: ends.append((index, end)))
        return sorted({hit for index, end in ends for hit in self._started(data, index, end)})

    def _started(self, data: bytes, index: int, end: int) -> Iterator[Hit]:
        """Hyperscan tells where evidence ends; here is where it starts."""
        pattern = self.patterns[index]
        for found in self._compiled[index].finditer(data, max(0, end - pattern.width), end):
            yield Hit(found.start(), found.end(), index)

    def _hits_by_re(self, data: bytes) -> Iterator[Hit]:
        for index, compiled in enumerate(self._compiled):
            for found in compiled.finditer(data):
                yield Hit(found.start(), found.end(), index)

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(re.compile(each.expression, re.DOTALL) for each in self.patterns)

    @cached_property
    def _any(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(each.expression for each in self.patterns) or rb"(?!)", re.DOTALL)

    @cached_property
    def _terminated(self) -> type[Exception]:
        import hyperscan  # noqa: PLC0415 - optional, and slow to import

        return cast("type[Exception]", hyperscan.ScanTerminated)

    @cached_property
    def _database(self) -> Any:  # noqa: ANN401 - the library ships no types
        if self._engine == "re":
            return None
        try:
            import hyperscan  # noqa: PLC0415 - optional, and slow to import
        except ImportError:
            return None
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[each.expression for each in self.patterns],
            ids=list(range(len(self.patterns))),
            flags=[hyperscan.HS_FLAG_DOTALL] * len(self.patterns),
        )
        return database


def _rebuilt(patterns: tuple[Pattern, ...], everything: bool, engine: Engine) -> Prefilter:  # noqa: FBT001 - pickle
    return Prefilter(patterns, everything=everything, engine=engine)


def _stop(*_: object) -> bool:
    return True
