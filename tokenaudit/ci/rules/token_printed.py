"""A credential, or a piece of it, in the log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.batch import printed_variable
from tokenaudit.ci.dataflow import CommandRun
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.rules.outputs import ENVIRONMENT_PRINTERS, printed_environment, writes
from tokenaudit.ci.shell import Word
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-token-printed",
    title="Credential printed",
    severity=Severity.HIGH,
    why="More people can read logs than secrets, and logs are stored for months and copied. Masking needs the exact "
    "value: parts, base64 and URL-encoded forms are not masked, nor is a token that was created during the job.",
    remedy='Do not print any part of it; to check whether it is set use `[ -n "$HF_TOKEN" ] && echo set`. If it was '
    "printed before, delete the log and rotate the credential.",
    bad="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: echo "HF_TOKEN is $HF_TOKEN"
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    good="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: if [ -n "$HF_TOKEN" ]; then echo set; fi
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
)

_ONLY_TESTED = re.compile(r"\b(?:len|bool)\s*\(")
_PYTHON = re.compile(
    r"""\bprint\s*\([^\n]{0,300}?(?:os\.environ(?:\.get\(|\[)|os\.getenv\()\s*f?["'](?P<name>\w+)["']|"""
    r"""\bprint\s*\([^\n]{0,300}?\$\{\{\s*secrets\.(?P<secret>\w+)\s*\}\}"""
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Prints, traces, and listings of the environment."""
    for job, step in context.pipeline.steps():
        if step.script is None:
            continue
        trace: CommandRun | None = None
        for run in context.flows.step_runs(job, step):
            yield from _prints(context, run)
            trace = _tracing(run, trace)
            if trace is not None and run is not trace:
                named = [hit.credential for word in _traced(run) for hit in run.scope.hits(word)]
                if named:
                    message = f"{_traced_by(trace)} is on while {named[0]} is used and writes its value to the log"
                    yield _at(context, trace, trace.command.offset, named[0], message)
                    trace = None
        scope = context.flows.scope(job, step)
        for match in _PYTHON.finditer(step.script.text.value):
            name = match["name"] or match["secret"]
            carrier = scope.variable(name)
            if carrier is not None and not _ONLY_TESTED.search(match.group()):
                message = f"{carrier.credential} is printed"
                position = step.script.text.at(match.start())
                yield context.problem(RULE, position, step.script.text.where or step.where, carrier.credential, message)


def _traced_by(trace: CommandRun) -> str:
    return "`Set-PSDebug`" if trace.command.name.lower() == "set-psdebug" else "`set -x`"


def _traced(run: CommandRun) -> list[Word]:
    return [*run.command.words, *(word for _, word in run.command.assignments)]


def _prints(context: RuleContext, run: CommandRun) -> Iterator[Problem]:
    for written in writes(run):
        if written.prints:
            reference = written.hit.reference
            part = "part of " if (reference is not None and reference.cut) or run.command.feeds else ""
            message = f"{part}{written.hit.credential} is printed"
            yield _at(context, run, written.offset, written.hit.credential, message)
    variable = printed_variable(run.command, run.script.language)
    if run.command.name not in ENVIRONMENT_PRINTERS and variable is None:
        return
    held = run.scope.carriers()
    if variable and (found := run.scope.variable(variable.upper())) is not None:
        held[variable.upper()] = found
    if run.command.name == "printenv":
        held |= {name: found for name in run.command.arguments if (found := run.scope.variable(name)) is not None}
    if held and printed_environment(run, set(held)):
        credential = held[min(held)].credential
        message = f"`{run.command.name}` prints the environment, which contains {credential}"
        yield _at(context, run, run.command.offset, credential, message)


def _at(context: RuleContext, run: CommandRun, offset: int, credential: str, message: str) -> Problem:
    where = run.script.text.where or run.step.where
    return context.problem(RULE, run.script.text.at(offset), where, credential, message)


def _sets(argument: str, flag: str) -> bool:
    """Whether an argument such as `-eux` contains a one-letter flag."""
    return argument.startswith("-") and argument[1:].isalpha() and flag in argument


def _tracing(run: CommandRun, trace: CommandRun | None) -> CommandRun | None:
    """The command that has switched tracing on, after this command."""
    name, arguments = run.command.name, run.command.arguments
    if name.lower() == "set-psdebug":
        return run if {"1", "2"} & set(arguments) else None
    if name != "set" or run.script.language == "cmd":
        return trace
    if any(_sets(argument, "x") for argument in arguments) or arguments[:2] == ["-o", "xtrace"]:
        return run
    if any(argument.startswith("+") and "x" in argument for argument in arguments) or arguments[:2] == ["+o", "xtrace"]:
        return None
    return trace
