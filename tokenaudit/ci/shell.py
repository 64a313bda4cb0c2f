"""Shell text as commands: what is run, with which words, redirected where, and which variables it uses.

The grammar is tree-sitter's bash, which goes on after what it can't read; so a broken line costs only itself.
CI expressions such as `${{ secrets.X }}` are no shell: they are masked by a word of the same length before parsing
and put back as references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from tokenaudit.ci.source_span import SpanText

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

# written so that a file of nothing but `${{` costs no more than its length
EXPRESSION = re.compile(r"\$\{\{((?:[^$}]|\$(?!\{\{)|\}(?!\}))*)\}\}")
_CUT = re.compile(r"(?<!\\)\$([A-Za-z_]\w*)")
_HARMLESS_OPERATORS = frozenset({":+", "+", "#"})


@dataclass(frozen=True)
class Reference:
    """A use of a variable (`name`) or of a CI expression (`expression`, its text without the braces)."""

    offset: int
    name: str | None = None
    expression: str | None = None
    cut: bool = False
    """Whether only a piece of the value is taken, as in `${X:0:4}`."""


@dataclass(frozen=True)
class Word:
    """One word of a command: as written (`raw`), and without its quotes (`value`)."""

    raw: str
    value: str
    offset: int
    references: tuple[Reference, ...] = ()
    substitutions: tuple[Command, ...] = ()
    """Commands whose output becomes part of the word."""


@dataclass(frozen=True)
class Redirect:
    """`operator` is `>`, `>>`, `<`, `<<<`, `<<` …; for `<<` the word is the document itself."""

    operator: str
    word: Word
    descriptor: str = ""


@dataclass
class Command:
    """One simple command. `captured` says that a substitution takes its output."""

    words: list[Word]
    offset: int
    end: int
    assignments: list[tuple[str, Word]] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    captured: bool = False
    feeds: Command | None = None
    """The command that its output is piped into."""
    fed_by: Command | None = None

    @property
    def name(self) -> str:
        """The program without its folder; empty for a bare assignment."""
        return self.words[0].value.rsplit("/", 1)[-1] if self.words else ""

    @property
    def arguments(self) -> list[str]:
        """The words after the program, without quotes."""
        return [word.value for word in self.words[1:]]


@dataclass(frozen=True)
class Script:
    """Commands in the order they are written, substituted ones after the command that holds them."""

    text: SpanText
    commands: tuple[Command, ...]
    language: str = "bash"
    complaint: str = ""
    """Why the commands could not be read, where they could not."""


def parse(text: SpanText, language: str = "bash") -> Script:
    """The commands of a shell script; none for a language that is no shell, where only the text can be looked at."""
    if language != "bash":
        return Script(text, (), language)
    masked = EXPRESSION.sub(_mask, text.value)
    reader = _Reader(text.value, masked)
    try:
        reader.read(_parser().parse(reader.encoded).root_node)
    except RecursionError:
        return Script(text, (), language, "its commands are nested too deeply to be read")
    return Script(text, tuple(reader.commands), language)


def _mask(match: re.Match[str]) -> str:
    return "".join("\n" if char == "\n" else "Q" for char in match.group())


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_bash  # noqa: PLC0415 - loaded only once a script is met
    from tree_sitter import Language, Parser  # noqa: PLC0415 - loaded only once a script is met

    return Parser(Language(tree_sitter_bash.language()))


class _Reader:
    def __init__(self, original: str, masked: str) -> None:
        self.original = original
        self.commands: list[Command] = []
        self.expressions = [(m.start(), m.end(), m.group(1).strip()) for m in EXPRESSION.finditer(original)]
        encoded = masked.encode("utf-8", "replace")
        self.ascii = len(encoded) == len(masked)
        self.encoded = encoded

    def read(self, node: Node) -> list[Command]:
        """Reads everything below the node; gives the commands that stand directly in it, pipelines joined."""
        handler = {
            "command": self._command,
            "declaration_command": self._command,
            "unset_command": self._command,
            "test_command": self._test,
            "variable_assignment": self._bare_assignment,
            "redirected_statement": self._redirected,
            "pipeline": self._pipeline,
        }.get(node.type)
        if handler is not None:
            return handler(node)
        found: list[Command] = []
        for child in node.named_children:
            found.extend(self.read(child))
        return found

    def _offset(self, byte: int) -> int:
        return byte if self.ascii else len(self.encoded[:byte].decode("utf-8", "replace"))

    def _span(self, node: Node) -> tuple[int, int]:
        return self._offset(node.start_byte), self._offset(node.end_byte)

    def _add(self, node: Node) -> Command:
        command = Command([], *self._span(node))
        self.commands.append(command)
        return command

    def _command(self, node: Node) -> list[Command]:
        command = self._add(node)
        declares = node.type != "command"
        for child in node.children:
            if child.type == "variable_assignment":
                name, word = self._assignment(child)
                command.assignments.append((name, word))
            elif child.type.endswith("_redirect"):
                command.redirects.extend(self._redirects(child))
            elif child.is_named or declares:
                _append(command.words, self._word(child))
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
            return label, Word("", "", self._offset(node.end_byte))
        return label, self._word(value)

    def _bare_assignment(self, node: Node) -> list[Command]:
        command = self._add(node)
        command.assignments.append(self._assignment(node))
        return [command]

    def _redirected(self, node: Node) -> list[Command]:
        body = node.child_by_field_name("body")
        inner = self.read(body) if body is not None else [self._add(node)]
        for child in node.children:
            if child.type.endswith("_redirect") and inner:
                redirects = list(self._redirects(child))
                # `{ a; b; } > file` redirects them all; in a pipeline only its last command
                piped = body is not None and body.type == "pipeline"
                for command in inner[-1:] if piped else inner:
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
            right[0].fed_by = left[-1]
        return [command for stage in stages for command in stage]

    def _raw(self, node: Node) -> str:
        start, end = self._span(node)
        return self.original[start:end]

    def _word(self, node: Node, *, quoted: bool = False) -> Word:
        start, end = self._span(node)
        raw = self.original[start:end]
        references: list[Reference] = []
        substitutions: list[Command] = []
        if not quoted:
            self._refer(node, references, substitutions)
        own = {(command.offset, command.end) for command in substitutions}
        references.extend(
            Reference(at, expression=inner)
            for at, stop, inner in self.expressions
            if start <= at and stop <= end and not any(low <= at < high for low, high in own)
        )
        return Word(raw, _unquoted(raw), start, tuple(references), tuple(substitutions))

    def _refer(self, node: Node, references: list[Reference], substitutions: list[Command]) -> None:
        if node.type in ("simple_expansion", "expansion"):
            name = next((child for child in node.children if child.type == "variable_name"), None)
            operators = {child.type for child in node.children if not child.is_named}
            if name is not None and not operators & _HARMLESS_OPERATORS:
                cut = any(op in operators for op in (":", "%", "%%", "##", "/", "//"))
                references.append(Reference(self._offset(node.start_byte), name=self._raw(name), cut=cut))
            for child in node.named_children:
                if child.type != "variable_name":
                    self._refer(child, references, substitutions)
        elif node.type in ("command_substitution", "process_substitution"):
            for child in node.named_children:
                for command in self.read(child):
                    command.captured = True
                    substitutions.append(command)
        elif node.type != "raw_string":
            for child in node.named_children:
                self._refer(child, references, substitutions)


def _append(words: list[Word], word: Word) -> None:
    """Adds a word; where the grammar has cut one word in two (it does at `/$A/$B`), they become one again."""
    last = words[-1] if words else None
    if last is None or last.offset + len(last.raw) != word.offset:
        words.append(word)
        return
    raw = last.raw + word.raw
    known = {*last.references, *word.references}
    taken = {reference.offset for reference in known}
    known |= {
        Reference(last.offset + match.start(), name=match[1])
        for match in _CUT.finditer(raw)
        if last.offset + match.start() not in taken
    }
    references = tuple(sorted(known, key=lambda reference: reference.offset))
    substitutions = last.substitutions + word.substitutions
    words[-1] = Word(raw, _unquoted(raw), last.offset, references, substitutions)


def _unquoted(raw: str) -> str:
    """The word as the program gets it, as far as that can be told without running anything."""
    if len(raw) > 1 and raw[0] == raw[-1] == "'":
        return raw[1:-1]
    return re.sub(r"\\\n|(?<!\\)[\"']", "", raw)
