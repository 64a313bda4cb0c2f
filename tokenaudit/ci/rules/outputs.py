"""Where scripts write a credential: to a file, or to the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenaudit.ci.batch import DISCARDED, PASSING, PRINTERS, file_target, printed_variable
from tokenaudit.ci.dataflow import CommandRun, CredentialUse, is_token_printer
from tokenaudit.ci.shell import Command, Word

_WRITERS = frozenset({"echo", "printf", "cat", "print"})
_TO_FILE = frozenset({">", ">>", "&>", "&>>", ">|"})
_LOG = frozenset({"/dev/stdout", "/dev/stderr", "/dev/tty"})
_PASSING = frozenset(
    [
        "base64",
        "cat",
        "column",
        "cut",
        "egrep",
        "fold",
        "grep",
        "head",
        "hexdump",
        "jq",
        "less",
        "more",
        "od",
        "rev",
        "sed",
        "sort",
        "tail",
        "tee",
        "tr",
        "uniq",
        "xxd",
        "awk",
    ]
)
_SHARED = re.compile(r"\bGITHUB_(?:ENV|OUTPUT|STATE)\b|\bBASH_ENV\b|github\.env")
_SUMMARY = re.compile(r"\bGITHUB_STEP_SUMMARY\b")
_CLIENT_FILE = re.compile(
    r"(?:^|/)(?:public|static|dist|www|htdocs|assets)/.*\.(?:js|mjs|ts|html?|json)$|\.(?:js|mjs|jsx|tsx|html?)$"
)
_CLIENT_TEXT = re.compile(r"\bwindow\.|\b(?:NEXT_PUBLIC_|VITE_|REACT_APP_|EXPO_PUBLIC_|VUE_APP_|GATSBY_)\w*=")
ENVIRONMENT_PRINTERS = frozenset({"env", "printenv", "export", "declare", "set"})
_LONGEST_PATH = 1_000
_STEPS = 10
_MASK = "::add-mask::"


@dataclass(frozen=True)
class Written:
    """A credential that a command writes to the file `target`, or to the log if it is None."""

    hit: CredentialUse
    target: str | None
    text: str
    offset: int

    @property
    def shared(self) -> bool:
        """Whether the file passes variables or outputs to later steps."""
        return self.target is not None and _SHARED.search(self.target) is not None

    @property
    def prints(self) -> bool:
        """Whether the text ends in the log or in the job's summary."""
        return self.target is None or _SUMMARY.search(self.target) is not None


def is_client_file(written: Written) -> bool:
    """Whether the text ends in a file that is shipped to browsers."""
    if written.target is None:
        return False
    return (
        _CLIENT_FILE.search(written.target[-_LONGEST_PATH:]) is not None
        or _CLIENT_TEXT.search(written.text) is not None
    )


def writes(run: CommandRun) -> Iterator[Written]:
    """The credentials that a command writes; none if another program takes its output and doesn't print it."""
    command = run.command
    if command.captured and file_target(command) is None:
        return
    words = _written_words(command)
    hits = [hit for word in words for hit in run.scope.hits(word)]
    if is_token_printer(command):
        hits.append(CredentialUse("HF_TOKEN", command.words[0], None, minted=True))
    text = " ".join(word.value for word in words)
    if not hits or _MASK in text:
        return
    reached, target = _destination(run)
    if not reached:
        return
    for hit in _one_each(hits):
        yield Written(hit, target, text, hit.offset)


def _one_each(hits: list[CredentialUse]) -> list[CredentialUse]:
    return list({hit.credential: hit for hit in reversed(hits)}.values())


def _written_words(command: Command) -> list[Word]:
    if command.name.lower() in PRINTERS or file_target(command) is not None:
        return list(command.words[1:])
    if command.name not in _WRITERS:
        return []
    words = [] if command.name == "cat" else list(command.words[1:])
    return words + [redirect.word for redirect in command.redirects if redirect.operator in ("<<", "<<<")]


def _destination(run: CommandRun) -> tuple[bool, str | None]:
    """Whether the output is stored as text, and in which file (None: the log)."""
    stage = run.command
    while True:
        run.scope.budget.spend(_STEPS + len(stage.redirects))
        target = _file_of(stage)
        if target is not None:
            return target.lower() not in DISCARDED, None if target in _LOG else target
        following = stage.feeds
        if following is None:
            return True, None
        if following.name == "git" and following.arguments[:2] in (["credential", "approve"], ["credential", "store"]):
            return True, "git's credential store"
        if not _passes(following):
            return False, None
        stage = following


def _file_of(stage: Command) -> str | None:
    """The file that a command's output is written to; None if it is not written to a file."""
    for redirect in stage.redirects:
        if redirect.operator in _TO_FILE and redirect.descriptor != "2":
            return redirect.word.value
    written = file_target(stage)
    if written is None and stage.name == "tee":
        written = next((argument for argument in stage.arguments if not argument.startswith("-")), None)
    return written


def _passes(command: Command) -> bool:
    """Whether a command prints its input, or writes it to a file."""
    known = command.name in _PASSING or command.name.lower() in PASSING or file_target(command) is not None
    return known and not _silent(command)


def _silent(command: Command) -> bool:
    """Whether a filter lets nothing of a value through: `grep -q`, `cut -d= -f1`."""
    flags = command.arguments
    if command.name in ("grep", "egrep"):
        short = [flag[1:] for flag in flags if flag.startswith("-") and flag[1:].isalpha()]
        return any("q" in flag or "c" in flag for flag in short) or not {"--quiet", "--silent"}.isdisjoint(flags)
    return command.name == "cut" and "-f1" in flags and any(flag.startswith("-d") for flag in flags)


def printed_environment(run: CommandRun, held: set[str]) -> bool:
    """Whether a command prints the whole environment, or one of the variables in `held`."""
    command = run.command
    variable = printed_variable(command, run.script.language)
    if variable is not None:
        named = [name for name in held if name.upper().startswith(variable.upper())]
        reached, target = _destination(run)
        return bool(named) and reached and not command.captured and target is None
    arguments = [argument for argument in command.arguments if not argument.startswith("-")]
    listed = {"env": not arguments, "printenv": not arguments or bool(held & set(arguments))}
    declares = command.name in ("export", "declare", "set") and command.arguments in ([], ["-p"])
    if not (listed.get(command.name, False) or (declares and not command.assignments)):
        return False
    reached, target = _destination(run)
    return reached and not command.captured and (target is None or _SUMMARY.search(target) is not None)
