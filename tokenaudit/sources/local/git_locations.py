"""Locations of detections, as every source on disk tells them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tokenaudit.git.objects import GitObject, parse
from tokenaudit.interfaces import Detection, LocatedDetection, Scanner
from tokenaudit.model import Location, Skipped

if TYPE_CHECKING:
    from tokenaudit.git.attribution import Introduction


def place(source: str, target: str, seen: Detection) -> Location:
    """The location of `seen` as far as the detection itself knows it."""
    return Location(
        source=source,
        target=target,
        line=seen.line,
        column=seen.column,
        via=seen.via,
        member=seen.member,
        variable=seen.variable,
        end_line=seen.end_line,
        end_column=seen.end_column,
    )


def without_lines(seen: Detection) -> Detection:
    """`seen` in something that has no lines."""
    return replace(seen, line=None, column=None, end_line=None, end_column=None)


def in_blob(target: str, introduction: Introduction, seen: Detection) -> LocatedDetection:
    """`seen` in a blob, at the path and in the commit that brought it there."""
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
    """Everything seen in a commit or tag. Lines are those of the message; what stands in the header has none."""
    headed = parse(item.data)
    for part, has_lines in ((headed.header, False), (headed.message, True)):
        examined = scanner.scan(part)
        yield from (Skipped(f"{target}: object {item.id}", reason) for reason in examined.skipped)
        for seen in examined.detections:
            shown = seen if has_lines else without_lines(seen)
            location = place(source, target, shown)
            yield LocatedDetection(shown, replace(location, author=headed.author, date=headed.date, object=item.id))
