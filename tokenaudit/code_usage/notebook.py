"""Needs of a Jupyter notebook: its code cells, and the shell lines in them."""

from __future__ import annotations

import json
import re
from typing import Any

from tokenaudit.code_usage.model import Needs, unique
from tokenaudit.code_usage.python import python_needs
from tokenaudit.code_usage.shell import shell_needs
from tokenaudit.model import Evidence

_SHELL_CELL = re.compile(r"%%(?:bash|sh|script)\b")
_MAGIC = re.compile(r"(\s*)[!%]")


def notebook_needs(path: str, data: bytes) -> Needs:
    """What a notebook needs. Lines count in its code, one cell after the other, for the file's own lines are JSON.

    All cells are read as one module, as names live on from cell to cell; a cell that can't be parsed is left out and
    said so.
    """
    try:
        notebook: Any = json.loads(data)
        cells = [_source(c) for c in notebook["cells"] if c.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Needs(skipped=(f"{path}: no notebook that could be read, so its needs are unknown",))
    shell: list[tuple[int, str]] = []
    python: list[str] = []
    skipped: list[str] = []
    for number, cell in enumerate(cells, start=1):
        code = _blank(cell) if _SHELL_CELL.match(cell) else _without_magics(cell)
        start = sum(part.count("\n") + 1 for part in python)
        shell += [(start + at, text) for at, text in _shell_lines(cell)]
        if not _parses(code):
            skipped.append(f"{path}: cell {number} holds no Python that could be parsed, so its needs are unknown")
            code = _blank(cell)
        python.append(code)
    found = python_needs(path, "\n".join(python).encode("utf-8", "surrogatepass"))
    evidence: list[Evidence] = list(found.evidence)
    for at, text in shell:
        run = shell_needs(path, text, first_line=at + 1, python=python_needs)
        evidence += run.evidence
        skipped += run.skipped
    return Needs(unique(evidence), (*skipped, *found.skipped))


def _source(cell: Any) -> str:  # noqa: ANN401 - a node of a JSON document
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _blank(cell: str) -> str:
    return "\n" * cell.count("\n")


def _without_magics(cell: str) -> str:
    return "\n".join(
        _MAGIC.sub(r"\1pass  #", line, count=1) if _MAGIC.match(line) else line for line in cell.split("\n")
    )


def _shell_lines(cell: str) -> list[tuple[int, str]]:
    if _SHELL_CELL.match(cell):
        return [(1, cell.partition("\n")[2])]
    found = []
    for number, line in enumerate(cell.split("\n")):
        stripped = line.strip()
        if stripped.startswith("!"):
            found.append((number, re.sub(r"\{(\w+)\}", r"$\1", stripped.lstrip("!"))))
        elif stripped.startswith(("%sx ", "%system ")):
            found.append((number, stripped.partition(" ")[2]))
    return found


def _parses(code: str) -> bool:
    try:
        compile(code, "cell", "exec", flags=0x400 | 0x2000, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
