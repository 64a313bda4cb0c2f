"""Which repository a target on disk lies in, and where in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Placement:
    """See `tokenaudit.model.Target`: the fields of these names."""

    repository: str
    inside: str


def placement(target: str, root: Path | None, here: Path | None = None) -> Placement:
    """That of `target`, which lies in the repository `root` (None: in none, so it is its own root).

    A link to a file stays the file that it is named as; one to a folder is the folder that it leads to. `here` is the
    current folder.
    """
    here = (here or Path.cwd()).resolve()
    path = Path(target)
    folder = path.resolve() if path.is_dir() else path.absolute().parent.resolve()
    if root is None:
        return Placement(_from(here, folder), "")
    top = root.resolve()
    inside = folder.relative_to(top).as_posix() if folder.is_relative_to(top) else "."
    return Placement(_from(here, top), "" if inside == "." else inside)


def _from(here: Path, root: Path) -> str:
    """`root` relative to `here` where it is that, below it or above it; else its whole path."""
    try:
        relative = Path(os.path.relpath(root, here))
    except ValueError:  # on another drive
        return root.as_posix()
    is_beside = ".." in relative.parts and set(relative.parts) != {".."}
    return root.as_posix() if is_beside else relative.as_posix()
