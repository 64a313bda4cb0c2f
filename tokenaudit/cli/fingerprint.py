"""`tokenaudit fingerprint`."""

from __future__ import annotations

import sys

from tokenaudit.cli.output import emit
from tokenaudit.secret import fingerprint as fingerprint_of


def fingerprint() -> None:
    """Read credentials on stdin, one a line; print one fingerprint a line, in the same order.

    A fingerprint names a credential in reports, plans and the inventory without giving it away. The same value has
    the same fingerprint on every machine. An empty line gives an empty line, so that line numbers keep matching.
    """
    for line in sys.stdin.buffer:
        value = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape").strip()
        # An asking program may wait for the answer before it sends the next line.
        emit(f"{fingerprint_of(value) if value else ''}\n")
