"""Changes to a text file by whole lines, as a unified diff that `git apply` takes."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field


@dataclass
class Edits:
    """Changes to the lines of a file, numbered from 1; everything else stays byte for byte."""

    source: str
    replaced: dict[int, list[str]] = field(default_factory=dict)
    inserted: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines = self.source.splitlines(keepends=True)
        self.ending = "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"

    def line(self, number: int) -> str:
        """The line as it stands now, without its ending."""
        if number in self.replaced:
            return "\n".join(self.replaced[number])
        return self.lines[number - 1].rstrip("\r\n")

    def replace(self, number: int, *lines: str) -> None:
        """Puts lines in the place of one; none remove it."""
        self.replaced[number] = list(lines)

    def remove(self, first: int, last: int) -> None:
        """Removes the lines from `first` to `last`, both included."""
        for number in range(first, last + 1):
            self.replaced[number] = []

    def insert_after(self, number: int, *lines: str) -> None:
        """Adds lines behind a line."""
        self.inserted.setdefault(number, []).extend(lines)

    def result(self) -> str:
        """The file after the changes."""
        out: list[str] = []
        for number, line in enumerate(self.lines, 1):
            if number in self.replaced:
                out.extend(new + self.ending for new in self.replaced[number])
            else:
                out.append(line)
            if number in self.inserted:
                if out and not out[-1].endswith("\n"):
                    out[-1] += self.ending
                out.extend(new + self.ending for new in self.inserted[number])
        return "".join(out)

    def diff(self, path: str) -> str:
        """The changes as a unified diff; empty where there are none."""
        new = self.result().splitlines(keepends=True)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(self.lines, new, f"a/{path}", f"b/{path}")
        )


def indent_of(line: str) -> int:
    """How many blanks a line begins with."""
    return len(line) - len(line.lstrip(" "))


def block_end(lines: list[str], first: int) -> int:
    """The last line of the YAML block that begins on line `first`: all that is indented further."""
    indent = indent_of(lines[first - 1])
    last = first
    for number in range(first + 1, len(lines) + 1):
        line = lines[number - 1]
        if not line.strip():
            continue
        if indent_of(line) <= indent:
            break
        last = number
    return last
