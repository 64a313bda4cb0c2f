"""What commits changed, as git tells it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, cast

from tokenaudit.git.command import GitError, reason, start

_CHUNK = 1 << 20
_SUBMODULE = "160000"
_MOST_OBJECTS = 500
"""More ids than this would make too long a command line; the output is then filtered here instead of by git."""


@dataclass(frozen=True)
class Commit:
    """Who made a commit, and when (the author's date, in UTC; None where it is out of any calendar)."""

    id: str
    author: str
    date: datetime | None


@dataclass(frozen=True)
class Change:
    """One path that a commit changed against every one of its parents. `old` has the blob ids of its parents."""

    path: str
    old: tuple[str, ...]
    new: str


@dataclass(frozen=True)
class Changes:
    """What one commit changed, as far as the wanted blobs are concerned."""

    commit: Commit
    changes: tuple[Change, ...]


def changes(
    git_dir: Path, blobs: frozenset[str] | None, revisions: Sequence[str], tips: Iterable[str] = ()
) -> Iterator[Changes]:
    """The commits that put one of `blobs` (None: any) somewhere or took it away, parents before children.

    Submodules' commits are left out. `revisions` are arguments of `git log` such as `--all`; `tips` are further commits
    to start from. A merge is yielded only for paths in which it differs from all its parents.

    Raises:
        GitError: git ended with a complaint; what was yielded before it is true, but not all there is.
    """
    asked = sorted(blobs) if blobs is not None and len(blobs) <= _MOST_OBJECTS else []
    process = start(
        [
            "log", "-z", "--raw", "-c", "--root", "--no-renames", "--no-abbrev", "--topo-order", "--reverse",
            "--encoding=UTF-8", "--format=%H%n%at%n%an <%ae>", "--ignore-missing", "--stdin", *revisions,
            *[f"--find-object={blob}" for blob in asked],
        ],
        git_dir=git_dir,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    with process:
        pipe = cast("IO[bytes]", process.stdin)
        try:
            with pipe:
                pipe.writelines(f"{tip}\n".encode() for tip in tips)
            yield from _parsed(_fields(cast("IO[bytes]", process.stdout)), blobs)
        except BrokenPipeError:
            pass  # git has ended early: its exit code, below, tells why
        finally:
            if process.poll() is None:
                process.kill()
        complaint = cast("IO[bytes]", process.stderr).read()
    if process.returncode:
        raise GitError(reason(complaint, process.returncode))


def _fields(pipe: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := pipe.read(_CHUNK):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields
    if rest:
        yield rest


def _parsed(fields: Iterator[bytes], blobs: frozenset[str] | None) -> Iterator[Changes]:
    commit: Commit | None = None
    found: list[Change] = []
    for raw in fields:
        field = raw.lstrip(b"\n")
        if field.startswith(b":"):
            change = _change(field, next(fields, b""))
            if change and (blobs is None or change.new in blobs or not blobs.isdisjoint(change.old)):
                found.append(change)
        elif field:
            if commit and found:
                yield Changes(commit, tuple(found))
            commit, found = _commit(field), []
    if commit and found:
        yield Changes(commit, tuple(found))


def _commit(header: bytes) -> Commit:
    identity, when, author = header.decode("utf-8", "replace").split("\n", 2)
    return Commit(identity, author.rstrip("\n"), moment(when))


def _change(meta: bytes, path: bytes) -> Change | None:
    fields = meta.lstrip(b":").decode("ascii").split(" ")
    parents = len(meta) - len(meta.lstrip(b":"))
    modes, ids = fields[: parents + 1], fields[parents + 1 : 2 * parents + 2]
    if modes[-1] == _SUBMODULE:
        return None
    old = tuple(name for mode, name in zip(modes, ids, strict=True) if mode != _SUBMODULE)[:-1]
    return Change(path.decode("utf-8", "surrogateescape"), old, ids[-1])


def moment(seconds: str) -> datetime | None:
    """Unix seconds as a time; None where they are no number or lie outside the calendar."""
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
