"""Bytes in, credentials out: the one object that sources use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tokenaudit.detect.claims import read_claims
from tokenaudit.detect.evidence import Hit, Prefilter, patterns_for
from tokenaudit.detect.interface import Detection, Examined
from tokenaudit.detect.limits import Limits
from tokenaudit.detect.place import is_text, place
from tokenaudit.detect.plugins import Candidate, Find, Plugin, read_declarations, run, shipped
from tokenaudit.secret import Secret

_LEFT, _RIGHT = 64, 32 << 10
"""Bytes around evidence that a plugin gets to see: enough for an escape before, and for the longest JWT after."""


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
        foreign = tuple(each for path in extra for each in run(path))
        return cls(extra, limits or Limits(), foreign)

    def __reduce__(self) -> tuple[Callable[..., Detector], tuple[object, ...]]:
        return Detector.load, (self._extra, self.limits)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """All plugins, the shipped ones first."""
        return (*self._own, *(plugin for plugin, _ in self._foreign))

    @cached_property
    def prefilter(self) -> Prefilter:
        """The search for evidence that `may_hold` and `examine` are built on."""
        shapes = [plugin.shape for plugin in self.plugins]
        return Prefilter(patterns_for(each for each in shapes if each), everything=None in shapes)

    def may_hold(self, data: bytes) -> bool:
        """False only where `examine` would certainly return nothing. Fast: runs at memory speed."""
        return self.prefilter.may_hold(data)

    def examine(self, data: bytes, name: str = "") -> Examined:  # noqa: ARG002 - a hint that nothing needs yet
        """All credentials, placeholders and look-alikes in `data`, in order, and why some part could not be read."""
        if not self.may_hold(data):
            return Examined()
        hits = self.prefilter.hits(data)
        text = is_text(data)
        found = []
        for candidate in self._candidates(data, hits):
            line, column = place(data, candidate.start) if text else (None, None)
            secret = Secret(candidate.value)
            claims = read_claims(candidate.value)
            found.append(Detection(candidate.kind, secret, candidate.likelihood, line, column, claims=claims))
        return Examined(tuple(found))

    @cached_property
    def _finds(self) -> tuple[Find, ...]:
        return tuple(find for _, find in (*run(shipped()), *self._foreign))

    def _candidates(self, data: bytes, hits: Sequence[Hit]) -> Iterator[Candidate]:
        for start, end in self._windows(data, hits):
            text = data[start:end].decode("latin-1")  # one character a byte, so that offsets stay
            found = (candidate for find in self._finds for candidate in find(text))
            for each in sorted(found, key=lambda candidate: (candidate.start, candidate.end)):
                yield each._replace(start=each.start + start, end=each.end + start)

    def _windows(self, data: bytes, hits: Sequence[Hit]) -> Iterator[tuple[int, int]]:
        if self.prefilter.everything:
            yield 0, len(data)
            return
        window: tuple[int, int] | None = None
        for hit in hits:
            if self.prefilter.patterns[hit.pattern].reading != "plain":
                continue
            start, end = max(0, hit.start - _LEFT), min(len(data), hit.end + _RIGHT)
            if window and start <= window[1]:
                window = window[0], max(window[1], end)
                continue
            if window:
                yield window
            window = start, end
        if window:
            yield window
