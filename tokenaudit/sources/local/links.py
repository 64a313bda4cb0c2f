"""Where the symbolic links of a folder lead, and which of them are followed."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenaudit.model import Skipped
from tokenaudit.sources.local.file_reader import SymbolicLink, why

_MOST_NAMED = 20
_CACHED_REPOSITORY = re.compile(r"(?:models|datasets|spaces|kernels)--")
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True)
class Followed:
    """A link whose content is read: `file` is where it leads."""

    link: SymbolicLink
    file: str


class LinkResolver:
    """Decides about the links of one folder.

    A link to what is read anyway needs nothing. One into the same repository of a Hugging Face cache is followed:
    a snapshot there is nothing but links. One that leads to other data outside is not followed, since whoever made
    the folder could point it at anything of the auditor's, and that is reported. Programs (the interpreter of a
    virtual environment) and devices are passed over.
    """

    def __init__(self, root: str, others: Sequence[str] = ()) -> None:
        """`others` are the real paths of the other targets of the run."""
        self._root = os.path.realpath(root)
        self._read = [self._root, *others]
        self._cache = cached_repository(self._root)

    def resolve(self, links: Sequence[SymbolicLink]) -> Iterator[Followed | tuple[SymbolicLink, str]]:
        """The links to follow, and those that lead to something that is not read, each with where it leads."""
        for link in links:
            real = os.path.realpath(link.path)
            if any(_is_within(real, folder) for folder in self._read):
                continue
            try:
                mode = Path(real).stat().st_mode
            except OSError as error:
                if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                    yield link, f"{real} ({why(error)})"
                continue  # it leads nowhere, or in a circle
            if self._cache is not None and stat.S_ISREG(mode) and _is_within(real, self._cache):
                yield Followed(link, real)
            elif stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not mode & _EXECUTABLE):
                yield link, real


def cached_repository(folder: str) -> str | None:
    """The folder of the blobs that a snapshot of a Hugging Face cache in or around `folder` links to.

    Layout: huggingface_hub's guide "Understand caching": `models--org--name/{blobs,refs,snapshots}`.
    """
    for parent in (Path(folder), *Path(folder).parents):
        if _CACHED_REPOSITORY.match(parent.name) and (parent / "snapshots").is_dir() and (parent / "blobs").is_dir():
            return os.fspath(parent / "blobs")
    return None


def leads_out(target: str, shown: Sequence[tuple[str, str]]) -> Iterator[Skipped]:
    """One line for each (name of a link, where it leads), up to twenty, then how many more."""
    for name, leads_to in shown[:_MOST_NAMED]:
        reason = f"a link to {leads_to}, which is outside of the target and was not read: name it as a target, too"
        yield Skipped(f"{target}: {name}", reason)
    if len(shown) > _MOST_NAMED:
        yield Skipped(target, f"{len(shown) - _MOST_NAMED:,} more links lead outside of the target and were not read")


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
