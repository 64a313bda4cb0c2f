"""One examination: from a piece of bytes to everything inside it, however deep, following evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from tokenaudit.detect.decode.interface import Decoded
from tokenaudit.detect.decode.registry import CONTAINERS, WRITINGS, is_sqlite, is_tar, unwrap_columns, unwrap_tar
from tokenaudit.detect.decode.text import windows
from tokenaudit.detect.jwt import read_claims
from tokenaudit.detect.limits import Budget, Limits
from tokenaudit.detect.patterns import patterns_for
from tokenaudit.detect.plugin_guard import PluginError, guarded
from tokenaudit.detect.plugins import Candidate, Find, Plugin, read_declarations, run, shipped
from tokenaudit.detect.pointers import read_pointers
from tokenaudit.detect.positions import Lines, Position, Ranges, assigned_to
from tokenaudit.detect.prefilter import Hit, Prefilter
from tokenaudit.interfaces import Detection, Pointer, ScanResult
from tokenaudit.redaction import mask
from tokenaudit.secret import Secret
from tokenaudit.text import one_line

_LEFT, _RIGHT = 64, 32 << 10
"""Bytes around evidence that a plugin gets to see: enough for an escape before, and for the longest JWT after."""

_LONGEST_REASON = 300

_CHECKED = 256
"""Candidates between two looks at the clock."""

Trace = tuple[int, ...]
"""Where something stands: an offset in the outermost bytes, then in what was unwrapped there, and so on."""


@dataclass(frozen=True)
class _Piece:
    data: bytes
    place: Callable[[int], Position]
    end: Callable[[int], Position]
    trace: Callable[[int], Trace]
    variable: Callable[[int], str | None]
    via: tuple[str, ...] = ()
    member: str | None = None
    depth: int = 0


class RecursiveScan:
    """Walks one piece of bytes. `finds` are the plugins' functions from text to candidates."""

    def __init__(self, prefilter: Prefilter, finds: Callable[[], Sequence[Find]], budget: Budget) -> None:
        self._prefilter = prefilter
        self._finds = finds
        self._budget = budget
        self._found: dict[tuple[str, Trace], Detection] = {}
        self._pointers: tuple[Pointer, ...] = ()

    def run(self, data: bytes) -> ScanResult:
        """Everything in `data`, in the order in which it stands there, and what could not be looked into."""
        self._examine(
            _Piece(data, Lines(data).place, Lines(data).place, lambda offset: (offset,), partial(assigned_to, data))
        )
        ordered = sorted(self._found.items(), key=lambda item: item[0][1])
        detections = dict.fromkeys(self._unnamed(detection) for _, detection in ordered)
        reasons = dict.fromkeys(one_line(reason, _LONGEST_REASON) for reason in self._budget.reasons)
        return ScanResult(tuple(detections), tuple(reasons), self._pointers)

    def _unnamed(self, detection: Detection) -> Detection:
        """Names of archive members may be credentials themselves."""
        return replace(detection, member=mask(detection.member)) if detection.member else detection

    def _examine(self, piece: _Piece) -> None:
        most = self._budget.limits.evidence
        hits = self._prefilter.hits(piece.data, most)
        if len(hits) == most:
            self._budget.skip(f"more than {most} places to look at; the rest was not read")
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
        """Whole files alone are pointers: what `run` was given, and the members of archives."""
        if piece.depth == 0:
            self._pointers = read_pointers(piece.data)
        elif piece.member is not None:
            for pointer in read_pointers(piece.data):
                self._budget.skip(f"{piece.member} is only a {pointer.system} pointer; its content is not in here")

    def _chosen(self, hits: Sequence[Hit], reading: str) -> list[Hit]:
        return [hit for hit in hits if self._prefilter.patterns[hit.pattern].reading == reading]

    def _follow(self, piece: _Piece, inners: Iterator[Decoded], hits: list[Hit]) -> list[Hit]:
        """Examines what was unwrapped; gives the hits that it doesn't account for."""
        covered = []
        for inner in inners:
            if inner.covers:
                covered.append(inner.covers)
            if not self._prefilter.may_contain(inner.data):
                continue
            if max(piece.depth, len(piece.via)) >= self._budget.limits.depth:
                self._budget.skip(f"wrapped more than {self._budget.limits.depth} times: {' '.join(piece.via)}")
            elif not self._budget.late():
                self._examine(_inside(piece, inner))
        accounted = Ranges(covered)
        return [hit for hit in hits if hit.start not in accounted]

    def _detect(self, piece: _Piece, hits: Sequence[Hit]) -> None:
        for candidate in self._candidates(piece.data, hits):
            key = (candidate.value, piece.trace(candidate.start))
            if key in self._found:
                continue
            line, column = piece.place(candidate.start)
            end_line, end_column = piece.end(candidate.end)
            self._found[key] = Detection(
                candidate.kind,
                Secret(candidate.value, masking="pieces" if candidate.likelihood == "credential" else "whole"),
                candidate.likelihood,
                line,
                column,
                piece.via,
                piece.member,
                read_claims(candidate.value),
                piece.variable(candidate.start),
                end_line,
                end_column,
            )

    def _candidates(self, data: bytes, hits: Sequence[Hit]) -> Iterator[Candidate]:
        plain = self._chosen(hits, "plain")
        stretches = [(start, end) for start, end, _ in windows(plain, len(data), _LEFT, _RIGHT)]
        if self._prefilter.everything:
            stretches = [(0, len(data))]
        for start, end in stretches:
            if self._budget.late():
                return
            text = data[start:end].decode("latin-1")  # one character a byte, so that offsets stay
            found = (candidate for find in self._finds() for candidate in self._found_by(find, text))
            for number, each in enumerate(found, 1):
                if number % _CHECKED == 0 and self._budget.late():
                    return
                yield each._replace(start=each.start + start, end=each.end + start)

    def _found_by(self, find: Find, text: str) -> Iterator[Candidate]:
        try:
            yield from find(text)
        except PluginError as error:
            self._budget.skip(str(error))


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
    """Finds credentials in bytes. Make one with `load`; it pickles by the paths of its plugins.

    Not safe to share between threads while it examines; processes each have their own.
    """

    def __init__(self, extra: tuple[Path, ...], limits: Limits, foreign: tuple[tuple[Plugin, Find], ...]) -> None:
        self._extra = extra
        self._foreign = foreign
        self._own = read_declarations(shipped())
        self.limits = limits

    @classmethod
    def load(cls, extra_plugins: Sequence[Path] = (), limits: Limits | None = None) -> Detector:
        """A detector with the shipped plugins and those of the files named.

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
        """All plugins, the shipped ones first."""
        return (*self._own, *(plugin for plugin, _ in self._foreign))

    @cached_property
    def prefilter(self) -> Prefilter:
        """The search for evidence that `may_contain` and `scan` are built on."""
        shapes = [plugin.shape for plugin in self.plugins]
        return Prefilter(patterns_for(each for each in shapes if each), everything=None in shapes)

    def may_contain(self, data: bytes) -> bool:
        """False only where `scan` would certainly return nothing. Fast: runs at memory speed."""
        return self.prefilter.may_contain(data)

    def scan(self, data: bytes, name: str = "") -> ScanResult:  # noqa: ARG002 - a hint that nothing needs yet
        """All credentials, placeholders and look-alikes in `data`, in order, and why some part could not be read."""
        if not self.may_contain(data):
            return ScanResult()

        return RecursiveScan(self.prefilter, lambda: self._finds, Budget(self.limits)).run(data)

    def beginnings(self, data: bytes) -> list[tuple[int, int]]:
        """Where the declared beginning of a credential stands unencoded in `data`, even inside a longer word."""
        patterns = self.prefilter.patterns
        return [(hit.start, hit.end) for hit in self.prefilter.hits(data) if patterns[hit.pattern].reading == "plain"]

    @cached_property
    def _finds(self) -> tuple[Find, ...]:
        return tuple(find for _, find in (*run(shipped()), *self._foreign))
