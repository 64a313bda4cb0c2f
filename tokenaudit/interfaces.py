"""Protocols and result types that detection, git, CI and sources share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from tokenaudit.model import Claims, Likelihood, Location, Problem, Skipped
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class Detection:
    """One match in one piece of bytes.

    `line` and `column` count from 1 in the outermost text that has lines (columns in characters where the bytes are
    valid UTF-8 or UTF-16, in bytes elsewhere); both are None where no text encloses the match, as in an archive member
    whose own lines are then counted instead when it is text. `via` names each unwrapping, outermost first.
    `member` is the path inside archives, nested ones joined by `!/`. `variable` is the name that the value is assigned
    to, where the text shows one.
    """

    kind: str
    secret: Secret
    likelihood: Likelihood
    line: int | None
    column: int | None
    via: tuple[str, ...] = ()
    member: str | None = None
    claims: Claims | None = None
    variable: str | None = None


@dataclass(frozen=True)
class ScanResult:
    """Everything seen in one piece of bytes, and the reasons for whatever part of it could not be looked into."""

    detections: tuple[Detection, ...] = ()
    skipped: tuple[str, ...] = ()


class PrefilterResult(Enum):
    """What a first look at some bytes shows.

    With TRACES, something had to be looked at closely and was nothing. NOTHING means that no part of these bytes calls
    for a closer look, wherever it stands.
    """

    NOTHING = 0
    TRACES = 1
    EVIDENCE = 2


class Scanner(Protocol):
    """The face of `tokenaudit.detect.Detector` that sources use."""

    def may_contain(self, data: bytes) -> bool:
        """False only where `scan` would certainly return nothing. Fast: runs at memory speed."""

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        """All credentials, placeholders and look-alikes in `data`; `name` (a path) only hints at its format."""


@dataclass(frozen=True)
class LocatedDetection:
    """A detection with the place it was made in."""

    detection: Detection
    location: Location


Finding: TypeAlias = LocatedDetection | Problem | Skipped


class Progress(Protocol):
    """Told how far a source is. Implementations draw a bar, print a line now and then, or do nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """A new stage begins; `total` is its number of objects where that is known."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """`objects` more were read, `size` bytes in all."""

    def note(self, message: str) -> None:
        """One line worth saying now, such as a wait for a rate limit."""


class NullProgress:
    """A `Progress` that says nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""


@dataclass
class ScanContext:
    """What every source of one run shares. Sources add what they have read to `objects` and `bytes`.

    `relied` are the objects and bytes that an earlier run has read and this one relies on.
    """

    scanner: Scanner
    jobs: int = 1
    progress: Progress = field(default_factory=NullProgress)
    objects: int = 0
    bytes: int = 0
    relied: tuple[int, int] = (0, 0)

    def read(self, objects: int, size: int) -> None:
        """Counts what was read and tells the progress."""
        self.objects += objects
        self.bytes += size
        self.progress.advance(objects, size)


class Source(Protocol):
    """A place to audit. `target` and `kind` go into the report's `targets`."""

    @property
    def target(self) -> str:
        """The place as the user named it, without any password."""

    @property
    def kind(self) -> str:
        """One word, such as git, tree, ci, machine or space."""

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """Everything found, as it is found; what can't be read comes as `Skipped`, never as an exception."""
