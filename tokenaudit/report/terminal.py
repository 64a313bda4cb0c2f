"""Lines with styles and hanging indents, plain, colored or wrapped to the width of a terminal."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Span: TypeAlias = "str | tuple[str, str]"
"""A piece of a line: text, or text with a style such as `bold red`."""

_NARROWEST_TEXT = 24
_NARROW_COLUMN = 6


@dataclass(frozen=True)
class Line:
    """One line: a label column and spans with a hanging indent."""

    spans: tuple[Span, ...]
    label: str = ""
    indent: int = 0
    column: int = 0
    label_style: str = "dim"

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

    `width` is in terminal columns, None for no wrapping. rich is imported only for color or wrapping, because hooks and
    scripts wait for piped output.
    """

    color: bool
    width: int | None
    lines: list[Line] = field(default_factory=list)

    def add(self, *spans: Span, label: str = "", indent: int = 0, column: int = 0, label_style: str = "dim") -> None:
        """One more line."""
        self.lines.append(Line(spans, label, indent, column, label_style))

    def blank(self) -> None:
        """An empty line, unless the last line is empty."""
        if self.lines and self.lines[-1].spans:
            self.lines.append(Line(()))

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
        indent, column = line.indent, line.column
        if self.width is None:
            rows = [body]
        else:
            if self.width - indent - column < _NARROWEST_TEXT:
                indent, column = 0, min(column, _NARROW_COLUMN)
            rows = list(body.wrap(console, max(1, self.width - indent - column), overflow="fold")) or [Text()]
        shown = []
        for number, row in enumerate(rows):
            lead = Text(" " * indent)
            lead.append(f"{line.label if number == 0 else '':{column}}", line.label_style)
            shown.append(lead + row)
        return shown
