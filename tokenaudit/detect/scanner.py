"""Scan bytes recursively: detect credentials, decode the parts with evidence, and scan the results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tokenaudit.detect.decode import Decoded, Decoder
from tokenaudit.detect.decode.archives import is_tar, report_closed, unwrap_tar, unwrap_zip
from tokenaudit.detect.decode.base_n import unwrap_base64, unwrap_hex
from tokenaudit.detect.decode.compression import unwrap_bzip2, unwrap_gzip, unwrap_xz, unwrap_zstd
from tokenaudit.detect.decode.git_pack import unwrap_pack
from tokenaudit.detect.decode.sqlite import is_sqlite, unwrap_columns
from tokenaudit.detect.decode.text import (
    unwrap_byte_list,
    unwrap_byte_words,
    unwrap_concatenated,
    unwrap_encoded_words,
    unwrap_escapes,
    unwrap_variables,
)
from tokenaudit.detect.decode.unicode import unwrap_utf16, unwrap_utf32
from tokenaudit.detect.decode.zlib_stream import unwrap_zlib
from tokenaudit.detect.limits import Budget, Limits
from tokenaudit.detect.literals import Hit, ranges_around
from tokenaudit.detect.match_contexts import LEFT, MatchContexts
from tokenaudit.detect.patterns import Reading, patterns_for
from tokenaudit.detect.plugin_guard import PluginError, guarded
from tokenaudit.detect.plugins import Candidate, Find, Plugin, run, shipped, shipped_plugins
from tokenaudit.detect.pointers import read_pointers
from tokenaudit.detect.positions import Lines, Position, Ranges, assigned_to
from tokenaudit.detect.prefilter import Prefilter
from tokenaudit.interfaces import Detection, MatchContext, Pointer, ScanResult
from tokenaudit.jwt_claims import read_claims
from tokenaudit.model import Claims
from tokenaudit.redaction import mask
from tokenaudit.secret import Masking, Secret
from tokenaudit.text import one_line

_RIGHT = 32 << 10
"""Bytes after a hit that are passed to a plugin: enough for the longest JWT."""

_LONGEST_REASON = 300

_PIECE, _BYTE, _HIT, _MATCH, _JUDGED = 10_000, 1, 2_000, 3_000, 40_000
"""Nanoseconds for a piece of data, each of its bytes, a hit, a match, and a match of a new value."""

_MOST_RESULTS, _MOST_DETECTIONS, _LARGEST_REMEMBERED = 1000, 100, 1 << 20
"""Results to remember, by a digest of the data: files of a working tree are in the history, too."""

_STRETCH = 30
"""Nanoseconds per byte passed to plugins."""

Trace: TypeAlias = tuple[int, ...]
"""A nested position: an offset in the outermost bytes, then an offset in the data decoded there, and so on."""


class _Piece(NamedTuple):
    data: bytes
    place: Callable[[int], Position]
    end: Callable[[int], Position]
    trace: Callable[[int], Trace]
    variable: Callable[[int], str | None]
    via: tuple[str, ...] = ()
    member: str | None = None
    depth: int = 0


@dataclass
class _Matches:
    """The first matches of one value with the same decoding, by position, and the number of further ones."""

    listed: dict[Trace, Detection] = field(default_factory=dict)
    repeats: int = 0

    def detections(self) -> Iterator[tuple[Trace, Detection]]:
        ordered = sorted(self.listed.items(), key=lambda item: item[0])
        yield from ordered[:-1]
        trace, last = ordered[-1]
        yield trace, replace(last, repeats=self.repeats) if self.repeats else last


class RecursiveScan:
    """Scans one input recursively. `finds` returns the plugins' functions from text to candidates."""

    def __init__(self, prefilter: Prefilter, finds: Callable[[], Sequence[Find]], budget: Budget) -> None:
        self._prefilter = prefilter
        self._finds = finds
        self._budget = budget
        self._seen: set[tuple[str, Trace]] = set()
        self._found: dict[tuple[str, tuple[str, ...], str | None], _Matches] = {}
        self._known: dict[str, tuple[Secret, Claims | None]] = {}
        self._pointers: tuple[Pointer, ...] = ()

    def run(self, data: bytes) -> ScanResult:
        """Return all detections in `data`, in order of position, and the reasons why parts could not be read."""
        self._examine(
            _Piece(data, Lines(data).place, Lines(data).place, lambda offset: (offset,), partial(assigned_to, data))
        )
        ordered = sorted(
            (item for matches in self._found.values() for item in matches.detections()), key=lambda item: item[0]
        )
        without_values = cache(mask)  # names of archive members can be credentials themselves
        detections = dict.fromkeys(
            replace(detection, member=without_values(detection.member)) if detection.member else detection
            for _, detection in ordered
        )
        reasons = dict.fromkeys(one_line(reason, _LONGEST_REASON) for reason in self._budget.reasons)
        return ScanResult(tuple(detections), tuple(reasons), self._pointers)

    def _examine(self, piece: _Piece) -> None:
        hits = self._hits(piece.data)
        if self._chosen(hits, "pointer"):
            self._note_pointers(piece)
        if hits and is_tar(piece.data):
            hits = self._follow(piece, unwrap_tar(piece.data, self._budget), hits)
        for reading, unwrap in CONTAINERS.items():
            if chosen := self._chosen(hits, reading):
                hits = self._follow(piece, unwrap(piece.data, chosen, self._budget), hits)
        if hits and is_sqlite(piece.data):
            hits = self._follow(piece, unwrap_columns(piece.data, hits, self._budget), hits)
        self._detect(piece, hits)
        for reading, unwrap in WRITINGS.items():
            if chosen := self._chosen(hits, reading):
                hits = self._follow(piece, unwrap(piece.data, chosen, self._budget), hits)

    def _note_pointers(self, piece: _Piece) -> None:
        """Record pointers. Only whole files can be pointers: the input of `run` and members of archives."""
        if piece.depth == 0:
            self._pointers = read_pointers(piece.data)
        elif piece.member is not None:
            for pointer in read_pointers(piece.data):
                self._budget.skip(f"{piece.member} is a {pointer.system} pointer without content")

    def _hits(self, data: bytes) -> list[Hit]:
        most = self._budget.limits.evidence
        if not self._budget.work(_PIECE + len(data) * _BYTE):
            return []
        hits = self._prefilter.hits(data, most)
        if len(hits) == most:
            self._budget.skip(f"more than {most} candidates; the rest was not read")
        return hits if self._budget.work(len(hits) * _HIT) else []

    def _chosen(self, hits: Sequence[Hit], reading: str) -> list[Hit]:
        return [hit for hit in hits if self._prefilter.patterns[hit.pattern].reading == reading]

    def _follow(self, piece: _Piece, inners: Iterator[Decoded], hits: list[Hit]) -> list[Hit]:
        """Scan the decoded data; return the hits outside the ranges that they cover."""
        covered = []
        for inner in inners:
            if inner.covers:
                covered.append(inner.covers)
            if not self._prefilter.may_contain(inner.data):
                continue
            if max(piece.depth, len(piece.via)) >= self._budget.limits.depth:
                self._budget.skip(f"nested more than {self._budget.limits.depth} levels: {' '.join(piece.via)}")
            else:
                self._examine(_inside(piece, inner))
        accounted = Ranges(covered)
        return [hit for hit in hits if hit.start not in accounted]

    def _detect(self, piece: _Piece, hits: Sequence[Hit]) -> None:
        for candidate in self._candidates(piece.data, hits):
            value = candidate.value
            trace = piece.trace(candidate.start)
            if (value, trace) in self._seen:
                continue
            if not self._budget.work(_MATCH if value in self._known else _JUDGED):
                return
            self._seen.add((value, trace))
            matches = self._found.setdefault((value, piece.via, piece.member), _Matches())
            if len(matches.listed) == self._budget.limits.places:
                matches.repeats += 1
                continue
            secret, claims = self._read(candidate)
            line, column = piece.place(candidate.start)
            end_line, end_column = piece.end(candidate.end)
            matches.listed[trace] = Detection(
                candidate.kind,
                secret,
                candidate.likelihood,
                line,
                column,
                piece.via,
                piece.member,
                claims,
                piece.variable(candidate.start),
                end_line,
                end_column,
            )

    def _read(self, candidate: Candidate) -> tuple[Secret, Claims | None]:
        value = candidate.value
        if value not in self._known:
            masking: Masking = "pieces" if candidate.likelihood == "credential" else "whole"
            self._known[value] = Secret(value, masking=masking), read_claims(value)
        return self._known[value]

    def _candidates(self, data: bytes, hits: Sequence[Hit]) -> Iterator[Candidate]:
        plain = self._chosen(hits, "plain")
        stretches = [(start, end) for start, end, _ in ranges_around(plain, len(data), LEFT, _RIGHT)]
        if self._prefilter.everything:
            stretches = [(0, len(data))]
        for start, end in stretches:
            if not self._budget.work((end - start) * _STRETCH):
                return
            text = data[start:end].decode("latin-1")  # one character per byte, so that offsets are the same
            for find in self._finds():
                for each in self._found_by(find, text):
                    yield each._replace(start=each.start + start, end=each.end + start)

    def _found_by(self, find: Find, text: str) -> Iterator[Candidate]:
        try:
            yield from find(text)
        except PluginError as error:
            self._budget.skip(str(error))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=20).digest()


def _inside(outer: _Piece, inner: Decoded) -> _Piece:
    via = (*outer.via, *inner.via)
    member = inner.member
    if member is not None and outer.member is not None:
        member = f"{outer.member}!/{member}"
    member = member if member is not None else outer.member
    origin, depth = inner.origin, outer.depth + 1
    if origin is not None:
        ends = inner.ends or origin
        return _Piece(
            inner.data,
            lambda at: outer.place(origin(at)),
            lambda at: outer.end(ends(at)),
            lambda at: outer.trace(origin(at)),
            lambda at: outer.variable(origin(at)),
            via,
            member,
            depth,
        )
    around, before = outer.place(inner.at), outer.trace(inner.at)
    place: Callable[[int], Position] = Lines(inner.data, inner.line).place
    end: Callable[[int], Position] = Lines(inner.data, inner.line).place
    if around[0] is not None:
        behind: Position = outer.end(inner.covers[1]) if inner.covers else (None, None)
        place, end = (lambda _: around), (lambda _: behind)
    return _Piece(
        inner.data,
        place,
        end,
        lambda at: (*before, at),
        lambda at: outer.variable(inner.at) or assigned_to(inner.data, at),
        via,
        member,
        depth,
    )


class Detector:
    """Finds credentials in bytes. Create one with `load`. Pickling stores the paths of the plugin files.

    Not thread-safe; each process has its own detector.
    """

    def __init__(self, extra: tuple[Path, ...], limits: Limits, foreign: tuple[tuple[Plugin, Find], ...]) -> None:
        self._extra = extra
        self._foreign = foreign
        self._own = shipped_plugins()
        self._results: dict[bytes, ScanResult] = {}
        self.limits = limits

    @classmethod
    def load(cls, extra_plugins: Sequence[Path] = (), limits: Limits | None = None) -> Detector:
        """Return a detector with the built-in plugins and those of the files `extra_plugins`.

        Raises:
            ConfigurationError: a plugin file can't be read, run or used; the message names it.
        """
        extra = tuple(Path(path).absolute() for path in extra_plugins)
        found = tuple(each for path in extra for each in run(path))
        foreign = tuple((plugin, guarded(plugin.name, find)) for plugin, find in found)
        return cls(extra, limits or Limits(), foreign)

    def __reduce__(self) -> tuple[Callable[..., Detector], tuple[object, ...]]:
        return Detector.load, (self._extra, self.limits)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """All plugins, the built-in ones first."""
        return (*self._own, *(plugin for plugin, _ in self._foreign))

    @cached_property
    def prefilter(self) -> Prefilter:
        """The prefilter that `may_contain` and `scan` use."""
        shapes = [plugin.shape for plugin in self.plugins]
        return Prefilter(patterns_for(tuple(each for each in shapes if each)), everything=None in shapes)

    def may_contain(self, data: bytes) -> bool:
        """Return False only if `scan` would return nothing. Runs at memory speed."""
        return self.prefilter.may_contain(data)

    def scan(self, data: bytes, name: str = "") -> ScanResult:  # noqa: ARG002 - part of the interface, unused here
        """Return all credentials, placeholders and identifiers in `data`, in order, and why parts could not be read."""
        if not self.may_contain(data):
            return ScanResult()
        key = _digest(data) if not self._foreign and len(data) <= _LARGEST_REMEMBERED else None
        found = self._results.get(key) if key else None
        if found is None:
            found = RecursiveScan(self.prefilter, lambda: self._finds, Budget(self.limits)).run(data)
            if key and len(found.detections) <= _MOST_DETECTIONS:
                if len(self._results) >= _MOST_RESULTS:
                    self._results.clear()
                self._results[key] = found
        return found

    def contexts(self, data: bytes) -> tuple[MatchContext, ...] | None:
        """Return the contexts that decide which fingerprints `scan` finds in `data`, if it reports nothing else.

        None if that can't be decided without a scan.
        """
        return self._contexts.find(data) if self._contexts else None

    def kept(self, contexts: Sequence[MatchContext], data: bytes) -> tuple[MatchContext, ...] | None:
        """See `MatchContexts.kept`; None if that can't be decided without a scan."""
        return self._contexts.kept(contexts, data) if self._contexts else None

    def beginnings(self, data: bytes) -> list[tuple[int, int]]:
        """Return the ranges of `data` with the declared start of a plain-text credential, even inside a longer word."""
        patterns = self.prefilter.patterns
        return [(hit.start, hit.end) for hit in self.prefilter.hits(data) if patterns[hit.pattern].reading == "plain"]

    @cached_property
    def _contexts(self) -> MatchContexts | None:
        return None if self._foreign else MatchContexts(self.prefilter, lambda: self._finds, self.limits)

    @cached_property
    def _finds(self) -> tuple[Find, ...]:
        return tuple(find for _, find in (*run(shipped()), *self._foreign))


CONTAINERS: dict[Reading, Decoder] = {
    "zip": unwrap_zip,
    "gzip": unwrap_gzip,
    "bzip2": unwrap_bzip2,
    "xz": unwrap_xz,
    "zstd": unwrap_zstd,
    "git-pack": unwrap_pack,
    "zlib": unwrap_zlib,
    "closed": report_closed,
}
"""Decoders that cover a whole range: hits inside it are not passed to other decoders."""

WRITINGS: dict[Reading, Decoder] = {
    "utf-16": unwrap_utf16,
    "utf-32": unwrap_utf32,
    "base64": unwrap_base64,
    "hex": unwrap_hex,
    "bytes": unwrap_byte_list,
    "words": unwrap_byte_words,
    "encoded-word": unwrap_encoded_words,
    "escapes": unwrap_escapes,
    "concatenated": unwrap_concatenated,
    "variables": unwrap_variables,
}
"""Decoders for encoded text."""

__all__ = ["CONTAINERS", "WRITINGS", "is_sqlite", "is_tar", "unwrap_columns", "unwrap_tar"]
