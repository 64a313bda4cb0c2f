"""Where bytes come from: one file a kind of place, all with this face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from tokenaudit.interfaces import Detection, Examiner
from tokenaudit.model import Location, Problem, Skipped


@dataclass(frozen=True)
class Sighting:
    """A detection with the place it was made in."""

    detection: Detection
    location: Location


Finding: TypeAlias = Sighting | Problem | Skipped


class Progress(Protocol):
    """Told how far a source is. Implementations draw a bar, print a line now and then, or do nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """A new stage begins; `total` is its number of objects where that is known."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """`objects` more were read, `size` bytes in all."""

    def note(self, message: str) -> None:
        """One line worth saying now, such as a wait for a rate limit."""


class Silence:
    """A `Progress` that says nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""


@dataclass
class Run:
    """What every source of one run shares. Sources add what they have read to `objects` and `bytes`.

    `relied` are the objects and bytes that an earlier run has read and this one relies on.
    """

    examiner: Examiner
    jobs: int = 1
    progress: Progress = field(default_factory=Silence)
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

    def findings(self, run: Run) -> Iterator[Finding]:
        """Everything found, as it is found; what can't be read comes as `Skipped`, never as an exception."""
