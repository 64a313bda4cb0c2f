"""Protocols and result types that detection, git, CI and sources share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from tokenaudit.exclusions import Exclusions
from tokenaudit.model import Claims, Likelihood, Location, Problem, Skipped
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class Detection:
    """One match in one piece of bytes.

    `line` and `column` count from 1 in the outermost text that has lines (columns in characters if the bytes are valid
    UTF-8 or UTF-16, else in bytes). Both are None if no text encloses the match; for a text member of an archive, the
    lines of the member count. `end_line` and `end_column` are the position after the value (or after its encoded form,
    if only that has lines). `via` lists the decoders, outermost first. `member` is the path inside archives, nested
    ones joined by `!/`. `variable` is the name that the value is assigned to, if any. `repeats` is the number of
    further matches of the same value, decoded in the same way, that are not listed. `ignored` is whether an ignore
    comment is on its line and those are respected.
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
    end_line: int | None = None
    end_column: int | None = None
    repeats: int = 0
    ignored: bool = False

    @property
    def change_key(self) -> str:
        """What versions of a file are compared by: a value with an ignore comment is not the same as without one."""
        return f"{self.secret.fingerprint} ignored" if self.ignored else self.secret.fingerprint


class Pointer(NamedTuple):
    """External content that a file refers to.

    `key` identifies it in the store of `system`; for Git LFS the SHA-256 of the content. `size` is in bytes, None
    if the file does not contain it. `path` is where DVC puts it, relative to the file that names it.
    """

    system: Literal["git-lfs", "xet", "git-annex", "git-fat", "dvc"]
    key: str
    size: int | None = None
    path: str | None = None


class ScanResult(NamedTuple):
    """Detections in a byte string, and the reasons for skipped parts.

    `pointers` are the external contents that it refers to, if it is only a pointer.
    """

    detections: tuple[Detection, ...] = ()
    skipped: tuple[str, ...] = ()
    pointers: tuple[Pointer, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return not (self.detections or self.skipped or self.pointers)


class MatchContext(NamedTuple):
    """The bytes that decide about a match, and the fingerprints of the values that begin in it."""

    data: bytes
    fingerprints: frozenset[str]

    def __repr__(self) -> str:
        return f"{len(self.data)} bytes with {len(self.fingerprints)} fingerprints"


class PrefilterResult(Enum):
    """Result of the prefilter.

    TRACES means that a candidate was scanned and is not a match. NOTHING means that no part of these bytes needs to be
    scanned, regardless of its context.
    """

    NOTHING = 0
    TRACES = 1
    EVIDENCE = 2


class Scanner(Protocol):
    """The interface of `tokenaudit.detect.Detector` that sources use."""

    def may_contain(self, data: bytes) -> bool:
        """False only if `scan` would return nothing. Runs at memory speed."""

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        """All credentials, placeholders and look-alikes in `data`; `name` (a path) only hints at its format."""


class LocatedDetection(NamedTuple):
    """A detection with its location."""

    detection: Detection
    location: Location


Finding: TypeAlias = LocatedDetection | Problem | Skipped


class Progress(Protocol):
    """Receives progress updates of a source. Implementations draw a bar, print lines or do nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """Starts a new stage; `total` is its number of objects, if known."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Adds `objects` read objects with `size` bytes in total."""

    def note(self, message: str) -> None:
        """Shows one line immediately, such as a wait for a rate limit."""


class NullProgress:
    """A `Progress` without output."""

    def start(self, what: str, total: int | None = None) -> None:
        """Does nothing."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Does nothing."""

    def note(self, message: str) -> None:
        """Does nothing."""


@dataclass
class ScanContext:
    """State shared by the sources of one run. Sources add what they have read to `objects` and `bytes`.

    `relied` are the objects and bytes that an earlier run has read and this one relies on. `followed` are the folders
    outside of the target that it led to. Places that `exclusions` leave out are not read. `head` and `web_page` are
    those of the repository that was read; see `tokenaudit.model.Target`. `retry`: a part was skipped for a reason that
    another run might not meet, such as a response that did not arrive or a process that was killed.
    """

    scanner: Scanner
    jobs: int = 1
    progress: Progress = field(default_factory=NullProgress)
    exclusions: Exclusions = field(default_factory=Exclusions)
    objects: int = 0
    bytes: int = 0
    relied: tuple[int, int] = (0, 0)
    followed: list[str] = field(default_factory=list)
    head: str | None = None
    web_page: str | None = None
    retry: bool = False

    def follow(self, folder: Path) -> None:
        """Records that a folder outside of the target is read because the target refers to it."""
        self.followed.append(folder.as_posix())

    def read(self, objects: int, size: int) -> None:
        """Counts read objects and updates the progress."""
        self.objects += objects
        self.bytes += size
        self.progress.advance(objects, size)


class Source(Protocol):
    """A source of detections. `target` and `kind` are written to the report's `targets`."""

    @property
    def target(self) -> str:
        """The target as the user specified it, without any password."""

    @property
    def kind(self) -> str:
        """One word, such as git, tree, ci, machine or space."""

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """Yields findings incrementally; unreadable parts are yielded as `Skipped`, never raised as exceptions."""


@runtime_checkable
class PartSource(Protocol):
    """A source that reads one part of a target: its history, its files or its CI configuration.

    A target without any readable part was not audited, so it is reported as skipped. A part that was named
    by `--only` is `required`: it is reported even where other parts were read.
    """

    @property
    def target(self) -> str:
        """See `Source`."""

    @property
    def required(self) -> bool:
        """Whether the user requested this part."""

    @property
    def absent(self) -> str | None:
        """Set by `findings`: the reason why nothing was read, such as "no commits"; None if something was read."""
