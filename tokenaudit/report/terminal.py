"""Lines with styles and hanging indents, plain, colored or wrapped to the width of a terminal."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tokenaudit.model import Severity, Skipped
from tokenaudit.text import ALL_IN_JSON, and_more, count, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console
    from rich.text import Text

Span: TypeAlias = "str | tuple[str, str]"
"""A piece of a line: text, or text with a style such as `bold red`."""

_NARROWEST_TEXT = 24
_NARROW_COLUMN = 6
_INDENT = 2
_LONGEST = 300

STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold cyan",
    Severity.INFO: "bold blue",
}


def clean(text: str) -> str:
    """Untrusted text on one line, with invisible characters as escapes, of at most 300 characters."""
    return shorten(visible(text), _LONGEST)


class Line(NamedTuple):
    """One line: a label column and spans with a hanging indent."""

    spans: tuple[Span, ...]
    label: str = ""
    indent: int = 0
    column: int = 0
    label_style: str = "dim"
    hang: int = 0
    """Columns by which the continuation of a line without a label is indented."""

    @property
    def plain(self) -> str:
        """The line without styles."""
        body = "".join(span if isinstance(span, str) else span[0] for span in self.spans)
        return f"{self._lead(self.indent, self.column)}{body}".rstrip()

    def _lead(self, indent: int, column: int) -> str:
        return f"{'':{indent}}{self.label:{column}}"


@dataclass
class TerminalWriter:
    """Collects lines; `written` returns them as one text.

    `width` is in terminal columns, None for no wrapping; `column` is the width of the labels of rows. rich is imported
    only for color or wrapping, because hooks and scripts wait for piped output.
    """

    color: bool
    width: int | None
    column: int = 9
    lines: list[Line] = field(default_factory=list)

    def add(
        self, *spans: Span, label: str = "", indent: int = 0, column: int = 0, label_style: str = "dim", hang: int = 0
    ) -> None:
        """One more line."""
        self.lines.append(Line(spans, label, indent, column, label_style, hang))

    def blank(self) -> None:
        """An empty line, unless the last line is empty."""
        if self.lines and self.lines[-1].spans:
            self.lines.append(Line(()))

    @property
    def row_width(self) -> int | None:
        """The columns left for the text of a row, None for no wrapping."""
        return None if self.width is None else self.width - self.column - _INDENT

    def row(self, label: str, *spans: Span) -> None:
        """A line below a heading: a label, and what it names."""
        self.add(*spans, label=label, indent=_INDENT, column=max(self.column, len(label) + 1))

    def more(self, total: int, shown: int) -> None:
        """How many of `total` entries are not shown; nothing if all are."""
        if left := and_more(total, shown, ALL_IN_JSON):
            self.add((left, "dim"), indent=_INDENT)

    def skipped(self, entries: Collection[Skipped], most: int) -> None:
        """The first `most` skipped places with the reason; nothing if there are none."""
        if not entries:
            return
        self.add((" SKIPPED ", "bold black on yellow"), "  ", (f"{count(len(entries), 'place')}:", "bold"))
        for entry in sorted(entries, key=lambda entry: (entry.where, entry.reason))[:most]:
            self.add(clean(entry.where), (f"  {clean(entry.reason)}", "yellow"), indent=_INDENT)
        self.more(len(entries), most)
        self.blank()

    def written(self) -> str:
        """All lines, ending in a line feed."""
        if not self.color and self.width is None:
            return "".join(f"{line.plain}\n" for line in self.lines)
        return self._rich()

    def _rich(self) -> str:
        from rich.console import Console  # noqa: PLC0415 - takes longer to import than a small scan

        out = io.StringIO()
        console = Console(
            file=out,
            width=self.width or 1_000_000,
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            no_color=not self.color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
        for line in self.lines:
            for text in self._wrapped(line, console):
                console.print(text, soft_wrap=True)
        return "".join(f"{row.rstrip()}\n" for row in out.getvalue().splitlines())

    def _wrapped(self, line: Line, console: Console) -> list[Text]:
        from rich.text import Text  # noqa: PLC0415 - as above

        body = Text()
        for span in line.spans:
            body.append(*((span,) if isinstance(span, str) else span))
        indent, column, hang = line.indent, line.column, 0
        if self.width is None:
            rows = [body]
        else:
            if self.width - indent - column < _NARROWEST_TEXT:
                indent, column = 0, min(column, _NARROW_COLUMN)
            hang = line.hang if self.width - line.hang >= _NARROWEST_TEXT else 0
            rows = list(body.wrap(console, max(1, self.width - indent - column - hang), overflow="fold")) or [Text()]
        shown = []
        for number, row in enumerate(rows):
            lead = Text(" " * (indent + (hang if number else 0)))
            lead.append(f"{line.label if number == 0 else '':{column}}", line.label_style)
            shown.append(lead + row)
        return shown
