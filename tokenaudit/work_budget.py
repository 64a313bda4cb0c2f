"""A limit on the work that one file can cause, counted in steps instead of seconds, so that every run ends alike."""

from __future__ import annotations

_LEAST = 20_000_000
_PER_CHARACTER = 200


class WorkLimitError(Exception):
    """A file asks for more work than its size justifies; `reason` says so in words fit for a report."""

    def __init__(self, limit: int) -> None:
        self.reason = f"takes more than {limit:,} steps to analyze"
        super().__init__(self.reason)


class WorkBudget:
    """The steps that one file is worth: a constant, plus a multiple of its size in characters or bytes.

    A step is a small, bounded piece of work, about what the interpreter does in 50 ns. Whatever could grow faster than
    its input calls `spend`; a reader that is linear by its construction need not.
    """

    def __init__(self, size: int) -> None:
        self.limit = _LEAST + _PER_CHARACTER * size
        self.spent = 0

    def spend(self, steps: int = 1) -> None:
        """Counts `steps`.

        Raises:
            WorkLimitError: more were counted than the file is worth.
        """
        self.spent += steps
        if self.spent > self.limit:
            raise WorkLimitError(self.limit)
