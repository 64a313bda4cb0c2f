"""What detection gives: credentials seen in one piece of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from tokenaudit.model import Claims, Likelihood
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class Detection:
    """One match in one piece of bytes.

    `line` and `column` count from 1 in the outermost text that has lines (columns in characters where the bytes are
    valid UTF-8 or UTF-16, in bytes elsewhere); both are None where no text encloses the match, as in an archive member
    whose own lines are then counted instead when it is text. `via` names each unwrapping, outermost first.
    `member` is the path inside archives, nested ones joined by `!/`.
    """

    kind: str
    secret: Secret
    likelihood: Likelihood
    line: int | None
    column: int | None
    via: tuple[str, ...] = ()
    member: str | None = None
    claims: Claims | None = None


@dataclass(frozen=True)
class Examined:
    """Everything seen in one piece of bytes, and the reasons for whatever part of it could not be looked into."""

    detections: tuple[Detection, ...] = ()
    skipped: tuple[str, ...] = ()


class Sight(Enum):
    """What a first look at some bytes shows.

    With TRACES, something had to be looked at closely and was nothing. NOTHING means that no part of these bytes calls
    for a closer look, wherever it stands.
    """

    NOTHING = 0
    TRACES = 1
    EVIDENCE = 2


class Examiner(Protocol):
    """The face of `tokenaudit.detect.Detector` that sources use."""

    def may_hold(self, data: bytes) -> bool:
        """False only where `examine` would certainly return nothing. Fast: runs at memory speed."""

    def examine(self, data: bytes, name: str = "") -> Examined:
        """All credentials, placeholders and look-alikes in `data`; `name` (a path) only hints at its format."""
