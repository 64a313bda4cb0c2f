"""A credential in the environment of more steps than need it."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.dataflow import credential_of
from tokenaudit.ci.model import BindingScope, Job, Step
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-token-workflow-env",
    title="Credential in the environment of a whole pipeline or job",
    severity=Severity.MEDIUM,
    why="Every step gets it, including third-party actions and the install scripts of dependencies. Only the step that "
    "uses the Hub needs it.",
    remedy="Move the variable to the `env` of the step that uses it.",
    bad="""\
# .github/workflows/publish.yml
on: push
env:
  HF_TOKEN: ${{ secrets.HF_TOKEN }}
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: pip install -r requirements.txt
      - run: python publish.py
""",
    good="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: pip install -r requirements.txt
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
)

_FIRST_PARTY = ("actions/", "github/")
_INSTALLERS = frozenset(
    {"pip", "pip3", "uv", "npm", "yarn", "pnpm", "apt-get", "apt", "conda", "poetry", "brew", "cargo"}
)
_SAFE = frozenset({"cd", "echo", "printf", "mkdir", "set", "ls", "export", "sudo", "source", "true"})
_INSTALLING = frozenset({"install", "ci", "add", "sync", "i", "update"})


def check(context: RuleContext) -> Iterator[Problem]:
    """Bindings of the whole pipeline, and those of a job that also runs code of others."""
    for binding in context.pipeline.env:
        credential = credential_of(binding, context.names)
        if (
            credential is None
            or binding.level is BindingScope.FILE
            or not (binding.sources or "$" in binding.value.value)
        ):
            continue  # the system only supports a file-wide list of secrets
        message = f"{credential} is in the environment of every job and step of this file"
        yield context.problem(RULE, (binding.line, binding.column), binding.where, credential, message)
    # a Jenkins stage is the narrowest scope for a variable except `withCredentials`
    for job in context.pipeline.jobs if context.pipeline.system != "jenkins" else ():
        others = _of_others(job) if job.env else []
        for binding in job.env:
            credential = credential_of(binding, context.names)
            if credential is None or not binding.dynamic or not others or len(job.steps) == len(others):
                continue
            message = f"{credential} is in the environment of the whole job, including {others[0]}"
            position = (binding.line, binding.column)
            yield context.problem(
                RULE, position, binding.where, credential, message, severity=Severity.LOW, confidence="medium"
            )


def _of_others(job: Job) -> list[str]:
    """The steps that run code of third parties and do nothing else, in words."""
    return [words for step in job.steps if (words := _third_party(step)) is not None]


def _third_party(step: Step) -> str | None:
    if step.action is not None:
        own = step.action.local or step.action.name.startswith(_FIRST_PARTY)
        return None if own or step.inputs else f"action {step.action.name}"
    if step.script is None or not step.script.commands:
        return None
    commands = [command for command in step.script.commands if command.words]
    programs = [(command.name, command.arguments) for command in commands]
    installs = [
        name
        for name, arguments in programs
        if (name in _INSTALLERS and _INSTALLING & set(arguments)) or (name.startswith("python") and "pip" in arguments)
    ]
    others = [name for name, _ in programs if name not in installs and name not in _SAFE]
    return f"`{installs[0]} install`" if installs and not others else None
