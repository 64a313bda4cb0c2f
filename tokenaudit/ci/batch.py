"""Scripts of Windows' cmd, read line by line as cmd does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.shell import Command, Expressions, Redirect, Reference, Script, SpanText, Word
from tokenaudit.work_budget import WorkBudget

_STEPS = 40
_LINE = re.compile(r"(?:[^\n^]|\^(?:\r?\n|(?s:.))?)*")
_TOKEN = re.compile(
    r"""[ \t\r,;]+|\^\r?\n|(?P<separator>&&?|\|\|?|[()])|(?P<redirect>[0-9]?(?:>>?|<)(?:&[0-9])?)|"""
    r"""(?P<word>(?:"[^"\n]*"?|\^(?s:.)|%[A-Za-z_]\w*:[^%\n]{1,100}%|[^\s"^&|<>(),;])+)|(?s:.)"""
)
_REFERENCE = re.compile(
    r"%(?P<name>[A-Za-z_]\w*)(?P<cut>:[^%\n]{1,100})?%|!(?P<late>[A-Za-z_]\w*)(?P<part>:[^!\n]{1,100})?!"
)
_ECHO = re.compile(r"(?i)echo[.:/\\+\[\]]")
_SET = re.compile(r"(?i)^\s*\"?(?P<name>[A-Za-z_]\w*)=")


def parse(text: SpanText, budget: WorkBudget) -> Script:
    """The commands of a script.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    reader = _Reader(text.value, Expressions(text.value), budget)
    at = 0
    while at < len(text.value):
        line = _LINE.match(text.value, at)
        end = line.end() if line else at
        reader.line(at, end)
        at = end + 1
    return Script(text, tuple(reader.commands), "cmd")


class _Reader:
    def __init__(self, original: str, expressions: Expressions, budget: WorkBudget) -> None:
        self.original = original
        self.expressions = expressions
        self.budget = budget
        self.commands: list[Command] = []

    def line(self, start: int, end: int) -> None:
        """Reads the commands of one line, its continuations included."""
        self.budget.spend(_STEPS + end - start)
        words: list[Word] = []
        redirects: list[Redirect] = []
        waiting = piped = ""
        for token in self._tokens(start, end):
            if token["redirect"]:
                waiting = token["redirect"]
            elif token["word"]:
                word = self._word(token.start(), token.end())
                if waiting:
                    redirects.append(Redirect(waiting.lstrip("0123456789"), word, waiting.rstrip("><&0123456789")[:1]))
                    waiting = ""
                else:
                    words.append(word)
            elif token["separator"]:
                self._finish(words, redirects, piped=piped == "|")
                words, redirects, piped = [], [], token["separator"]
        self._finish(words, redirects, piped=piped == "|")

    def _tokens(self, start: int, end: int) -> Iterator[re.Match[str]]:
        """The tokens of a line up to a remark; the list of a `for` is left out."""
        masked = self.expressions.masked
        first = re.compile(r"[ \t@(]*(?:rem\b|:)", re.IGNORECASE).match(masked, start, end)
        at = end if first else start
        spoken: list[str] = []
        while at < end:
            token = _TOKEN.match(masked, at, end)
            if token is None:
                return
            at = token.end()
            if token["word"]:
                spoken.append(token["word"].lower())
            elif token["separator"] == "(" and spoken[:1] == ["for"] and spoken[-1] == "in":
                close = masked.find(")", at, end)
                at = end if close < 0 else close + 1
                continue
            elif token["separator"]:
                spoken = []
            yield token

    def _finish(self, words: list[Word], redirects: list[Redirect], *, piped: bool) -> None:
        words = _without_keywords(words)
        if not words:
            for last in self.commands[-1:] if redirects else []:
                last.redirects += redirects  # of a block in brackets, told of its last command
            return
        self.budget.spend(_STEPS * (1 + len(words)))
        end = words[-1].offset + len(words[-1].raw)
        command = Command(words, words[0].offset, end, redirects=redirects)
        if words[0].value.lower() == "set" and len(words) > 1:
            self._assign(command)
        if piped and self.commands:
            self.commands[-1].feeds = command
        self.commands.append(command)

    def _assign(self, command: Command) -> None:
        first = next((word for word in command.words[1:] if not word.raw.startswith("/")), None)
        match = _SET.match(first.raw) if first else None
        if first is None or match is None:
            return
        value = self._word(first.offset + match.end(), command.end)
        command.assignments.append((match["name"], value))
        command.words = []

    def _word(self, start: int, end: int) -> Word:
        raw = self.original[start:end]
        references = [
            Reference(
                start + match.start(),
                name=match["name"] or match["late"],
                cut=bool(match["cut"] or match["part"]),
                length=len(match[0]),
            )
            for match in _REFERENCE.finditer(raw)
        ]
        references += self.expressions.within(start, end)
        references.sort(key=lambda reference: reference.offset)
        return Word(raw, re.sub(r"\"|\^(?=.)", "", raw), start, tuple(references))


def _without_keywords(words: list[Word]) -> list[Word]:
    """The command behind `@`, `call`, `if …`, `else` and `for … do`."""
    at = 0
    while at < len(words):
        said = words[at].value.lstrip("@").lower()
        if said in ("call", "else", "do", ""):
            at += 1
        elif said == "for":
            at = next((i + 1 for i in range(at, len(words)) if words[i].value.lower() == "do"), len(words))
        elif said == "if":
            at = _after_condition([word.value.lower() for word in words], at + 1)
        else:
            break
    rest = words[at:]
    if rest and (rest[0].raw.startswith("@") or _ECHO.match(rest[0].raw)):
        rest = _split_first(rest)
    return rest


def _after_condition(said: list[str], at: int) -> int:
    while said[at : at + 1] in (["not"], ["/i"]):
        at += 1
    if said[at : at + 1] in (["defined"], ["exist"], ["errorlevel"]):
        return at + 2
    return at + (1 if at < len(said) and "==" in said[at] and said[at] != "==" else 3)


def _split_first(words: list[Word]) -> list[Word]:
    """The first word without its `@`; `echo.text` as two."""
    first = words[0]
    skipped = len(first.raw) - len(first.raw.lstrip("@"))
    raw, offset = first.raw[skipped:], first.offset + skipped
    name = Word(raw, raw.lower(), offset, first.references)
    if not _ECHO.match(raw):
        return [name, *words[1:]]
    size = len("echo.")
    rest = Word(raw[size:], raw[size:].replace('"', ""), offset + size, first.references)
    return [Word(raw[: size - 1], "echo", offset), rest, *words[1:]]


PRINTERS = frozenset(
    {
        *("write-host", "write-output", "write-information", "write-verbose", "write-warning", "write-error"),
        *("write-debug", "out-host", "[console]::writeline", "[console]::write", "[system.console]::writeline"),
    }
)
PASSING = frozenset(
    {
        *("out-string", "out-host", "write-host", "write-output", "select-object", "select-string", "sort-object"),
        *("findstr", "find", "convertto-json", "tee-object", "format-list", "format-table"),
    }
)
"""Programs that print what they are fed, or a part of it."""
DISCARDED = frozenset({"/dev/null", "$null", "nul"})
_WRITERS = {
    **dict.fromkeys(("set-content", "add-content", "sc", "ac"), ("-path", "-literalpath")),
    **dict.fromkeys(("out-file", "tee-object"), ("-filepath", "-literalpath", "-path")),
}
_TAKES_VALUE = frozenset({"-value", "-encoding", "-inputobject", "-width", "-variable", "-filter", "-stream"})
_METHOD = re.compile(r"\[(?:system\.)?io\.file\]::(?:write|append)all\w*")
_CMDLET = re.compile(
    r"(?:add|clear|close|compare|convert(?:from|to)?|copy|debug|disable|enable|enter|exit|expand|export|find|foreach|"
    r"format|get|group|import|install|invoke|join|limit|measure|move|new|out|pop|push|read|receive|register|remove|"
    r"rename|resolve|restart|resume|save|search|select|send|set|sort|split|stop|suspend|tee|test|trace|unregister|"
    r"update|use|wait|where|write)-\w+"
)
_STARTS_PROGRAMS = frozenset({"invoke-expression", "invoke-command"})
_BUILT_IN = {
    "powershell": frozenset({"iwr", "irm", "cd", "cls", "del", "cp", "mv", "rm", "sl", "gci", "gi", "gc", "?", "%"}),
    "cmd": frozenset(
        {
            *("assoc", "cd", "chdir", "cls", "copy", "date", "del", "dir", "echo", "erase", "exit", "goto", "md"),
            *("mkdir", "move", "path", "pause", "popd", "prompt", "pushd", "rd", "ren", "rmdir", "set", "setlocal"),
            *("endlocal", "shift", "time", "title", "type", "ver", "verify", "vol"),
        }
    ),
}
_LISTS = frozenset({"get-childitem", "gci", "dir", "ls", "get-item", "gi", "get-content", "gc"})


def in_process(name: str, language: str) -> bool:
    """Whether the shell runs the command itself, so that no other process gets its words."""
    said = name.lower()
    if said in _BUILT_IN.get(language, ()):
        return True
    own = said.startswith("[") or _CMDLET.fullmatch(said) is not None
    return language == "powershell" and own and said not in _STARTS_PROGRAMS


def file_target(command: Command) -> str | None:
    """The file into which a cmdlet or method writes what it is given; None for any other command."""
    name = command.name.lower()
    if _METHOD.fullmatch(name):
        return command.arguments[0].strip("()").split(",")[0].strip() if command.arguments else "a file"
    if name not in _WRITERS:
        return None
    arguments = command.arguments
    for index, argument in enumerate(arguments[:-1]):
        if argument.lower() in _WRITERS[name]:
            return arguments[index + 1]
    skip = False
    for argument in arguments:
        if skip or argument.startswith("-"):
            skip = not skip and argument.lower() in _TAKES_VALUE
            continue
        return argument
    return "a file"


def printed_variable(command: Command, language: str) -> str | None:
    """The variable that a command prints from the environment; empty for all of them, None for no such command."""
    name, arguments = command.name.lower(), command.arguments
    if language == "cmd" and name == "set":
        return "" if not arguments else None if arguments[0].startswith("/") else arguments[0]
    if language == "powershell" and name in _LISTS:
        place = next((one.lower() for one in arguments if one.lower().startswith("env:")), None)
        return None if place is None else re.sub(r"^env:[\\/]?", "", place).rstrip("*")
    return None
