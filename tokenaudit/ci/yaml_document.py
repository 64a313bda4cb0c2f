"""Parses YAML to a tree of scalars with positions, with limits for hostile files.

Built from libyaml's events instead of `compose`: PyYAML's C composer recurses without a limit, so a few thousand nested
brackets crash the process. Keys stay strings (`on:` is not `True`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from tokenaudit.ci.shell import Segment, SpanText
from tokenaudit.text import shorten
from tokenaudit.work_budget import WorkBudget

_DEEPEST = 100
_MOST_ALIASED = 20_000
_LONGEST_PATH = 400
_FOLDED = 2_000
"""Maximum distance in characters between the end of a scalar's line and its next line."""
_FEW = 8
_STEPS = 50
"""Steps of the work budget per node."""
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_MERGE = "<<"


class ParseError(Exception):
    """A file that can't be parsed. `line` counts from 1 and is None if the line is unknown."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Scalar:
    """One scalar. `style` is None (plain), a quote, `|` or `>`."""

    text: SpanText
    line: int
    column: int
    style: str | None = None

    @property
    def value(self) -> str:
        """The value of the scalar as a string, without YAML types."""
        return self.text.value


@dataclass
class Sequence:
    """A list of nodes."""

    where: str
    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass
class Mapping:
    """Entries in the order of the file; `get` returns the last entry of a key, like most parsers."""

    where: str
    line: int
    column: int
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    _last: dict[str, tuple[Scalar, Node]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The last entry of each key, built on the first lookup; `entries` must not change afterwards."""

    def _entry(self, key: str) -> tuple[Scalar, Node] | None:
        if len(self.entries) <= _FEW:
            return next((entry for entry in reversed(self.entries) if entry[0].value == key), None)
        if not self._last:
            self._last.update((entry[0].value, entry) for entry in self.entries)
        return self._last.get(key)

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        entry = self._entry(key)
        return None if entry is None else entry[1]

    def key(self, key: str) -> Scalar | None:
        """The key itself, with its place."""
        entry = self._entry(key)
        return None if entry is None else entry[0]

    def map(self, key: str) -> Mapping | None:
        """The value of `key` if it is a mapping."""
        value = self.get(key)
        return value if isinstance(value, Mapping) else None

    def scalar(self, key: str) -> Scalar | None:
        """The value of `key` if it is a scalar."""
        value = self.get(key)
        return value if isinstance(value, Scalar) else None

    def string(self, key: str) -> str | None:
        """The value of `key` as a string, if it is a scalar."""
        value = self.scalar(key)
        return None if value is None else value.value

    def items(self, key: str) -> list[Node]:
        """The items of the list at `key`; one item if the value is not a list, none if it is missing."""
        value = self.get(key)
        if value is None:
            return []
        return value.items if isinstance(value, Sequence) else [value]


Node: TypeAlias = Scalar | Mapping | Sequence


@dataclass(frozen=True)
class YamlDocument:
    """One document of a file, with the duplicate keys seen in it as (key, line)."""

    root: Node
    duplicates: tuple[tuple[str, int], ...] = ()


def documents(text: str, budget: WorkBudget) -> list[YamlDocument]:
    """All documents of a YAML file.

    Raises:
        UnreadableError: the file is not YAML, is nested too deeply, or has aliases that expand too much.
        WorkLimitError: more work than `budget` allows.
    """
    return list(_Reader(text, budget).documents())


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in the order of the file."""
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        if isinstance(one, Sequence):
            pending.extend(reversed(one.items))
        elif isinstance(one, Mapping):
            pending.extend(value for _, value in reversed(one.entries))


@dataclass
class _Raw:
    """A node as built from events, before aliases are expanded and paths are known."""

    start: yaml.NodeEvent
    children: list[tuple[_Raw, bool]] = field(default_factory=list)
    """Each child, and whether it was an alias."""


class _Reader:
    def __init__(self, text: str, budget: WorkBudget) -> None:
        self.lines = _LINE_BREAK.split(text)
        self.text = text
        self.budget = budget
        self.aliased = 0
        self.duplicates: list[tuple[str, int]] = []

    def documents(self) -> Iterator[YamlDocument]:
        try:
            for raw in self._raw_documents():
                self.duplicates = []
                root = self._node(raw, "", 0, aliased=False)
                yield YamlDocument(root, tuple(self.duplicates))
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            reason = "not valid YAML: " + (problem.problem or problem.context or "cannot be parsed")
            raise ParseError(reason, None if mark is None else mark.line + 1) from None
        except yaml.reader.ReaderError as problem:
            line = self.text.count("\n", 0, problem.position or 0) + 1
            reason = "not valid YAML: invalid character"
            raise ParseError(reason, line) from None

    def _raw_documents(self) -> Iterator[_Raw]:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        stack: list[_Raw] = []
        anchors: dict[str, _Raw] = {}
        for event in yaml.parse(self.text, Loader=loader):
            if isinstance(event, yaml.DocumentStartEvent):
                anchors = {}
            elif isinstance(event, yaml.CollectionEndEvent):
                done = stack.pop()
                if not stack:
                    yield done
            elif isinstance(event, yaml.NodeEvent):
                raw = _placed(event, anchors, stack)
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append(raw)
                elif not stack:
                    yield raw

    def _node(self, raw: _Raw, where: str, depth: int, *, aliased: bool) -> Node:
        event = raw.start
        line, column = _position(event)
        self.aliased += aliased
        self.budget.spend(_STEPS)
        if depth > _DEEPEST or self.aliased > _MOST_ALIASED:
            reason = "aliases expand to too many nodes"
            raise ParseError(reason, line)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, where)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(raw, where, depth, aliased=aliased)
        items = [
            self._node(child, _path(where, str(index)), depth + 1, aliased=aliased or alias)
            for index, (child, alias) in enumerate(raw.children)
        ]
        return Sequence(where, line, column, items)

    def _mapping(self, raw: _Raw, where: str, depth: int, *, aliased: bool) -> Mapping:
        mapping = Mapping(where, *_position(raw.start))
        merged: list[tuple[Scalar, Node]] = []
        known: set[str] = set()
        for (key_raw, _), (value_raw, alias) in zip(raw.children[::2], raw.children[1::2], strict=True):
            key = self._key(key_raw, where)
            path = _path(where, key.value)
            if key.value == _MERGE and key.style is None:
                value = self._node(value_raw, where, depth + 1, aliased=aliased or alias)
                for source in value.items if isinstance(value, Sequence) else [value]:
                    merged.extend(source.entries if isinstance(source, Mapping) else [])
                self.budget.spend(len(merged))
                continue
            if key.value in known and not aliased:
                self.duplicates.append((key.value, key.line))
            known.add(key.value)
            mapping.entries.append((key, self._node(value_raw, path, depth + 1, aliased=aliased or alias)))
        mapping.entries[:0] = [entry for entry in merged if entry[0].value not in known]
        return mapping

    def _key(self, raw: _Raw, where: str) -> Scalar:
        if isinstance(raw.start, yaml.ScalarEvent):
            return self._scalar(raw.start, where)
        line, column = _position(raw.start)
        return Scalar(SpanText("", where, ((0, line, column),)), line, column)

    def _scalar(self, event: yaml.ScalarEvent, where: str) -> Scalar:
        line, column = _position(event)
        last = line if event.end_mark is None else event.end_mark.line + 1
        style = event.style or None
        if style not in ("|", ">") and last == line:
            segments: tuple[Segment, ...] = ((0, line, column + (style in ("'", '"'))),)
        else:
            block = style in ("|", ">")
            segments = self._segments(event.value, line - 1 + block, last - 1, 0 if block else column - 1)
        return Scalar(SpanText(event.value, where, segments or ((0, line, column),)), line, column, style)

    def _segments(self, value: str, first: int, last: int, start: int) -> tuple[Segment, ...]:
        """Positions of the words of each source line in the value, for scalars of several lines."""
        segments: list[Segment] = []
        offset = passed = 0
        for number in range(first, min(last + 1, len(self.lines))):
            raw = self.lines[number]
            content = raw[start if number == first else 0 :].strip()
            content = content.strip("\"'") if number in (first, last) and start else content
            reach = offset + min(passed, _FOLDED) + len(raw) + 1
            found = value.find(content, offset, reach) if content else -1
            passed += len(raw) + 1
            if found >= 0:
                segments.append((found, number + 1, raw.find(content, start if number == first else 0) + 1))
                offset = found + len(content)
                passed = 0
        if segments and segments[0][0]:
            indent = max(segments[0][2] - segments[0][0], 1)
            segments.insert(0, (0, segments[0][1], indent))
        return tuple(segments)


def _path(where: str, key: str) -> str:
    """The dotted path to `key`; very long paths are shortened, since many nodes store one."""
    path = f"{where}.{key}" if where else key
    return path if len(path) <= _LONGEST_PATH else shorten(path, _LONGEST_PATH)


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _placed(event: yaml.NodeEvent, anchors: dict[str, _Raw], stack: list[_Raw]) -> _Raw:
    """The node that an event begins or its alias refers to, added to the innermost open collection."""
    line, _ = _position(event)
    if len(stack) >= _DEEPEST:
        reason = f"nested more than {_DEEPEST} levels deep"
        raise ParseError(reason, line)
    alias = isinstance(event, yaml.AliasEvent)
    anchor = event.anchor or ""
    if alias and (anchor not in anchors or not stack):
        reason = f"alias *{anchor} has no anchor"
        raise ParseError(reason, line)
    raw = anchors[anchor] if alias else _Raw(event)
    if anchor and not alias:
        anchors[anchor] = raw
    if stack:
        stack[-1].children.append((raw, alias))
    return raw
