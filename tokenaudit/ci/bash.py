"""Parses shell text with tree-sitter's bash grammar, which continues after syntax errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import tree_sitter_bash
from tree_sitter import Language, Parser

from tokenaudit.ci.shell import (
    LARGEST,
    Command,
    Expressions,
    Offsets,
    Redirect,
    Reference,
    Script,
    SpanText,
    Word,
    nested_in,
    parse_cost,
    pieces,
)
from tokenaudit.work_budget import WorkBudget

if TYPE_CHECKING:
    from tree_sitter import Node

_DEEPEST = 60
"""Maximum depth of nested substitutions, pipelines and redirections."""
_STEPS = 40
"""Steps of the work budget per command or word."""
_CUT = re.compile(r"(?<!\\)\$([A-Za-z_]\w*)")
_HARMLESS_OPERATORS = frozenset({":+", "+", "#"})
_CUTTING_OPERATORS = frozenset({":", "%", "%%", "##", "/", "//"})


class _TooDeepError(Exception):
    """Commands are nested deeper than `_DEEPEST`."""


def parse(text: SpanText, budget: WorkBudget) -> Script:
    """The commands of a script.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    expressions = Expressions(text.value)
    commands: list[Command] = []
    complaints: list[tuple[int, str]] = []
    for start, end in pieces(expressions.masked, "bash"):
        if end - start > LARGEST:
            complaints.append((start, f"a command is larger than {LARGEST >> 10} KiB"))
            continue
        budget.spend(parse_cost(expressions.masked[start:end]))
        reader = _Reader(text.value, expressions, start, end, budget)
        try:
            reader.read(_parser().parse(reader.offsets.encoded).root_node)
        except _TooDeepError:
            complaints.append((start, "commands are nested too deeply"))
        commands += reader.commands
    return Script(text, tuple(commands), "bash", tuple(complaints))


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


class _Reader:
    """Parses one piece of a script; all returned offsets are relative to the whole script."""

    def __init__(self, original: str, expressions: Expressions, start: int, end: int, budget: WorkBudget) -> None:
        self.original = original
        self.expressions = expressions
        self.start = start
        self.offsets = Offsets(expressions.masked[start:end])
        self.budget = budget
        self.commands: list[Command] = []
        self._depth = 0

    def read(self, root: Node) -> list[Command]:
        """Parses all descendants of the node; returns its direct commands, with pipelines joined."""
        handlers = {
            "command": self._command,
            "declaration_command": self._command,
            "unset_command": self._command,
            "test_command": self._test,
            "variable_assignment": self._bare_assignment,
            "redirected_statement": self._redirected,
            "pipeline": self._pipeline,
        }
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _TooDeepError
        found: list[Command] = []
        pending = [root]
        while pending:
            node = pending.pop()
            handler = handlers.get(node.type)
            if handler is None:
                pending.extend(reversed(node.named_children))
            else:
                found.extend(handler(node))
        self._depth -= 1
        return found

    def _span(self, node: Node) -> tuple[int, int]:
        return self.start + self.offsets.character(node.start_byte), self.start + self.offsets.character(node.end_byte)

    def _add(self, node: Node) -> Command:
        self.budget.spend(_STEPS)
        command = Command([], *self._span(node))
        self.commands.append(command)
        return command

    def _command(self, node: Node) -> list[Command]:
        command = self._add(node)
        declares = node.type != "command"
        parts: list[Node] = []
        for child in node.children:
            if child.type == "variable_assignment":
                name, word = self._assignment(child)
                command.assignments.append((name, word))
            elif child.type.endswith("_redirect"):
                command.redirects.extend(self._redirects(child))
            elif child.is_named or declares:
                if parts and parts[-1].end_byte != child.start_byte:
                    command.words.append(self._joined(parts))
                    parts = []
                parts.append(child)
        if parts:
            command.words.append(self._joined(parts))
        return [command]

    def _test(self, node: Node) -> list[Command]:
        command = self._add(node)
        start, _ = self._span(node)
        command.words.append(Word("[", "[", start))
        for child in node.named_children:
            command.words.append(self._word(child))
        return [command]

    def _assignment(self, node: Node) -> tuple[str, Word]:
        name = node.child_by_field_name("name")
        value = node.child_by_field_name("value")
        label = "" if name is None or name.text is None else name.text.decode("utf-8", "replace")
        if value is None:
            return label, Word("", "", self._span(node)[1])
        return label, self._word(value)

    def _bare_assignment(self, node: Node) -> list[Command]:
        command = self._add(node)
        command.assignments.append(self._assignment(node))
        return [command]

    def _redirected(self, node: Node) -> list[Command]:
        body = node.child_by_field_name("body")
        inner = self.read(body) if body is not None else [self._add(node)]
        redirects: list[Redirect] = []
        for child in node.children:
            if child.type.endswith("_redirect"):
                redirects.extend(self._redirects(child))
        # `{ a; b; } > file` redirects them all; in a pipeline only its last command
        redirected = inner[-1:] if body is not None and body.type == "pipeline" else inner
        self.budget.spend(len(redirected) * len(redirects))
        for command in redirected:
            command.redirects.extend(redirects)
        return inner

    def _redirects(self, node: Node) -> Iterator[Redirect]:
        descriptor = next((self._raw(child) for child in node.children if child.type == "file_descriptor"), "")
        operator = next((child.type for child in node.children if not child.is_named), ">")
        if node.type == "heredoc_redirect":
            start = next((self._raw(child) for child in node.children if child.type == "heredoc_start"), "")
            for child in node.children:
                if child.type == "heredoc_body":
                    yield Redirect("<<", self._word(child, quoted=start[:1] in ("'", '"', "\\")))
                elif child.type.endswith("_redirect"):
                    yield from self._redirects(child)
                elif child.type == "pipeline" or child.type.endswith("command"):
                    self.read(child)
            return
        words = [child for child in node.named_children if child.type != "file_descriptor"]
        for child in words[:1]:
            yield Redirect("<<<" if node.type == "herestring_redirect" else operator, self._word(child), descriptor)

    def _pipeline(self, node: Node) -> list[Command]:
        stages = [self.read(child) for child in node.named_children if child.type != "comment"]
        stages = [stage for stage in stages if stage]
        for left, right in pairwise(stages):
            for command in left:
                command.feeds = right[0]
        return [command for stage in stages for command in stage]

    def _raw(self, node: Node) -> str:
        start, end = self._span(node)
        return self.original[start:end]

    def _word(self, node: Node, *, quoted: bool = False) -> Word:
        return self._joined([node], quoted=quoted)

    def _joined(self, nodes: list[Node], *, quoted: bool = False) -> Word:
        """One word; the grammar splits some in two (such as `/$A/$B`) and then omits their variables."""
        start, end = self._span(nodes[0])[0], self._span(nodes[-1])[1]
        raw = self.original[start:end]
        self.budget.spend(_STEPS + len(raw) // 4)
        references: list[Reference] = []
        substitutions: list[Command] = []
        if not quoted:
            for node in nodes:
                self._refer(node, references, substitutions)
        if len(nodes) > 1:
            known = {reference.offset for reference in references}
            references += [
                Reference(start + match.start(), name=match[1], length=len(match[0]))
                for match in _CUT.finditer(raw)
                if start + match.start() not in known
            ]
        own = sorted((command.offset, command.end) for command in substitutions)
        references += [one for one in self.expressions.within(start, end) if not nested_in(own, one.offset)]
        references.sort(key=lambda reference: reference.offset)
        return Word(raw, _unquoted(raw), start, tuple(references), tuple(substitutions))

    def _refer(self, root: Node, references: list[Reference], substitutions: list[Command]) -> None:
        """Adds the variables and substituted commands of a word."""
        pending = [root]
        while pending:
            node = pending.pop()
            if node.type in ("simple_expansion", "expansion"):
                name = next((child for child in node.children if child.type == "variable_name"), None)
                operators = {child.type for child in node.children if not child.is_named}
                if name is not None and not operators & _HARMLESS_OPERATORS:
                    start, end = self._span(node)
                    cut = bool(operators & _CUTTING_OPERATORS)
                    references.append(Reference(start, name=self._raw(name), cut=cut, length=end - start))
                pending.extend(child for child in reversed(node.named_children) if child.type != "variable_name")
            elif node.type in ("command_substitution", "process_substitution"):
                for child in node.named_children:
                    for command in self.read(child):
                        command.captured = True
                        substitutions.append(command)
            elif node.type != "raw_string":
                pending.extend(reversed(node.named_children))


def _unquoted(raw: str) -> str:
    """The word as passed to the program, as far as this is known statically."""
    if len(raw) > 1 and raw[0] == raw[-1] == "'":
        return raw[1:-1]
    return re.sub(r"\\\n|(?<!\\)[\"']", "", raw)
