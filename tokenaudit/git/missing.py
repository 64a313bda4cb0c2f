"""Objects that a repository ought to have and hasn't."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tokenaudit.git.command import reason, start
from tokenaudit.git.objects import Unread

if TYPE_CHECKING:
    from typing_extensions import Self

_MOST_NAMED = 1000


class MissingObjects:
    """Git's own walk over everything that refs, reflogs and HEADs lead to, beside the reading of what is there.

    Reading every object a repository *has* can't show what it lacks, so git is asked to follow all links and to print
    those that lead nowhere. It runs while the objects are read, until the context ends; `found` waits for it.

    Raises:
        GitError: git can't be started.
    """

    def __init__(self, git_dir: Path, *, unpacked: bool = False) -> None:
        """With `unpacked` only links from objects outside packs are followed: git makes packs that are whole."""
        where = ["--unpacked"] if unpacked else []
        self._process = start(
            ["rev-list", "--objects", "--all", "--reflog", "--indexed-objects", "--missing=print", "--quiet", *where],
            git_dir=git_dir,
            stderr=subprocess.PIPE,
        )
        self._complaint = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Empties stderr, so that git can't be held up by a full pipe."""
        if self._process.stderr is not None:
            self._complaint = self._process.stderr.read()

    def found(self) -> Iterator[Unread]:
        """Every missing object by id; where there are very many, the first thousand and how many more."""
        count = 0
        for line in self._process.stdout or ():
            if not line.startswith(b"?"):
                continue
            count += 1
            if count <= _MOST_NAMED:
                yield Unread(line[1:].strip().decode("ascii", "replace"), "the object is missing")
        if count > _MOST_NAMED:
            yield Unread("further objects", f"{count - _MOST_NAMED:,} more are missing")
        code = self._process.wait()
        self._listener.join()
        if code != 0:
            yield Unread("links between objects", f"git could not follow them all: {reason(self._complaint, code)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends git's walk if it is still going."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
