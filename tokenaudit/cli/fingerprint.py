"""`tokenaudit fingerprint`."""

from __future__ import annotations

import sys

from tokenaudit.cli.output import emit
from tokenaudit.cli.prompt import hidden_values
from tokenaudit.errors import UsageError
from tokenaudit.secret import fingerprint as fingerprint_of


def fingerprint() -> None:
    """Print the fingerprints of credentials read from stdin, one per line, in the same order.

    A fingerprint names a credential in reports, plans and the inventory without revealing it. The same value has the
    same fingerprint on every machine. An empty line gives an empty line. At a terminal, values are read from a hidden
    prompt.

    Examples:
      cat tokens.txt | tokenaudit fingerprint
    """
    empty = True
    lines = (value.encode("utf-8", "surrogateescape") for value in hidden_values()) if sys.stdin.isatty() else None
    for line in lines or sys.stdin.buffer:
        empty = False
        value = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape").strip()
        # An asking program may wait for the answer before it sends the next line.
        emit(f"{fingerprint_of(value) if value else ''}\n")
    if empty:
        message = "no credentials; pass them on stdin, one per line"
        raise UsageError(message)
