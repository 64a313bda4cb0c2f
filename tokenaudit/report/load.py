"""A report that was written earlier, from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from tokenaudit.errors import UsageError
from tokenaudit.file_access import read_argument
from tokenaudit.model import Report
from tokenaudit.report.json import load

STDIN = "-"


def load_report(source: str | Path | None) -> Report:
    """The JSON report in the file `source`; that on standard input for None and `-`.

    Raises:
        UsageError: the file can't be read.
        ConfigurationError: it holds no report, or one of a newer schema.
    """
    if source is None or str(source) == STDIN:
        return load(sys.stdin.buffer.read(), "standard input")
    try:
        data = read_argument(source)
    except OSError as error:
        message = f"{source} can't be read: {error.strerror}; name a report written with --format json"
        raise UsageError(message) from None
    return load(data, str(source))
