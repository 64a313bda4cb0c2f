"""Shell scripts, batch jobs of schedulers, start-up files of shells, Makefiles and justfiles."""

from __future__ import annotations

import re

from tokenaudit.ci.model import Job, Pipeline, Step
from tokenaudit.ci.shell import SpanText, plain
from tokenaudit.ci.systems import MAKEFILE, WINDOWS_SCRIPT
from tokenaudit.ci.systems.common import parse_script
from tokenaudit.work_budget import WorkBudget

NAME = "shell"
_VARIABLE = re.compile(r"\$\(([A-Za-z_]\w*)\)")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads a whole script as one step, or the recipes of a Makefile.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    pipeline = Pipeline(path, NAME, "script", text, budget)
    name = path.rsplit("/", 1)[-1]
    script = plain(text, name)
    if re.search(MAKEFILE, path):
        script = SpanText(_recipes(text), name, script.segments)
    windows = re.search(WINDOWS_SCRIPT, path)
    language = "bash" if windows is None else "powershell" if windows["powershell"] else "cmd"
    step = Step(name, 1, 1, script=parse_script(script, budget, language))
    pipeline.jobs.append(Job(name, name, 1, 1, steps=[step]))
    pipeline.texts.append(script)
    return pipeline


def _recipes(text: str) -> str:
    """The recipe lines of a Makefile as shell text, with all other lines blank."""
    lines = []
    for line in text.split("\n"):
        shell = ""
        if line[:1] in ("\t", " "):
            shell = re.sub(r"^(\s*)([@-]+)", lambda m: m[1] + " " * len(m[2]), line)
            shell = _VARIABLE.sub(r"${\1}", shell).replace("$$", "\0")
            # one character shorter where `$$` stands for the shell's own `$`; the line stays
            shell = shell.replace("\0", "$")
        lines.append(shell.ljust(len(line)))
    return "\n".join(lines)
