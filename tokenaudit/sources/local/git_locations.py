"""Locations of detections, shared by all local sources."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tokenaudit.git.object_reader import UnreadableObjectError
from tokenaudit.git.objects import GitObject, Unread, parse
from tokenaudit.interfaces import Detection, LocatedDetection, ScanContext, Scanner, ScanResult
from tokenaudit.model import Location, Skipped
from tokenaudit.web_pages import repository_page
from tokenaudit.windows import examine_windows

if TYPE_CHECKING:
    from tokenaudit.git.attribution import Introduction
    from tokenaudit.git.layout import Repository
    from tokenaudit.git.object_reader import ObjectReader


def place(source: str, target: str, seen: Detection) -> Location:
    """Return the location of `seen` with the data in the detection itself."""
    return Location(
        source=source,
        target=target,
        line=seen.line,
        column=seen.column,
        via=seen.via,
        repeats=seen.repeats,
        member=seen.member,
        variable=seen.variable,
        end_line=seen.end_line,
        end_column=seen.end_column,
    )


def without_lines(seen: Detection) -> Detection:
    """Return `seen` without lines, for content that has none."""
    return replace(seen, line=None, column=None, end_line=None, end_column=None)


def shown_in(repository: Repository, path: Path) -> str:
    """Return the path of a file of the repository, relative to the repository's folder if it is below it."""
    top = repository.work_tree or repository.common_dir
    for folder in (top.resolve(), repository.common_dir):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.as_posix()


def examine_object(
    reader: ObjectReader, name: str, run: ScanContext, hint: str = "", *, is_counted: bool = True
) -> ScanResult | Unread:
    """Return the detections in the content of an object, which is read in windows if it is large.

    With `is_counted` it counts as one more object that was read.
    """
    opened = reader.open(name)
    if isinstance(opened, Unread):
        return opened
    try:
        examined = examine_windows(reader.windows(opened), run.scanner, hint)
    except UnreadableObjectError as error:
        return Unread(name, str(error))
    if is_counted:
        run.read(1, opened.size)
    return examined


def hazards(repository: Repository, target: str) -> Iterator[Skipped]:
    """Yield the repository's own files that can't be read, if the audit is incomplete without them."""
    for hazard in repository.hazards:
        if hazard.is_loss:
            yield Skipped(f"{target}: {shown_in(repository, hazard.path)}", hazard.reason)


def followed(repository: Repository, run: ScanContext) -> None:
    """Record the folders outside of the target that the repository is read from, its HEAD and its web page."""
    for folder in repository.outside:
        run.follow(folder)
    run.head = repository.head
    run.web_page = repository_page(repository.remotes.get("origin") or next(iter(repository.remotes.values()), None))


def in_blob(target: str, introduction: Introduction, seen: Detection) -> LocatedDetection:
    """Return `seen` in a blob, at the path and in the commit that introduced it."""
    commit = introduction.commit
    location = replace(
        place("note" if introduction.is_note else "history", target, seen),
        path=introduction.path,
        commit=commit.id if commit else None,
        author=commit.author if commit else None,
        date=commit.date if commit else None,
        reachable=introduction.reachable,
        in_head=introduction.in_head,
        object=introduction.blob,
    )
    return LocatedDetection(seen, location)


def in_message(source: str, target: str, item: GitObject, scanner: Scanner) -> Iterator[LocatedDetection | Skipped]:
    """Yield all detections in a commit or tag. Lines are those of the message; detections in the header have none."""
    headed = parse(item.data)
    for part, has_lines in ((headed.header, False), (headed.message, True)):
        examined = scanner.scan(part)
        yield from (Skipped(f"{target}: object {item.id}", reason) for reason in examined.skipped)
        for seen in examined.detections:
            shown = seen if has_lines else without_lines(seen)
            location = place(source, target, shown)
            yield LocatedDetection(shown, replace(location, author=headed.author, date=headed.date, object=item.id))


class Placement(NamedTuple):
    """See `tokenaudit.model.Target`: the fields with these names."""

    repository: str
    inside: str
    name: str = ""


def placement(target: str, root: Path | None, here: Path | None = None) -> Placement:
    """Return the placement of `target`, which is in the repository `root` (None: in none, so it is its own root).

    A link to a file keeps its own name; a link to a folder is replaced by that folder. `here` is the current folder.
    """
    here = (here or Path.cwd()).resolve()
    path = Path(target)
    folder = path.resolve() if path.is_dir() else path.absolute().parent.resolve()
    name = Path(os.path.realpath(path)).name  # resolve() raises where a link leads to itself
    if root is None:
        return Placement(_from(here, folder), "", name)
    top = root.resolve()
    inside = folder.relative_to(top).as_posix() if folder.is_relative_to(top) else "."
    return Placement(_from(here, top), "" if inside == "." else inside, name)


def _from(here: Path, root: Path) -> str:
    """Return `root` relative to `here` if it is equal, below or above it; else its absolute path."""
    try:
        relative = Path(os.path.relpath(root, here))
    except ValueError:  # on another drive
        return root.as_posix()
    is_beside = ".." in relative.parts and set(relative.parts) != {".."}
    return root.as_posix() if is_beside else relative.as_posix()
