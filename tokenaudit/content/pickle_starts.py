"""Where pickles begin in other data: at a header, or without one at the import of a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from tokenaudit.content.byte_range import ContentBudget, LimitReachedError, MemoryRange
from tokenaudit.content.pickle_input import PickleWalk
from tokenaudit.content.pickle_machine import walk_pickle
from tokenaudit.content.pickle_names import name_verdict

_PLAUSIBLE = re.compile(r"[^\W\d]\w*(?:\.[\w<>]+)+")
_HEADER = re.compile(rb"\x80[\x00-\x05]")
_SECOND_LINE = re.compile(rb"(?<=[\w.\r])\n[A-Za-z_][\w.]{1,100}\r?\n")
"""The end of an import by two lines, starting at the end of the first."""

_PLAIN_LINE = re.compile(rb"[\w.]*\r?")
_OTHER_SIGNS = [bytes([code]) for code in range(256) if not re.match(rb"[\w.\r]", bytes([code]))]
_LONGEST_NAME = 102
_MOST_STARTS = 8
_TRIAL = 1 << 12
"""Number of bytes that are followed to decide whether a pickle begins."""

_LEAD = 64
"""Number of bytes before an import in which a pickle without a header can begin."""

_WHOLE = 8
"""Number of opcodes that a pickle behind other data needs to count as one, even without a known name."""


def has_plausible_names(walk: PickleWalk) -> bool:
    """Whether everything that a pickle imports has a name that Python code can have."""
    return all(map(_PLAUSIBLE.fullmatch, walk.names))


def begins(window: MemoryRange, candidate: int, budget: ContentBudget, *, headed: bool) -> int | None:
    """The position in the window where a pickle begins that imports something; None if there is none.

    Raises:
        LimitReachedError: the budget is used up.
    """
    # The arguments of an import by `i` are between MARK and the opcode; `c` can follow a MARK.
    lead = 1 if headed else _LEAD if window.read(candidate, 1) == b"i" else 2
    for start in range(candidate, max(candidate - lead, -1), -1):
        budget.spend_operations(1)
        walk = walk_pickle(window.part(start, _TRIAL), 0, budget)
        if walk.cut is not None:
            raise LimitReachedError(walk.cut)
        # Opcodes can also be followed from the middle of a pickle: only names that are code are reported.
        code = any(name_verdict(name) == "code" for name in walk.names)
        whole = walk.end is not None
        nameless = headed and whole and bool(walk.unknown) and walk.opcodes > _WHOLE
        named = code and (whole or bool(walk.called) or headed)
        if (named or nameless) and has_plausible_names(walk):
            return start
    return None


def candidates(window: bytes) -> Iterator[tuple[int, bool]]:
    """Where a pickle can begin, and whether it has a header there; without one, at an import by two lines."""
    for found in _HEADER.finditer(window):
        yield found.start(), True
    for found in _SECOND_LINE.finditer(window):
        first = max(found.start() - _LONGEST_NAME, 0)
        line = window[first : found.start()]
        line = line[line.rfind(b"\n") + 1 :]
        begin = found.start() - len(line)
        run = _trailing_name(line)
        starts = (begin + at for at in range(run, len(line) - 2) if line[at] in b"ci")
        for start in islice(starts, _MOST_STARTS):
            yield start, False


def _trailing_name(line: bytes) -> int:
    """The start of the letters, digits, underscores and dots at the end of the line."""
    other = max(line.rfind(sign) for sign in _OTHER_SIGNS) if not _PLAIN_LINE.fullmatch(line) else -1
    return other + 1


def starts_pickle(head: bytes) -> bool:
    """Whether `head` begins with the header of a pickle of protocol 0 to 5."""
    return head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5  # noqa: PLR2004 - the newest protocol
