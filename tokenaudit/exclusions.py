"""Places that the auditor leaves out of a run, by `--exclude`."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Sequence


def matches(pattern: str, target: str, path: str | None) -> bool:
    """Whether a glob names a place: a path, a folder with all below it, or either with the target in front.

    `*` also matches `/`.
    """
    names = [target] if path is None else [path, f"{target.rstrip('/')}/{path}"]
    expression = _expression(pattern)
    return any(expression.match(name) for name in names)


@functools.lru_cache(maxsize=1000)
def _expression(pattern: str) -> re.Pattern[str]:
    pattern = pattern.removeprefix("./").rstrip("/")
    return re.compile(f"(?:{fnmatch.translate(pattern)})|(?:{fnmatch.translate(f'{pattern}/*')})")


class Exclusions:
    """The patterns of a run, and which places were not read because of each.

    Sources ask before they read what is known by name. What gets its name only later, as the content of a history does
    with the commits that added it, is read and taken out of the findings.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self.patterns = tuple(patterns)
        self._unread: dict[str, set[tuple[str, str]]] = {pattern: set() for pattern in self.patterns}

    def leaves_out(self, target: str, path: str) -> bool:
        """Whether a pattern names the place, which the caller then does not read; each place is counted once."""
        for pattern in self.patterns:
            if matches(pattern, target, path):
                self._unread[pattern].add((target, path))
                return True
        return False

    def unread(self, pattern: str) -> int:
        """The number of places that `pattern` left out so far."""
        return len(self._unread[pattern])
