"""What the index of a working tree lists and the folder does not hold: submodules, files of a sparse checkout."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import open_repository, safe_git_dir
from tokenaudit.model import Skipped
from tokenaudit.sources.local.git_locations import hazards

_ENTRY = re.compile(rb"(?P<tag>[A-Za-z?]) (?P<mode>[0-7]{6}) [0-9a-f]+ \d\t(?P<path>[^\0]*)\0")
_SUBMODULE = b"160000"
_NOT_CHECKED_OUT = b"S"
_MOST_NAMED = 20


def not_checked_out(path: Path, target: str, *, history_is_read: bool) -> Iterator[Skipped]:
    """Submodules at any depth below `path`, a working tree's top, without content, and what a sparse checkout lacks.

    The files that a sparse checkout leaves out are objects of the repository: with `history_is_read` they are read.
    """
    try:
        git_dir = safe_git_dir(path / ".git")
        if git_dir != path / ".git":
            yield from hazards(open_repository(path), target)
        listing = git("ls-files", "--stage", "-t", "-z", git_dir=git_dir, cwd=path)
    except GitError as error:
        yield Skipped(target, f"git can't list its index: {error}")
        return
    empty, left_out = [], 0
    for entry in _ENTRY.finditer(listing):
        name = entry["path"]
        shown = name.decode("utf-8", "surrogateescape")
        folder = path / os.fsdecode(name)
        if entry["mode"] == _SUBMODULE and os.path.lexists(folder / ".git"):
            yield from not_checked_out(folder, f"{target.rstrip('/')}/{shown}", history_is_read=history_is_read)
        elif entry["mode"] == _SUBMODULE and not (folder.is_dir() and any(folder.iterdir())):
            empty.append(shown)
        elif entry["tag"] == _NOT_CHECKED_OUT and not os.path.lexists(path / os.fsdecode(name)):
            left_out += 1
    for shown in empty[:_MOST_NAMED]:
        command = f"git submodule update --init {shlex.quote(shown)}"
        yield Skipped(f"{target}: {shown}", f"a submodule that is not checked out; fetch it with: {command}")
    if len(empty) > _MOST_NAMED:
        reason = "more submodules are not checked out; fetch them with: git submodule update --init --recursive"
        yield Skipped(target, f"{len(empty) - _MOST_NAMED:,} {reason}")
    if left_out and not history_is_read:
        reason = "files are left out by a sparse checkout; get them with: git sparse-checkout disable"
        yield Skipped(target, f"{left_out:,} {reason}")
