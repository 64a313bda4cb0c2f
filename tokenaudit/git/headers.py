"""Commits and annotated tags, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from tokenaudit.git.log import moment

_PERSON = re.compile(rb"^(?:author|tagger) (?P<who>.*?) ?(?P<when>-?\d+)? ?(?:[+-]\d+)?$", re.MULTILINE)
_TARGET = re.compile(rb"\Aobject (?P<id>[0-9a-f]+)\ntype (?P<type>\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Headed:
    """A commit or tag: its header lines, its message, and who made it. `target` is what a tag names, with its type."""

    header: bytes
    message: bytes
    author: str | None
    date: datetime | None
    target: tuple[str, str] | None


def parse(data: bytes) -> Headed:
    """Takes apart a commit or tag; what isn't there comes as None, since objects may be damaged or hand-made."""
    header, _, message = data.partition(b"\n\n")
    person = _PERSON.search(header)
    target = _TARGET.search(header)
    return Headed(
        header=header,
        message=message,
        author=person["who"].decode("utf-8", "replace") if person else None,
        date=moment(person["when"].decode()) if person and person["when"] else None,
        target=(target["id"].decode(), target["type"].decode()) if target else None,
    )
