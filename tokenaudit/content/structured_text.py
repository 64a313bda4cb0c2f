"""JSON and YAML of a repository as entries: no objects are constructed, aliases are refused, all keys are kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from tokenaudit.text import size

LARGEST_YAML = 1 << 20
"""Size in bytes of the largest YAML text that is read. PyYAML takes seconds for more; configurations are smaller."""
_LONGEST_NUMBER = 300
_MOST_ENTRIES = 200_000
_DEEPEST = 200
_PLAIN_TAG = "tag:yaml.org,2002:"
_PYTHON_TAG = f"{_PLAIN_TAG}python/"


class UnreadableTextError(Exception):
    """The text can't be read; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A scalar with the keys that lead to it, without list positions.

    `value` is the text as written; numbers, true, false and null of JSON are their JSON text. `tag` is an explicit YAML
    tag.
    """

    path: tuple[str, ...]
    value: str
    line: int | None = None
    tag: str | None = None

    @property
    def key(self) -> str:
        """The innermost key."""
        return self.path[-1] if self.path else ""


def json_entries(text: str) -> list[Entry]:
    """Every scalar of a JSON document, including those of duplicate keys.

    Raises:
        UnreadableTextError: the text is not JSON, or nested too deeply.
    """
    try:
        document = json.loads(text, object_pairs_hook=_Pairs, parse_int=_number, parse_float=_number, strict=False)
    except RecursionError as error:
        message = "JSON is nested too deeply"
        raise UnreadableTextError(message) from error
    except ValueError as error:
        message = f"not valid JSON: {error}"
        raise UnreadableTextError(message) from error
    return list(_json(document))


class _Pairs(list[tuple[str, object]]):
    """A JSON object as its pairs."""


def _number(digits: str) -> str:
    return digits if len(digits) <= _LONGEST_NUMBER else f"a number of {len(digits):,} digits"


def _json(document: object) -> Iterator[Entry]:
    pending: list[tuple[tuple[str, ...], object]] = [((), document)]
    count = 0
    while pending:
        path, value = pending.pop()
        count += 1
        if count > _MOST_ENTRIES:
            message = f"more than {_MOST_ENTRIES:,} values"
            raise UnreadableTextError(message)
        if isinstance(value, _Pairs):
            pending += [((*path, key), inner) for key, inner in reversed(value)]
            if len(path) > _DEEPEST:
                message = "JSON is nested too deeply"
                raise UnreadableTextError(message)
        elif isinstance(value, list):
            pending += [(path, inner) for inner in reversed(value)]
        else:
            yield Entry(path, value if isinstance(value, str) else _json_scalar(value))


def _json_scalar(value: object) -> str:
    return {True: "true", False: "false", None: "null"}.get(value, str(value)) if not isinstance(value, str) else value  # type: ignore[call-overload]


def yaml_entries(text: str, first_line: int = 1) -> list[Entry]:
    """Every scalar of all YAML documents in `text`, including those of duplicate keys.

    Raises:
        UnreadableTextError: the text is not YAML, has aliases, is too large or nested too deeply.
    """
    return _read_yaml(text, first_line).entries


def duplicate_keys(text: str, first_line: int = 1) -> list[Entry]:
    """The duplicate keys of mappings in the YAML; the value of each entry is empty.

    Raises:
        UnreadableTextError: see `yaml_entries`.
    """
    return _read_yaml(text, first_line).duplicates


def _read_yaml(text: str, first_line: int) -> _YamlReader:
    if len(text) > LARGEST_YAML:
        message = f"{size(len(text))} of YAML, more than {size(LARGEST_YAML)}"
        raise UnreadableTextError(message)
    reader = _YamlReader(first_line)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            reader.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {first_line + mark.line})" if mark is not None else ""
        message = f"not valid YAML{line}"
        raise UnreadableTextError(message) from error
    except RecursionError as error:
        message = "YAML is nested too deeply"
        raise UnreadableTextError(message) from error
    return reader


@dataclass
class _Frame:
    """A mapping or sequence that is being read. `key` is the key of the next value."""

    path: tuple[str, ...]
    is_mapping: bool
    key: str | None = None
    in_key: bool = False
    """Whether a key that is itself a mapping or sequence is being read."""
    seen: set[str] = field(default_factory=set)

    @property
    def expects_key(self) -> bool:
        return self.is_mapping and self.key is None


class _YamlReader:
    """Collects entries from parser events, without a tree and without recursion."""

    def __init__(self, first_line: int) -> None:
        self.entries: list[Entry] = []
        self.duplicates: list[Entry] = []
        self._first_line = first_line
        self._stack: list[_Frame] = []

    def take(self, event: yaml.Event) -> None:
        """Takes the next event."""
        line = self._first_line + (event.start_mark.line if event.start_mark is not None else 0)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            message = f"YAML anchors and aliases are not followed (line {line})"
            raise UnreadableTextError(message)
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()
            self._complete()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._start(event, line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        frame = self._stack[-1] if self._stack else None
        tag = event.tag if event.tag and event.tag != "!" else None
        if frame is None or not frame.expects_key:
            self.entries.append(Entry(self._path(), event.value, line, tag))
            self._complete()
            return
        if event.value in frame.seen:
            self.duplicates.append(Entry((*frame.path, event.value), "", line))
        frame.seen.add(event.value)
        frame.key = event.value
        if tag is not None:
            self.entries.append(Entry((*frame.path, event.value), "", line, tag))

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        if event.tag and event.tag != "!":
            self.entries.append(Entry(self._path(), "", line, event.tag))
        if len(self._stack) > _DEEPEST:
            message = "YAML is nested too deeply"
            raise UnreadableTextError(message)
        path = self._path()
        if self._stack and self._stack[-1].expects_key:
            self._stack[-1].key, self._stack[-1].in_key = "?", True
        self._stack.append(_Frame(path, isinstance(event, yaml.MappingStartEvent)))

    def _path(self) -> tuple[str, ...]:
        if not self._stack:
            return ()
        frame = self._stack[-1]
        return frame.path if frame.key is None else (*frame.path, frame.key)

    def _complete(self) -> None:
        """Ends a value: drops its key; a mapping or sequence that is itself a key waits for its value."""
        if self._stack and self._stack[-1].is_mapping:
            frame = self._stack[-1]
            if frame.in_key:
                frame.in_key = False
            else:
                frame.key = None


def is_python_tag(tag: str | None) -> bool:
    """Whether a YAML tag makes an unsafe loader import or call something."""
    return tag is not None and (tag.startswith((_PYTHON_TAG, "!python/")) or "python/object" in tag)


def new_entries(after: Sequence[Entry], before: Sequence[Entry]) -> list[Entry]:
    """Entries of `after` that are not in `before`, at any list position."""
    known = Counter((one.path, one.value, one.tag) for one in before)
    found = []
    for one in after:
        key = one.path, one.value, one.tag
        if known[key] > 0:
            known[key] -= 1
        else:
            found.append(one)
    return found


def front_matter(text: str) -> tuple[str, int] | None:
    """The YAML at the beginning of a card, and its first line; None if there is none."""
    lines = text.removeprefix("\ufeff").split("\n")
    if not lines or lines[0].rstrip() != "---":
        return None
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() in {"---", "..."}:
            return "\n".join(lines[1:number]), 2
    return None
