"""The optional compiled part, from the distribution `tokenaudit-fast`: fills batches of bytes to search.

It assumes that no base contains evidence, so of a delta it delivers only what that inserts. Where the assumption fails,
the object is read again as a whole, and what is built from it. So the results are those of the reader in Python.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from tokenaudit.git.objects import LARGE, ObjectMatcher
from tokenaudit.git.pack.delta import LargeResultError
from tokenaudit.git.pack.texts import ObjectTexts
from tokenaudit.interfaces import PrefilterResult

INTERFACE = 1
"""The interface of `tokenaudit-fast` that this module calls."""

VARIABLE = "TOKENAUDIT_ACCELERATOR"
"""Environment variable: with `off`, the compiled part is not used."""

WHOLE = -1
"""Reach that makes every entry a whole object."""

_BATCH = 512 << 10
"""Bytes to fill at a time."""

_DAMAGES: dict[int, type[Exception]] = {1: ValueError, 2: LargeResultError, 3: MemoryError}
_LOG = logging.getLogger(__name__)


class Walk(Protocol):
    """See the stub of `tokenaudit_fast`."""

    def fill(self, limit: int, /) -> tuple[bytes, bytes, bytes, int, int, int, bool]:
        """Return the next batch."""


class Accelerator(Protocol):
    """What is used of the module `tokenaudit_fast`."""

    INTERFACE: int

    def Walk(  # noqa: N802 - a class
        self, file: int, plan: bytes, count: int, roots: int, reach: int, large: int, limit: int, /
    ) -> Walk:
        """Map the pack; see the stub."""


class Plan(NamedTuple):
    """A partition with objects numbered from 0, as arrays of 64-bit integers.

    `nodes` are positions in the pack, `starts` and `ends` those of the compressed data. The children of an object are
    `children[first[object] : first[object + 1]]`, with the largest subtree last.
    """

    nodes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    wanted: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    children: npt.NDArray[np.int64]
    roots: npt.NDArray[np.int64]


class Filled(NamedTuple):
    """A batch: entries of `text` that belong to `objects` and begin at `starts`, with a zero byte in between.

    `failures` are objects with the reason why they and all that are built from them can't be read. `passed` is the
    number of wanted objects before the work limit, if that was reached.
    """

    text: bytes
    objects: list[int]
    starts: list[int]
    failures: list[tuple[int, Exception]]
    object_count: int
    byte_count: int
    passed: int | None

    def texts(self, plan: Plan) -> ObjectTexts:
        """Return the objects with their positions in the pack."""
        return ObjectTexts(self.text, np.array(self.starts, np.int64), plan.nodes[self.objects])

    def entries(self) -> Iterator[bytes]:
        """Yield the entries."""
        for place, start in enumerate(self.starts):
            yield self.text[start : self.starts[place + 1] - 1 if place + 1 < len(self.starts) else None]


@cache
def accelerator() -> Accelerator | None:
    """Return the compiled part; None if it is not installed, does not fit, or is switched off."""
    if os.environ.get(VARIABLE, "").lower() in {"0", "false", "no", "off"}:
        _LOG.info("accelerator: off (%s)", VARIABLE)
        return None
    try:
        module = importlib.import_module("tokenaudit_fast")
    except ModuleNotFoundError as error:
        _LOG.info("accelerator: not used: package %s is not installed", error.name)
        return None
    except ImportError as error:
        _LOG.warning("accelerator: not used: tokenaudit-fast can't be loaded: %s", error)
        return None
    if getattr(module, "INTERFACE", None) != INTERFACE:
        _LOG.warning(
            "accelerator: not used: tokenaudit-fast is of another version; run pip install -U tokenaudit[fast]"
        )
        return None
    _LOG.info("accelerator: tokenaudit-fast")
    return cast("Accelerator", module)


def walk(found: Accelerator, file: int, plan: Plan, reach: int, limit: int) -> Walk:
    """Begin to read the objects of `plan` from `file`, at most `limit` bytes; with the reach `WHOLE`, complete ones.

    Raises:
        ValueError: the plan points outside the pack.
        OSError: the pack can't be mapped.
    """
    columns = b"".join(np.ascontiguousarray(column, np.int64).tobytes() for column in plan[1:])
    return found.Walk(file, columns, len(plan.nodes), len(plan.roots), reach, LARGE, limit)


def batches(walk: Walk) -> Iterator[Filled]:
    """Read all objects of `walk`."""
    is_more = True
    while is_more:
        text, table, failures, count, size, passed, is_more = walk.fill(_BATCH)
        entries = np.frombuffer(table, np.int64).reshape(-1, 2)
        lost = [(node, _DAMAGES[code]()) for node, code in np.frombuffer(failures, np.int64).reshape(-1, 2).tolist()]
        is_limited = passed >= 0
        objects, starts = entries[:, 0].tolist(), entries[:, 1].tolist()
        yield Filled(text, objects, starts, lost, count, size, passed if is_limited else None)


def with_evidence(filled: Filled, watcher: ObjectMatcher) -> tuple[list[int], list[int]]:
    """Return the objects of a batch whose entries contain evidence, and those with matches that evidence makes count.

    A large entry, the last, is searched alone.
    """
    text, starts, objects = filled.text, filled.starts, filled.objects
    if not starts:
        return [], []
    last = len(starts) - 1
    is_large = len(text) - starts[last] > _BATCH
    both = (text[: starts[last] - 1], starts[:last]) if is_large else (text, starts)
    evidence, matches = watcher.with_evidence(*both) if both[1] else ([], [])
    if is_large:
        seen = watcher.look(text[starts[last] :])
        evidence += [last] if seen is PrefilterResult.EVIDENCE else []
        matches += [last] if seen is PrefilterResult.TRACES else []
    return [objects[place] for place in evidence], [objects[place] for place in matches]
