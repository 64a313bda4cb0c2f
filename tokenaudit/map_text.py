"""Applies a function to every string in a tree of dataclasses and collections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Literal, TypeAlias, TypeVar

T = TypeVar("T")


def map_text(value: T, change: Callable[[str], str]) -> T:
    """A copy of `value` with `change` applied to every string in it, keys of dicts included.

    `value` is a tree of our dataclasses, tuples, lists, sets and dicts. Parts in which nothing changes are shared with
    the original. Enum members are not changed.
    """
    result: T = _Walk(change).node(value)
    return result


class _Walk:
    """Applies `change` to every string, each only once."""

    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change
        self._known: dict[str, str] = {}

    def text(self, old: str) -> str:
        new = self._known.get(old)
        if new is None:
            new = self._known[old] = self._change(old)
        return old if new == old else new

    def node(self, node: Any) -> Any:  # noqa: ANN401 - any node of the tree
        kind, names = _known_parts.get(type(node)) or _parts(type(node))
        if kind == "leaf":
            return node
        if kind == "text":
            return self.text(node)
        if kind == "fields":
            return self._with_fields(node, names)
        if kind == "mapping":
            return _mapping(node, self.node)
        items = [self.node(item) for item in node]
        return type(node)(items) if any(new is not old for new, old in zip(items, node, strict=True)) else node

    def _with_fields(self, node: Any, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - a dataclass
        changed = {}
        for name in names:
            old = getattr(node, name)
            if old is None or (not old and type(old) is tuple):
                continue  # most fields of most places
            new = self.text(old) if type(old) is str else self.node(old)
            if new is not old:
                changed[name] = new
        return replace(node, **changed) if changed else node


_Parts: TypeAlias = "tuple[Literal['leaf', 'text', 'items', 'mapping', 'fields'], tuple[str, ...]]"
_known_parts: dict[type, _Parts] = {}


def _parts(kind: type) -> _Parts:
    """The kind of a class and the names of its fields, cached by class."""
    found: _Parts = ("leaf", ())
    if issubclass(kind, str) and not issubclass(kind, Enum):
        found = "text", ()
    elif issubclass(kind, (tuple, list, set, frozenset)):
        found = "items", ()
    elif issubclass(kind, Mapping):
        found = "mapping", ()
    elif is_dataclass(kind):
        found = "fields", tuple(field.name for field in fields(kind))
    _known_parts[kind] = found
    return found


def _mapping(node: Mapping[Any, Any], walk: Callable[[Any], Any]) -> Mapping[Any, Any]:
    pairs = [(walk(key), walk(value)) for key, value in node.items()]
    olds = node.items()
    same = all(key is old and value is before for (key, value), (old, before) in zip(pairs, olds, strict=True))
    return node if same else dict(pairs)
