"""Needs of shell text: scripts, Dockerfiles, Makefiles, `run:` blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import prod

from tokenaudit.ci.shell import EXPRESSION
from tokenaudit.code_usage.command_line import Remotes
from tokenaudit.code_usage.commands import command_needs
from tokenaudit.code_usage.model import Need, Needs, unique
from tokenaudit.model import Evidence
from tokenaudit.text import shorten
from tokenaudit.work_budget import WorkBudget

_WORTH_READING = re.compile(
    r"\bhf\b|hugging|hub_model_id|push.to.hub|model.name.or.path|\bvllm\b|--model-id|hf\.space|hf\.co"
)
_UNKNOWN = "\ufffd"
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^{}]{0,500}))?\}|\$(\w+)")
_ENVIRONMENT = re.compile(r"env\.(\w+)")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_ASSIGNMENT = re.compile(r"(?:export\s+|ENV\s+|ARG\s+|readonly\s+|local\s+)?(\w+)\s*[:?]?=\s*(.*)$")
_LOOP = re.compile(r"for\s+(\w+)\s+in\s+([^;\n]*)")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_PYTHON = re.compile(r"(?:^|[\s;&|])python3?\s+(?:-\s|-$|<<)")
_LONGEST_QUOTE = 60
"""Maximum number of lines of a quoted string."""
_LONGEST_VALUE = 1_000
"""Characters of a variable's value; longer ones are no name, path or URL."""
_LONGEST_LINE = 20_000
"""Characters to which filling in variables can lengthen a line."""
_STEPS = 10
"""Steps of the work budget per character of a command."""
_MOST = 256
"""Values of a variable, and combinations of variables, that are followed."""

Python = Callable[[str, bytes, WorkBudget], Needs]


def shell_needs(
    path: str,
    text: str,
    budget: WorkBudget,
    *,
    first_line: int = 1,
    known: Mapping[str, str] | None = None,
    python: Python | None = None,
) -> Needs:
    """What shell code needs. `known` are variables of the environment; `python` analyzes inline Python.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    if not _WORTH_READING.search(text):
        return Needs()
    script = _Script(path, first_line, known or {}, python, budget)
    return Needs(unique(script.read(text)), tuple(script.skipped))


def line_needs(text: str, budget: WorkBudget) -> Iterator[Need]:
    """What one line of shell needs, without variables."""
    budget.spend(_STEPS * len(text))
    for words, sure in commands(text):
        yield from (n if sure else n.doubted() for n in command_needs(words))


class _Script:
    def __init__(
        self, path: str, first_line: int, known: Mapping[str, str], python: Python | None, budget: WorkBudget
    ) -> None:
        self._path = path
        self._first = first_line
        self._known = known
        self._variables: dict[str, tuple[str, ...]] = {}
        self._python = python
        self._budget = budget
        self._remotes = Remotes()
        self.skipped: list[str] = []

    def read(self, text: str) -> Iterator[Evidence]:
        lines = text.splitlines()
        number = 0
        while number < len(lines):
            start = number
            line, number = self._logical(lines, number)
            heredoc = _HEREDOC.search(line)
            if heredoc and "<<<" not in line:
                end = next((i for i in range(number, len(lines)) if lines[i].strip() == heredoc[2]), len(lines))
                yield from self._body(line, lines[number:end], number)
                number = min(end + 1, len(lines))
                line = line[: heredoc.start()]
            yield from self._line(line, self._first + start)

    def _logical(self, lines: list[str], number: int) -> tuple[str, int]:
        """One line with its continuations and the rest of any open quotation, and the number of the line after it."""
        parts = [lines[number]]
        number += 1
        while number < len(lines) and parts[-1].rstrip().endswith("\\"):
            parts[-1] = parts[-1].rstrip()[:-1]
            parts.append(lines[number])
            number += 1
        line = " ".join(parts)
        self._budget.spend(len(line))
        quotes = Quotes(line)
        whole, end = [line], number
        while quotes.open and end < len(lines) and end - number < _LONGEST_QUOTE:
            self._budget.spend(len(lines[end]))
            quotes.read("\n" + lines[end])
            whole.append(lines[end])
            end += 1
        return (line, number) if quotes.open else ("\n".join(whole), end)

    def _body(self, line: str, body: list[str], start: int) -> Iterator[Evidence]:
        if self._python and _PYTHON.search(line):
            yield from self._embedded("\n".join(body), self._first + start - 1)
        elif re.match(r"\s*RUN\b|.*\b(?:ba)?sh\b", line):
            for offset, text in enumerate(body):
                yield from self._line(text, self._first + start + offset)

    def _embedded(self, code: str, offset: int) -> Iterator[Evidence]:
        if self._python is None:
            return
        found = self._python(self._path, code.encode("utf-8", "surrogatepass"), self._budget)
        self.skipped += found.skipped
        for item in found.evidence:
            yield Evidence(item.need, item.certainty, item.path, (item.line or 1) + offset, item.what, item.entity)

    def _line(self, line: str, number: int) -> Iterator[Evidence]:
        line = _without_build_words(line)
        self._budget.spend(len(line))
        loop = _LOOP.search(line)
        if loop:
            items = [w for w in re.split(r"[\s\"']+", loop[2]) if w and not re.search(r"[$*{]", w)]
            self._variables[loop[1]] = tuple(items) if len(items) <= _MOST else ()
        assignment = _ASSIGNMENT.fullmatch(line.strip())
        if assignment:
            self._assign(assignment[1], assignment[2])
        for inner in _SUBSTITUTION.finditer(line):
            yield from self._line(inner[1] or inner[2] or "", number)
        for text, sure in self._expanded(line):
            for words, parsed in commands(text):
                yield from self._command(words, number, sure=sure and parsed)

    def _command(self, words: list[str], number: int, *, sure: bool) -> Iterator[Evidence]:
        shown = ""
        for need in (*command_needs(words), *self._remotes.needs(words)):
            shown = shown or _shown(words)
            subject = need.entity.name if need.entity and need.entity.name else "…"
            yield (need if sure else need.doubted()).at(self._path, number, f"{shown} {subject}")
        if self._python and "-c" in words and re.search(r"python3?$", words[0]):
            code = words[words.index("-c") + 1 :][:1]
            yield from self._embedded(code[0] if code else "", number - 1)

    def _assign(self, name: str, value: str) -> None:
        value = value.strip().strip("\"'")
        options = [text for text, sure in self._expanded(value) if sure and _UNKNOWN not in text]
        self._variables[name] = tuple(dict.fromkeys(text for text in options if len(text) <= _LONGEST_VALUE))

    def _options(self, name: str) -> tuple[str, ...]:
        """What a variable can be; nothing where that is unknown."""
        known = self._known.get(name)
        return self._variables.get(name) or ((known,) if known and name not in self._variables else ())

    def _expanded(self, text: str) -> Iterator[tuple[str, bool]]:
        """`text` with its variables filled in, once for each combination of what they can be."""
        text = EXPRESSION.sub(_as_variable, text)
        text = _SUBSTITUTION.sub(_UNKNOWN, text)
        found = [(m[1] or m[3], m[2]) for m in _VARIABLE.finditer(text)]
        choices: dict[str, tuple[str, ...]] = {}
        sure = True
        for name, default in found:
            if name not in choices:
                options = self._options(name)
                if not options and default:
                    options, sure = (default,), False
                choices[name] = options or (_UNKNOWN,)
        longer = sum(max(map(len, choices[name])) for name, _ in found)
        if prod(map(len, choices.values())) > _MOST or longer > _LONGEST_LINE:
            choices = dict.fromkeys(choices, (_UNKNOWN,))
        for chosen in product(*choices.values()):
            values = dict(zip(choices, chosen, strict=True))
            self._budget.spend(_STEPS * (len(text) + min(longer, _LONGEST_LINE)))
            yield _VARIABLE.sub(lambda m, v=values: v[m[1] or m[3]], text), sure  # type: ignore[misc]


def _as_variable(match: re.Match[str]) -> str:
    """A CI expression as a variable of the shell, where it only takes one of the environment."""
    variable = _ENVIRONMENT.fullmatch(match[1].strip())
    return f"${{{variable[1]}}}" if variable else _UNKNOWN


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


def _shown(words: list[str]) -> str:
    """The command in short: its name and subcommands, never an argument that could be a credential."""
    start = next(
        (i for i, w in enumerate(words) if w.rsplit("/", 1)[-1] in {"hf", "huggingface-cli", "git", "curl", "wget"}), 0
    )
    plain = []
    for word in words[start : start + 3]:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        plain.append(word)
    return " ".join(plain or [shorten(words[start].rsplit("/", 1)[-1], 20) if start else "command"])


_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<separator>[;&|()]+)|"""
    r"""(?P<word>(?:[^\s;&|()'"\\]+|\\(?s:.)|'[^']*'|"(?:[^"\\]|\\(?s:.))*")+)|(?P<open>(?s:.))"""
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\(?s:.))*)"|\\(?s:(.))""")
_ESCAPED = re.compile(r"""\\(["\\$`\n])""")
_OUTSIDE = re.compile(r"""\\(?s:.)|(?<!\S)\#[^\n]*|['"]""")
_INSIDE = {"'": re.compile("'"), '"': re.compile(r'\\(?s:.)|"')}


def commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """The words of each command, without their quotes, and whether the text could be read up to there.

    After a quotation that does not end comes everything once more, split at blanks.
    """
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["open"]:
            yield re.sub(r"[\"']", " ", text).split(), False
            return
        if token["word"]:
            words.append(_QUOTED.sub(_unquoted, token["word"]))
        elif token["separator"] and words:
            yield words, True
            words = []
    if words:
        yield words, True


def _unquoted(match: re.Match[str]) -> str:
    single, double, escaped = match.groups()
    if single is not None:
        return str(single)
    if double is not None:
        return _ESCAPED.sub(r"\1", double)
    return "" if escaped == "\n" else str(escaped)


class Quotes:
    """Follows quotations through text that comes line by line."""

    def __init__(self, text: str) -> None:
        self.open = ""
        """The quote that has not been closed yet, if any."""
        self.read(text)

    def read(self, text: str) -> None:
        """Continues with what follows."""
        at = 0
        while True:
            token = (_INSIDE[self.open] if self.open else _OUTSIDE).search(text, at)
            if token is None:
                return
            at = token.end()
            if token.group() in ("'", '"'):
                self.open = "" if self.open else token.group()
