"""One change made to every text of a report."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def map_text(value: T, change: Callable[[str], str]) -> T:
    """A copy of `value`, a tree of our dataclasses and tuples, with `change` applied to every string in it.

    Parts in which nothing changes are shared with the original. Enum members are names of ours, not texts.
    """
    known: dict[str, str] = {}

    def text(old: str) -> str:
        if old not in known:
            known[old] = change(old)
        new = known[old]
        return old if new == old else new

    def walk(node: Any) -> Any:  # noqa: ANN401 - any node of the tree
        if isinstance(node, Enum):
            return node
        if isinstance(node, str):
            return text(node)
        if isinstance(node, tuple):
            items = tuple(walk(item) for item in node)
            return items if any(new is not old for new, old in zip(items, node, strict=True)) else node
        if is_dataclass(node) and not isinstance(node, type):
            changed = {}
            for field in fields(node):
                old = getattr(node, field.name)
                new = walk(old)
                if new is not old:
                    changed[field.name] = new
            return replace(node, **changed) if changed else node
        return node

    result: T = walk(value)
    return result
