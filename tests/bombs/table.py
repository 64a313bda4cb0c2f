"""The table of bombs in `docs/security-model.md`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "security-model.md"
_BEGIN, _END = "<!-- bombs -->", "<!-- /bombs -->"
_HEAD = "| input | peak memory | processor time |\n| --- | ---: | ---: |\n"
_ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<memory>[\d,]+) MB \| (?P<seconds>[\d.]+) s \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """What the whole command took, all its processes together."""

    name: str
    mebibytes: int
    seconds: float


def read_rows() -> list[Row]:
    """The rows of the page."""
    text = PAGE.read_text("utf-8")
    table = text[text.index(_BEGIN) : text.index(_END)]
    return [
        Row(found["name"], int(found["memory"].replace(",", "")), float(found["seconds"]))
        for found in _ROW.finditer(table)
    ]


def write_rows(rows: Sequence[Row]) -> None:
    """Puts `rows` into the page."""
    text = PAGE.read_text("utf-8")
    lines = "".join(f"| {row.name} | {row.mebibytes:,} MB | {row.seconds:.1f} s |\n" for row in rows)
    begin, end = text.index(_BEGIN) + len(_BEGIN), text.index(_END)
    PAGE.write_text(f"{text[:begin]}\n{_HEAD}{lines}{text[end:]}", "utf-8")
