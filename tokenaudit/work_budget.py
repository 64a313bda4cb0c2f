"""A limit on the work for one file, counted in steps instead of seconds to be deterministic."""

from __future__ import annotations

_LEAST = 20_000_000
_PER_CHARACTER = 200


class WorkLimitError(Exception):
    """A file requires more work than its size justifies; `reason` is the text for the report."""

    def __init__(self, limit: int) -> None:
        self.reason = f"takes more than {limit:,} steps to analyze"
        super().__init__(self.reason)


class WorkBudget:
    """The step limit of one file: a constant plus a multiple of its size in characters or bytes.

    A step is a small, bounded piece of work of about 50 ns. Code whose run time can grow faster than
    its input calls `spend`; linear code does not need to.
    """

    def __init__(self, size: int) -> None:
        self.limit = _LEAST + _PER_CHARACTER * size
        self.spent = 0

    def spend(self, steps: int = 1) -> None:
        """Counts `steps`.

        Raises:
            WorkLimitError: the limit of the file is exceeded.
        """
        self.spent += steps
        if self.spent > self.limit:
            raise WorkLimitError(self.limit)
