"""A credential written to a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.dataflow import CommandRun
from tokenaudit.ci.model import Job
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.rules.outputs import Written, is_client_file, writes
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-token-to-disk",
    title="A credential is written to a file",
    severity=Severity.MEDIUM,
    why="Files outlive the step: caches, artifacts, image layers and the next job on the same runner carry them on.",
    remedy="Leave the credential in the environment of the one step; drop `--add-to-git-credential`, token files and "
    ".netrc entries.",
    bad="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: echo "$HF_TOKEN" > ~/.cache/huggingface/token
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
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
)

_SAVES = re.compile(r"add_to_git_credential\s*=\s*True|HfFolder\.save_token\s*\(")
_KEEPERS = ("actions/cache", "actions/upload-artifact", "actions/cache/save")


def check(context: RuleContext) -> Iterator[Problem]:
    """Redirections of a credential, stores that a login fills, and `.netrc` entries."""
    for run in context.flows.runs():
        for written in writes(run):
            if written.target is None or is_client_file(written) or written.prints:
                continue
            reference = written.hit.reference
            masked = reference is not None and reference.name in run.scope.masked
            if written.shared and (written.hit.minted or masked):
                continue  # another rule's matter: whether it was masked
            kept = _kept(run.job, written)
            message = f"{written.hit.credential} is written to {_named(written)}"
            message += f", which {kept} carries on" if kept else ""
            position = run.script.text.at(written.offset)
            severity = Severity.HIGH if kept else None
            where = run.script.text.where or run.step.where
            yield context.problem(RULE, position, where, written.hit.credential, message, severity=severity)
        yield from _stores(context, run)
    for job, step in context.pipeline.steps():
        if step.script is None:
            continue
        credentials = context.flows.step_credentials(job, step)
        for match in _SAVES.finditer(step.script.text.value):
            if credentials:
                message = f"{credentials[0]} is written to the disk by {match.group().split('(')[0].strip()}"
                position = step.script.text.at(match.start())
                yield context.problem(RULE, position, step.script.text.where or step.where, credentials[0], message)


def _stores(context: RuleContext, run: CommandRun) -> Iterator[Problem]:
    for word in run.command.words:
        if word.value == "--add-to-git-credential" and run.command.name in ("hf", "huggingface-cli"):
            names = [hit.credential for other in run.command.words for hit in run.scope.hits(other)]
            credential = names[0] if names else next(iter(run.scope.carriers.values()), None)
            name = credential if isinstance(credential, str) else (credential.credential if credential else "HF_TOKEN")
            message = f"{name} is written into git's credential store"
            position = run.script.text.at(word.offset)
            yield context.problem(RULE, position, run.script.text.where or run.step.where, name, message)


def _named(written: Written) -> str:
    return "a file that all later steps read" if written.shared else f"the file {written.target}"


def _kept(job: Job, written: Written) -> str | None:
    """The action that caches or uploads the file, judged by its path."""
    target = (written.target or "").replace("${HOME}", "~").replace("$HOME", "~").lstrip("./")
    for step in job.steps:
        if step.action is None or not step.action.name.startswith(_KEEPERS):
            continue
        for path in step.input("path").splitlines():
            kept = path.strip().replace("${HOME}", "~").replace("$HOME", "~").lstrip("./").rstrip("/*")
            if target == kept or target.startswith(kept + "/") or (not kept and not target.startswith(("~", "/"))):
                return step.action.name
    return None
