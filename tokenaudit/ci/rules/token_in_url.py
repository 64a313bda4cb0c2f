"""A credential inside a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.dataflow import credential_of
from tokenaudit.ci.model import Job, Step
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.shell import EXPRESSION
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-token-in-url",
    title="Credential in a URL",
    severity=Severity.HIGH,
    why="git stores the URL in `.git/config` and the reflog and shows it in error messages, proxies and servers "
    "log it, and it is an argument of the process.",
    remedy="Upload with `hf upload <repo> . .` (for a Space `--repo-type space`) and HF_TOKEN in the `env` of the "
    "step, or with a Trusted Publisher and no token. If git has to push, use a credential helper that reads the "
    "variable.",
    bad="""\
# .github/workflows/sync.yml
on: push
jobs:
  sync:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: git push https://user:$HF_TOKEN@huggingface.co/spaces/acme/demo main
""",
    good="""\
# .github/workflows/sync.yml
on: push
jobs:
  sync:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: hf upload acme/demo . . --repo-type space
""",
    references=("https://huggingface.co/docs/hub/spaces-github-actions",),
)

_EXPRESSION = r"\$\{\{[^}]{0,300}\}\}"
_PART = rf"(?:{_EXPRESSION}|(?!\$\{{\{{)[^\s/'\"@])"
_ANY = rf"(?:{_EXPRESSION}|(?!\$\{{\{{)[^\s'\"?])"
_IN_URL = re.compile(rf"https?://(?:(?P<user>{_PART}{{1,300}})@|{_ANY}{{0,300}}\?(?P<query>{_ANY}{{1,300}}))")

_WINDOW = 2_000


def check(context: RuleContext) -> Iterator[Problem]:
    """One problem per URL with a credential that a script, a variable or an input builds."""
    for job, step in context.pipeline.steps():
        yield from _in_step(context, job, step)
    for binding in (*context.pipeline.env, *(one for job in context.pipeline.jobs for one in (*job.env, *job.others))):
        for match in _IN_URL.finditer(binding.value.value):
            sources = [name for name in binding.sources if context.names.match(name)]
            if sources and (EXPRESSION.search(match.group()) or credential_of(binding, context.names)):
                yield _problem(context, (binding.line, binding.column), binding.where, sources[0])


def _in_step(context: RuleContext, job: Job, step: Step) -> Iterator[Problem]:
    scope = context.flows.scope(job, step)
    for run in context.flows.step_runs(job, step):
        scope = run.scope  # complete after the last command of the step
    pieces = [(step.script.text, step.script.text.where or step.where)] if step.script is not None else []
    pieces += [(binding.value, binding.where) for binding in (*step.env, *step.inputs)]
    for text, where in pieces:
        for match in _IN_URL.finditer(text.value):
            group = "user" if match["user"] else "query"
            named = scope.placed_in_text(match[group])
            if named and not _comment(text.value, match.start()):
                offset, credential = named[0]
                yield _problem(context, text.at(match.start(group) + offset), where, credential)


def _comment(script: str, offset: int) -> bool:
    start = script.rfind("\n", max(0, offset - _WINDOW), offset) + 1
    return script[start:offset].lstrip().startswith("#")


def _problem(context: RuleContext, position: tuple[int, int], where: str, credential: str) -> Problem:
    message = f"{credential} is in a URL, which git stores and servers log"
    return context.problem(RULE, position, where, credential, message)
