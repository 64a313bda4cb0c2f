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
    r"|%%~?[dpnxs]{0,5}(?P<loop>[A-Za-z])(?!\w)"
)
_LOOP_VARIABLE = re.compile(r"%%(?P<letter>[A-Za-z])")
_TOKENS = re.compile(r"tokens=(?P<list>[0-9,*-]{1,80})")
_MOST_TOKENS = 26
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
        """The tokens of a line up to a remark; the list of a `for` is read separately."""
        masked = self.expressions.masked
        first = re.compile(r"[ \t@(]*(?:rem\b|:)", re.IGNORECASE).match(masked, start, end)
        at = end if first else start
        lowered_words: list[str] = []
        while at < end:
            token = _TOKEN.match(masked, at, end)
            if token is None:
                return
            at = token.end()
            if token["word"]:
                lowered_words.append(token["word"].lower())
            elif token["separator"] == "(" and lowered_words[:1] == ["for"] and lowered_words[-1] == "in":
                close = self._end_of_list(at, end)
                self._loop(lowered_words, at, close)
                at = min(end, close + 1)
                continue
            elif token["separator"]:
                lowered_words = []
            yield token

    def _end_of_list(self, start: int, end: int) -> int:
        """The bracket that ends the list of a `for`; for a quoted command, the one behind the quotes."""
        masked = self.expressions.masked
        opened = re.compile(r"[ \t]*(['`\"])").match(masked, start, end)
        closed = masked.find(f"{opened[1]})", opened.end(), end) if opened else -1
        found = closed + 1 if closed >= 0 else masked.find(")", start, end)
        return end if found < 0 else found

    def _loop(self, lowered_words: list[str], start: int, end: int) -> None:
        """Expands the variables of a `for` to the items of its list, or to the output of the command in its list.

        A command is in single quotes, or in backquotes with `usebackq` (see `for /?`).
        """
        variable = next((found for word in lowered_words if (found := _LOOP_VARIABLE.fullmatch(word))), None)
        text = self.original[start:end]
        first = start + len(text) - len(text.lstrip())
        quote = "`" if any("usebackq" in word for word in lowered_words) else "'"
        inner: list[Command] = []
        if "/f" in lowered_words and text.strip().startswith(quote):
            reader = _Reader(self.original, self.expressions, self.budget)
            reader.line(first + 1, start + len(text.rstrip()) - 1)
            inner = reader.commands
            for command in inner:
                command.captured = True
            self.commands += inner
        word = self._word(first, end)
        if variable is None or not (word.references or inner):
            return
        if inner:
            word = Word(word.raw, word.value, word.offset, (), tuple(inner))
        listed = next((found["list"] for one in lowered_words if (found := _TOKENS.search(one))), "1")
        number = min(_MOST_TOKENS, sum(map(_size, listed.split(","))))
        letters = [chr(ord(variable["letter"]) + step) for step in range(max(1, number))]
        command = Command([], start, end)
        command.assignments += [(f"%%{letter}", word) for letter in letters]
        self.commands.append(command)

    def _finish(self, words: list[Word], redirects: list[Redirect], *, piped: bool) -> None:
        words = _without_keywords(words)
        if not words:
            for last in self.commands[-1:] if redirects else []:
                last.redirects += redirects  # of a block in brackets, assigned to its last command
            return
        self.budget.spend(_STEPS * (1 + len(words)))
        end = words[-1].offset + len(words[-1].raw)
        command = Command(words, words[0].offset, end, redirects=redirects)
        if [word.value.lower() for word in words[:2]] == ["set", "/p"]:
            command.words = [Word("set", "echo", words[0].offset), *words[2:]]  # prints the text behind the =
        elif words[0].value.lower() == "set" and len(words) > 1:
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
                name=match["name"] or match["late"] or f"%%{match['loop']}".lower(),
                cut=bool(match["cut"] or match["part"]),
                length=len(match[0]),
            )
            for match in _REFERENCE.finditer(raw)
        ]
        references += self.expressions.within(start, end)
        references.sort(key=lambda reference: reference.offset)
        return Word(raw, re.sub(r"\"|\^(?=.)", "", raw), start, tuple(references))


def _size(tokens: str) -> int:
    """How many variables a part of `tokens=1,3-5*` fills."""
    first, _, last = tokens.rstrip("*").partition("-")
    span = int(last) - int(first) + 1 if first.isdigit() and last.isdigit() else 1
    return max(1, span) + tokens.endswith("*")


def _without_keywords(words: list[Word]) -> list[Word]:
    """The command behind `@`, `call`, `if …`, `else` and `for … do`."""
    at = 0
    while at < len(words):
        lowered = words[at].value.lstrip("@").lower()
        if lowered in ("call", "else", "do", ""):
            at += 1
        elif lowered == "for":
            at = next((i + 1 for i in range(at, len(words)) if words[i].value.lower() == "do"), len(words))
        elif lowered == "if":
            at = _after_condition([word.value.lower() for word in words], at + 1)
        else:
            break
    rest = words[at:]
    if rest and (rest[0].raw.startswith("@") or _ECHO.match(rest[0].raw)):
        rest = _split_first(rest)
    return rest


def _after_condition(lowered: list[str], at: int) -> int:
    while lowered[at : at + 1] in (["not"], ["/i"]):
        at += 1
    if lowered[at : at + 1] in (["defined"], ["exist"], ["errorlevel"]):
        return at + 2
    return at + (1 if at < len(lowered) and "==" in lowered[at] and lowered[at] != "==" else 3)


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
"""Programs that print their input or part of it."""
DISCARDED = frozenset({"/dev/null", "$null", "nul"})
_SET_VARIABLE = re.compile(r"\[(?:system\.)?environment\]::setenvironmentvariable")
_KEPT_VARIABLE = re.compile(r",\s*(?:\[[\w.]*environmentvariabletarget\]::)?(?:user|machine)\s*\)\s*$")
_REGISTRY_PATH = re.compile(r"(?:microsoft\.powershell\.core\\)?(?:registry::|hk(?:cu|lm|u|cr|cc):)")
_REGISTRY = "the registry, which later processes and jobs read"
_NO_FILES = ("env:", "variable:", "function:", "alias:")
_WRITERS = {
    **dict.fromkeys(("new-item", "ni"), ("-path",)),
    "export-clixml": ("-path", "-literalpath"),
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
    """Whether the shell runs the command itself, without another process that gets its words."""
    lowered = name.lower()
    if lowered in _BUILT_IN.get(language, ()):
        return True
    own = lowered.startswith("[") or _CMDLET.fullmatch(lowered) is not None
    return language == "powershell" and own and lowered not in _STARTS_PROGRAMS


def file_target(command: Command) -> str | None:
    """The file to which a cmdlet or method writes its input; None for any other command."""
    name = command.name.lower()
    if _METHOD.fullmatch(name):
        return command.arguments[0].strip("()").split(",")[0].strip() if command.arguments else "a file"
    if _is_kept_in_registry(name, command.arguments):
        return _REGISTRY
    if name not in _WRITERS:
        return None
    target = _named_file(name, command.arguments)
    return None if target.lower().startswith(_NO_FILES) else target


def _is_kept_in_registry(name: str, arguments: list[str]) -> bool:
    """Whether a command stores a variable or value for later processes."""
    if _SET_VARIABLE.fullmatch(name):
        return _KEPT_VARIABLE.search(" ".join(arguments).lower()) is not None
    if name in ("set-itemproperty", "sp", "new-itemproperty", "new-item", "ni", "set-item", "si"):
        return any(_REGISTRY_PATH.match(argument.lower()) for argument in arguments)
    return name in ("setx", "setx.exe") or (name in ("reg", "reg.exe") and arguments[:1] in (["add"], ["ADD"]))


def _named_file(name: str, arguments: list[str]) -> str:
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
