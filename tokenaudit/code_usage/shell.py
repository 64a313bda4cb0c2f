"""Needs of shell text: scripts, Dockerfiles, Makefiles, `run:` blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from itertools import product

from tokenaudit.code_usage.command_line import Remotes
from tokenaudit.code_usage.commands import command_needs
from tokenaudit.code_usage.model import Need, Needs, unique
from tokenaudit.model import Evidence

_WORTH_READING = re.compile(
    r"\bhf\b|hugging|hub_model_id|push.to.hub|model.name.or.path|\bvllm\b|--model-id|hf\.space|hf\.co"
)
_UNKNOWN = "\ufffd"
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")
_EXPRESSION = re.compile(r"\$\{\{\s*(?:env\.(\w+)|[^}]*)\s*\}\}")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_ASSIGNMENT = re.compile(r"(?:export\s+|ENV\s+|ARG\s+|readonly\s+|local\s+)?(\w+)\s*[:?]?=\s*(.*)$")
_LOOP = re.compile(r"for\s+(\w+)\s+in\s+(.+?)\s*(?:;|$)")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_SEPARATORS = frozenset({";", "&&", "||", "|", "&", "(", ")", ";;", "|&"})
_PYTHON = re.compile(r"(?:^|[\s;&|])python3?\s+(?:-\s|-$|<<)")
_LONGEST_QUOTE = 60

Python = Callable[[str, bytes], Needs]


def shell_needs(
    path: str, text: str, *, first_line: int = 1, known: Mapping[str, str] | None = None, python: Python | None = None
) -> Needs:
    """What shell text needs. `known` are variables set around it; `python` reads Python handed to an interpreter."""
    if not _WORTH_READING.search(text):
        return Needs()
    script = _Script(path, first_line, dict(known or {}), python)
    return Needs(unique(script.read(text)), tuple(script.skipped))


def line_needs(text: str) -> Iterator[Need]:
    """What one line of shell needs, without variables."""
    for words, sure in _commands(text):
        yield from (n if sure else n.doubted() for n in command_needs(words))


class _Script:
    def __init__(self, path: str, first_line: int, known: dict[str, str], python: Python | None) -> None:
        self._path = path
        self._first = first_line
        self._variables: dict[str, tuple[str, ...]] = {k: (v,) for k, v in known.items()}
        self._python = python
        self._remotes = Remotes()
        self.skipped: list[str] = []

    def read(self, text: str) -> Iterator[Evidence]:
        lines = text.splitlines()
        number = 0
        while number < len(lines):
            start = number
            line, number = _logical(lines, number)
            heredoc = _HEREDOC.search(line)
            if heredoc and "<<<" not in line:
                end = next((i for i in range(number, len(lines)) if lines[i].strip() == heredoc[2]), len(lines))
                yield from self._body(line, lines[number:end], number)
                number = min(end + 1, len(lines))
                line = line[: heredoc.start()]
            yield from self._line(line, self._first + start)

    def _body(self, line: str, body: list[str], start: int) -> Iterator[Evidence]:
        if self._python and _PYTHON.search(line):
            yield from self._embedded("\n".join(body), self._first + start - 1)
        elif re.match(r"\s*RUN\b|.*\b(?:ba)?sh\b", line):
            for offset, text in enumerate(body):
                yield from self._line(text, self._first + start + offset)

    def _embedded(self, code: str, offset: int) -> Iterator[Evidence]:
        if self._python is None:
            return
        found = self._python(self._path, code.encode())
        self.skipped += found.skipped
        for item in found.evidence:
            yield Evidence(item.need, item.certainty, item.path, (item.line or 1) + offset, item.what, item.entity)

    def _line(self, line: str, number: int) -> Iterator[Evidence]:
        line = _without_build_words(line)
        loop = _LOOP.search(line)
        if loop:
            items = tuple(w for w in re.split(r"[\s\"']+", loop[2]) if w and not re.search(r"[$*{]", w))
            self._variables[loop[1]] = items
        assignment = _ASSIGNMENT.fullmatch(line.strip())
        if assignment:
            self._assign(assignment[1], assignment[2])
        for inner in _SUBSTITUTION.finditer(line):
            yield from self._line(inner[1] or inner[2] or "", number)
        for text, sure in self._expanded(line):
            for words, parsed in _commands(text):
                yield from self._command(words, number, sure=sure and parsed)

    def _command(self, words: list[str], number: int, *, sure: bool) -> Iterator[Evidence]:
        for need in (*command_needs(words), *self._remotes.needs(words)):
            yield (need if sure else need.doubted()).at(self._path, number, _shown(words, need))
        if self._python and "-c" in words and re.search(r"python3?$", words[0]):
            code = words[words.index("-c") + 1 :][:1]
            yield from self._embedded(code[0] if code else "", number - 1)

    def _assign(self, name: str, value: str) -> None:
        value = value.strip().strip("\"'")
        options = [text for text, sure in self._expanded(value) if sure and _UNKNOWN not in text]
        self._variables[name] = tuple(options)

    def _expanded(self, text: str) -> Iterator[tuple[str, bool]]:
        """`text` with its variables filled in, once for each combination of what they can be."""
        text = _EXPRESSION.sub(lambda m: f"${{{m[1]}}}" if m[1] else _UNKNOWN, text)
        text = _SUBSTITUTION.sub(_UNKNOWN, text)
        names = {m[1] or m[3]: m[2] for m in _VARIABLE.finditer(text)}
        choices = []
        sure = True
        for name, default in names.items():
            options = self._variables.get(name, ())
            if not options and default:
                options, sure = (default,), False
            choices.append(options or (_UNKNOWN,))
        for chosen in product(*choices):
            values = dict(zip(names, chosen, strict=True))
            yield _VARIABLE.sub(lambda m, v=values: v[m[1] or m[3]], text), sure  # type: ignore[misc]


def _logical(lines: list[str], number: int) -> tuple[str, int]:
    """One line with its continuations and the rest of any open quotation, and the number of the line after it."""
    line = lines[number]
    number += 1
    while number < len(lines) and line.rstrip().endswith("\\"):
        line = line.rstrip()[:-1] + " " + lines[number]
        number += 1
    whole, end = line, number
    while end < len(lines) and end - number < _LONGEST_QUOTE and _open_quote(whole):
        whole += "\n" + lines[end]
        end += 1
    return (line, number) if _open_quote(whole) else (whole, end)


def _open_quote(text: str) -> bool:
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False


def _without_build_words(line: str) -> str:
    """The command of a Dockerfile instruction or a Makefile recipe."""
    run = re.match(r"\s*(?:RUN|CMD|ENTRYPOINT)\s+((?:--\S+\s+)*)(.*)$", line, re.DOTALL)
    if run:
        line = run[2]
        if line.lstrip().startswith("["):
            line = re.sub(r"[\[\],]", " ", line)
    elif line.startswith("\t"):
        line = line.lstrip("\t@-+ ")
    return re.sub(r"\$\((\w+)\)", r"${\1}", line) if "\t" in line[:1] or "$(" in line else line


def _commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """The commands of a line as words, and whether it could be parsed as shell."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if word in _SEPARATORS or (word and set(word) <= set(";&|()")):
                if words:
                    yield words, True
                words = []
            else:
                words.append(word)
    except ValueError:
        yield re.sub(r"[\"']", " ", text).split(), False
        return
    if words:
        yield words, True


def _shown(words: list[str], need: Need) -> str:
    """The command in short: its name, subcommands and the repository, never an argument that could be a credential."""
    start = next(
        (i for i, w in enumerate(words) if re.fullmatch(r"(?:.*/)?(?:hf|huggingface-cli|git|curl|wget)", w)), 0
    )
    plain = []
    for word in words[start : start + 3]:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        plain.append(word)
    subject = need.entity.name if need.entity and need.entity.name else "…"
    return " ".join([*(plain or [words[start].rsplit("/", 1)[-1][:20] if start else "command"]), subject])
