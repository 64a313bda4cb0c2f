"""Parses PowerShell with its tree-sitter grammar to the same commands as shell scripts.

The value of a statement is printed, so it becomes a `Write-Output`. A call of a .NET method becomes a command with the
name of the method.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import tree_sitter_powershell
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

_DEEPEST = 40
_STEPS = 40
_VARIABLE = re.compile(r"\$(?:\{(?:[A-Za-z]+:)?(\w+)\}|(?:[A-Za-z]+:)?([A-Za-z_]\w*))")
# `--name=$value` is one word to every program, but not to the grammar
_OPTION = re.compile(r"(?<=\s)(--[\w-]{1,80})=(?=[$\"'])")
_WRAPPERS = ("_expression", "expression_with_unary_operator")
_VALUES = frozenset({"sub_expression", "parenthesized_expression", "hash_literal_expression", "array_expression"})
_MEMBERS = frozenset({"invokation_expression", "member_access", "element_access"})
_INNER = frozenset({"pipeline_chain", "assignment_expression"})
_STATEMENTS = frozenset({"program", "statement_list", "pipeline", "statement_block", "ERROR"})
_BLOCKS = frozenset({"statement_block", "else_clause", "elseif_clauses", "script_block", "finally_clause"})
_HARMLESS_MEMBERS = frozenset({"length", "count"})


def parse(text: SpanText, budget: WorkBudget) -> Script:
    """The commands of a script.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    expressions = Expressions(text.value)
    masked = _OPTION.sub(r"\1 ", expressions.masked)
    commands: list[Command] = []
    complaints: list[tuple[int, str]] = []
    for start, end in pieces(masked, "powershell"):
        if end - start > LARGEST:
            complaints.append((start, f"a command is larger than {LARGEST >> 10} KiB"))
            continue
        budget.spend(parse_cost(masked[start:end]))
        reader = _Reader(text.value, masked, expressions, start, end, budget)
        reader.read(_parser().parse(reader.offsets.encoded).root_node, printed=True)
        commands += reader.commands
        if reader.too_deep:
            complaints.append((start, "commands are nested too deeply"))
    return Script(text, tuple(commands), "powershell", tuple(complaints))


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_powershell.language()))


class _Reader:
    """Parses one piece of a script; all returned offsets are relative to the whole script."""

    def __init__(
        self, original: str, masked: str, expressions: Expressions, start: int, end: int, budget: WorkBudget
    ) -> None:
        self.original = original
        self.expressions = expressions
        self.start = start
        self.offsets = Offsets(masked[start:end])
        self.budget = budget
        self.commands: list[Command] = []
        self.too_deep = False
        self._depth = 0

    def read(self, root: Node, *, printed: bool) -> list[Command]:
        """Reads the statements below a node and returns the commands directly in it.

        `printed` is whether the output of a statement is printed.
        """
        if self._depth >= _DEEPEST:
            self.too_deep = True
            return []
        self._depth += 1
        found: list[Command] = []
        pending = [(root, printed)]
        while pending:
            node, shown = pending.pop()
            kinds = {child.type for child in node.named_children}
            if node.type == "assignment_expression":
                found.append(self._assignment(node))
            elif node.type in ("command", "pipeline_chain") or (node.type == "pipeline" and not kinds & _INNER):
                found += self._pipeline(node, printed=shown)
            else:
                # the value of a condition or an argument is not printed; the value of a statement is
                inner = shown if node.type in _STATEMENTS else False
                children = [(child, inner or child.type in _BLOCKS) for child in node.named_children]
                pending.extend(reversed(children))
        self._depth -= 1
        return found

    def _span(self, node: Node) -> tuple[int, int]:
        return self.start + self.offsets.character(node.start_byte), self.start + self.offsets.character(node.end_byte)

    def _raw(self, node: Node) -> str:
        start, end = self._span(node)
        return self.original[start:end]

    def _add(self, node: Node) -> Command:
        self.budget.spend(_STEPS)
        command = Command([], *self._span(node))
        self.commands.append(command)
        return command

    def _assignment(self, node: Node) -> Command:
        command = self._add(node)
        sides = [child for child in node.named_children if child.type != "assignement_operator"]
        name = _VARIABLE.search(self._raw(sides[0])) if sides else None
        if name is not None and len(sides) > 1:
            command.assignments.append((name[1] or name[2], self._word(sides[-1])))
        return command

    def _pipeline(self, node: Node, *, printed: bool) -> list[Command]:
        stages: list[Command] = []
        elements = [node] if node.type == "command" else node.named_children
        for child in elements:
            if child.type in ("redirections", "redirection"):
                for command in stages[-1:]:
                    command.redirects += self._redirects(child)
            elif child.type == "command":
                stages.append(self._command(child))
            elif child.type != "comment":
                stages += self._expression(child, printed=printed or len(elements) > 1)
        for left, right in pairwise(stages):
            left.feeds = right
        return stages

    def _command(self, node: Node) -> Command:
        command = self._add(node)
        for child in node.named_children:
            if child.type in ("command_name", "command_name_expr"):
                command.words.append(self._word(child))
            for element in child.named_children if child.type == "command_elements" else ():
                if element.type == "redirection":
                    command.redirects += self._redirects(element)
                elif element.type == "argument_list" and command.words:
                    continue  # of the method call before it
                elif element.type != "command_argument_sep":
                    command.words.append(self._word(element))
        return command

    def _expression(self, node: Node, *, printed: bool) -> list[Command]:
        """The command for the value of a statement, which is printed or returned by a method."""
        while len(node.named_children) == 1 and node.type not in _VALUES and node.type.endswith(_WRAPPERS):
            node = node.named_children[0]
        if node.type == "cast_expression" and self._raw(node).lower().startswith("[void]"):
            return self._expression(node.named_children[-1], printed=False)
        start, _ = self._span(node)
        types = [child for child in node.named_children if child.type == "type_literal"]
        if node.type == "invokation_expression" and types:
            name = self._raw(node).partition("(")[0].strip()
            arguments = [child for child in node.named_children if child.type == "argument_list"]
            command = self._add(node)
            command.words = [Word(name, name, start), *(self._word(one) for one in arguments)]
            return [command]
        word = self._word(node)
        if not printed or not (word.references or word.substitutions):
            return []
        command = self._add(node)
        command.words = [Word("Write-Output", "Write-Output", start), word]
        return [command]

    def _redirects(self, node: Node) -> list[Redirect]:
        found: list[Redirect] = []
        for one in node.named_children if node.type == "redirections" else [node]:
            operator = next((c for c in one.named_children if c.type == "file_redirection_operator"), None)
            target = next((c for c in one.named_children if c.type == "redirected_file_name"), None)
            if operator is not None and target is not None:
                sign = self._raw(operator).strip()
                arrow = sign.lstrip("0123456789*")
                word = self._word(target)
                found.append(Redirect(arrow, word, sign[: len(sign) - len(arrow)].strip("*")))
        return found

    def _word(self, node: Node) -> Word:
        start, end = self._span(node)
        raw = self.original[start:end]
        start += len(raw) - len(raw.lstrip())
        raw = raw.strip()
        self.budget.spend(_STEPS + len(raw) // 4)
        references: list[Reference] = []
        substitutions: list[Command] = []
        self._refer(node, references, substitutions)
        own = sorted((command.offset, command.end) for command in substitutions)
        references += [one for one in self.expressions.within(start, end) if not nested_in(own, one.offset)]
        references.sort(key=lambda reference: reference.offset)
        return Word(raw, re.sub(r"[\"']|`(?=.)", "", raw), start, tuple(references), tuple(substitutions))

    def _refer(self, root: Node, references: list[Reference], substitutions: list[Command]) -> None:
        """Adds the variables and inner commands of a word."""
        pending = [(root, False)]
        while pending:
            node, cut = pending.pop()
            if node.type in ("variable", "generic_token", "command_name"):
                start, _ = self._span(node)
                references += [
                    Reference(start + match.start(), name=match[1] or match[2], cut=cut, length=len(match[0]))
                    for match in _VARIABLE.finditer(self._raw(node))
                ]
            elif node.type == "script_block_expression":
                self.read(node, printed=True)
            elif node.type == "command":
                commands = self.read(node, printed=False)
                for command in commands:
                    command.captured = True
                substitutions += commands
            elif node.type != "verbatim_string_literal" and not (node.type in _MEMBERS and self._harmless(node)):
                inner = cut or node.type in _MEMBERS
                pending += [(child, inner) for child in reversed(node.named_children)]

    def _harmless(self, node: Node) -> bool:
        members = (self._raw(child).lower() for child in node.named_children if child.type == "member_name")
        return next(members, "") in _HARMLESS_MEMBERS
