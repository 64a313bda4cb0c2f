"""Identifiers are terms of git, HTTP, OAuth, SARIF and the standard library: retired private names do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.structure.measure import PACKAGE, ROOT

RETIRED = frozenset(
    {
        "aside", "book", "crew", "desk", "died", "examiner", "haul", "hauls", "inquire", "inquirer", "intake",
        "lookout", "nobody", "noun", "nouns", "patience", "powers", "responder", "said", "scout", "scouted", "scouts",
        "shop", "standing", "standings", "stands", "told", "trouble", "troubles", "workshop",
    }
)  # fmt: skip
"""Words of names that needed their docstring to be understood."""


def identifiers(tree: ast.Module) -> Iterator[str]:
    """Every name that a module defines: functions, classes, parameters, variables, attributes, aliases of imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def retired(path: Path) -> set[str]:
    """The identifiers in `path` that contain a retired word."""
    found = identifiers(ast.parse(path.read_text("utf-8")))
    return {name for name in found if RETIRED & {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}}


def test_no_retired_name_comes_back() -> None:
    found = {str(path.relative_to(ROOT)): names for path in (ROOT / PACKAGE).rglob("*.py") if (names := retired(path))}
    assert found == {}


def test_a_retired_name_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import json as intake\n\nclass Desk:\n    said_last: int = 0\n\n\ndef of(told): self.shop = told\n"
    )
    assert retired(module) == {"intake", "Desk", "said_last", "told", "shop"}
