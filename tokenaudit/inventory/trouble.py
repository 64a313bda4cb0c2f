"""What a database says when it fails, as one line with a remedy."""

from __future__ import annotations

from collections.abc import Mapping

_TROUBLES: Mapping[str, str] = {
    "disk is full": "the disk is full; make room and run the same command again, it continues where it stopped",
    "readonly database": "it can't be written; make it and its directory writable, or choose another with --inventory",
    "unable to open": "it can't be opened; see that its directory can be read and written",
    "database is locked": "another program holds it; try again when that is done",
    "not a database": "it is no inventory; choose another with --inventory",
    "malformed": "the file is damaged; restore it from a backup, or move it away to start anew",
    "disk i/o error": "reading or writing failed; check the disk, then run the same command again",
    "password authentication failed": "the server refused the user or password",
    "does not exist": "there is no such database or user; create it first",
    "connection refused": "no server answers there",
    "closed the connection": "the server went away; when it is back, run the same command again, it continues there",
    "terminating connection": "the server went away; when it is back, run the same command again, it continues there",
    "permission denied": "the database user may not do this; grant it CREATE and write rights",
}


def trouble(said: str) -> str:
    """The remedy for what the driver `said`; other words are shortened to their first line."""
    low = said.lower()
    for sign, told in _TROUBLES.items():
        if sign in low:
            return told
    # Only the first line: later ones of PostgreSQL may repeat what was sent.
    return " ".join(said.splitlines()[0].split())[:200] if said else "the database failed"
