"""Which language a script is in, and its commands."""

from __future__ import annotations

from tokenaudit.ci import bash, batch, powershell
from tokenaudit.ci.shell import Script
from tokenaudit.ci.source_span import SpanText
from tokenaudit.work_budget import WorkBudget

_POWERSHELL = frozenset({"pwsh", "powershell", "pwsh-preview"})
_SHELLS = frozenset({"bash", "sh", "dash", "ash", "zsh", "ksh"})


def language_of(shell: str) -> str:
    """The language of the shell or interpreter that a system is told to run: `pwsh -File {0}`, `/bin/bash -e`.

    `bash`, `powershell` and `cmd` have their commands read; any other name means that only the text is looked at.
    """
    words = shell.replace("\\", "/").lower().split(maxsplit=2)
    if len(words) > 1 and words[0].endswith("/env"):
        del words[0]
    name = words[0].rsplit("/", 1)[-1].removesuffix(".exe") if words else ""
    if name in _POWERSHELL:
        return "powershell"
    return "bash" if name in _SHELLS or not name else name


def parse(text: SpanText, budget: WorkBudget, language: str = "bash") -> Script:
    """The commands of a script; none for a language that is no shell, where only the text can be looked at.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    if language == "bash":
        return bash.parse(text, budget)
    if language == "powershell":
        return powershell.parse(text, budget)
    if language == "cmd":
        return batch.parse(text, budget)
    return Script(text, (), language)
