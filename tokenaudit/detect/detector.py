"""Bytes in, credentials out: the one object that sources use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from tokenaudit.detect.budget import Budget
from tokenaudit.detect.limits import Limits
from tokenaudit.detect.patterns import patterns_for
from tokenaudit.detect.plugins import Find, Plugin, read_declarations, run, shipped
from tokenaudit.detect.prefilter import Prefilter
from tokenaudit.interfaces import Examined


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
        from tokenaudit.detect.scanner import Examination  # noqa: PLC0415 - loads every archive format

        return Examination(self.prefilter, lambda: self._finds, Budget(self.limits)).run(data)

    @cached_property
    def _finds(self) -> tuple[Find, ...]:
        return tuple(find for _, find in (*run(shipped()), *self._foreign))
