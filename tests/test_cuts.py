"""Text is cut in one place, after it was masked: half a credential has no shape by which it could be known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tokenaudit

PACKAGE = Path(tokenaudit.__file__).parent
CUTTING = {"text.py"}
"""Where cutting is defined."""

NAMES_OF_LIMITS = re.compile(r"LONGEST|LARGEST(?!_BATCH)")
"""What limits of texts are called; those of lists are called MOST."""

SHORTEST_CUT = 13
"""Characters: a cut to fewer shows an id, a sign or a date, and no half of a value that is of use."""

READING = {
    ("ci/keyless.py", "one.value.value[:_LONGEST]"): "a value to compare with",
    ("ci/rules/token_to_disk.py", "path[:_LONGEST_PATH]"): "a path to compare with",
    ("code_usage/javascript.py", "code[call.end():min(end, call.end() + _LONGEST_CALL)]"): "a call, to be parsed",
    ("git/candidates.py", "text[at:at + 40]"): "object ids",
    ("git/pack/partition.py", "text[at:at + 2 * ID_SIZE]"): "object ids",
    (
        "report/html/plots.py",
        "''.join((sign for sign in credential.fingerprint if sign.isascii() and sign.isalnum()))[:16]",
    ): "an anchor",
    ("secret.py", "value[:_LONGEST_PREFIX]"): "the prefix that a display form shows",
}
"""Slices of text that nobody sees."""

OF_LISTS = re.compile(r"(?:\bids|data|skipped)\Z")


def slices(tree: ast.AST) -> Iterator[ast.Subscript]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.upper is not None:
            yield node


def cuts_text(node: ast.Subscript) -> bool:
    """Whether a slice is one that shortens something to a fixed length, and not a digest."""
    bound = ast.unparse(node.slice.upper) if isinstance(node.slice, ast.Slice) and node.slice.upper else ""
    if ast.unparse(node.value).endswith(("hexdigest()", "'sha256').hex()")):
        return False
    numbers = [int(number) for number in re.findall(r"(?<![\w.])\d+(?![\w.])", bound)]
    return bool(NAMES_OF_LIMITS.search(bound)) or any(number >= SHORTEST_CUT for number in numbers)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def is_of_bytes_or_a_list(node: ast.Subscript) -> bool:
    return bool(OF_LISTS.search(ast.unparse(node.value)))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_text_is_cut_by_the_functions_that_mask_it_first(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    if name in CUTTING:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    cuts = {ast.unparse(node) for node in slices(tree) if cuts_text(node) and not is_of_bytes_or_a_list(node)}
    assert {cut for cut in cuts if (name, cut) not in READING} == set(), "use tokenaudit.text.shorten or one_line"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "textwrap.shorten":
            pytest.fail("use tokenaudit.text.shorten")
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            spec = ast.unparse(node.format_spec)
            assert not re.fullmatch(r"f'[^']*\.\d+s?'", spec), f"{spec} cuts text"


def test_the_exceptions_are_still_there() -> None:
    for name, cut in READING:
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        assert cut in {ast.unparse(node) for node in slices(tree)}, (name, cut)


def test_the_rule_sees_what_it_is_for() -> None:
    for cut in ("reason[:300]", "str(error)[:_LONGEST_REASON]", "f'{a}'[:200]", "a[:80]"):
        (node,) = slices(ast.parse(cut))
        assert cuts_text(node)
        assert not is_of_bytes_or_a_list(node)
    for kept in ("mark[:12]", "words[:3]", "h.hexdigest()[:32]", "rows[:_MOST]"):
        (node,) = slices(ast.parse(kept))
        assert not cuts_text(node)
