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
    title="Credential written to a file",
    severity=Severity.MEDIUM,
    why="Files outlive the step in caches, artifacts, image layers and the next job on the same runner.",
    remedy="Use the credential only in the environment of the step that needs it; remove `--add-to-git-credential`, "
    "token files and .netrc entries.",
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
_LONGEST_PATH = 1_000
_KEEPERS = ("actions/cache", "actions/upload-artifact", "actions/cache/save")


def check(context: RuleContext) -> Iterator[Problem]:
    """Redirections of a credential, stores that a login fills, and `.netrc` entries."""
    keepers: dict[int, _Kept] = {}
    for run in context.flows.runs():
        for written in writes(run):
            if written.target is None or is_client_file(written) or written.prints:
                continue
            reference = written.hit.reference
            masked = reference is not None and reference.name in run.scope.masked
            if written.shared and (written.hit.minted or masked):
                continue  # another rule's matter: whether it was masked
            if id(run.job) not in keepers:
                keepers[id(run.job)] = _Kept(run.job)
            kept = keepers[id(run.job)].by(written)
            message = f"{written.hit.credential} is written to {_named(written)}"
            message += f", which is included in {kept}" if kept else ""
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
                message = f"{credentials[0]} is written to disk by {match.group().split('(')[0].strip()}"
                position = step.script.text.at(match.start())
                yield context.problem(RULE, position, step.script.text.where or step.where, credentials[0], message)


def _stores(context: RuleContext, run: CommandRun) -> Iterator[Problem]:
    for word in run.command.words:
        if word.value == "--add-to-git-credential" and run.command.name in ("hf", "huggingface-cli"):
            names = [hit.credential for other in run.command.words for hit in run.scope.hits(other)]
            credential = names[0] if names else next(iter(run.scope.carriers().values()), None)
            name = credential if isinstance(credential, str) else (credential.credential if credential else "HF_TOKEN")
            message = f"{name} is written to the credential store of git"
            position = run.script.text.at(word.offset)
            yield context.problem(RULE, position, run.script.text.where or run.step.where, name, message)


def _named(written: Written) -> str:
    if written.shared:
        return "a file that all later steps read"
    target = written.target or ""
    return target if target.startswith("the registry") else f"the file {target}"


class _Kept:
    """The paths that a job caches or uploads, each with the action that does it."""

    def __init__(self, job: Job) -> None:
        self._paths: dict[str, str] = {}
        for step in job.steps:
            if step.action is not None and step.action.name.startswith(_KEEPERS):
                for path in step.input("path").splitlines():
                    self._paths.setdefault(_plain(path.strip()).rstrip("/*"), step.action.name)

    def by(self, written: Written) -> str | None:
        """The action that uploads or stores a written file, judged by its path."""
        target = _plain(written.target or "")
        end = len(target)
        while end > 0 and self._paths:
            if target[:end] in self._paths:
                return self._paths[target[:end]]
            end = target.rfind("/", 0, end)
        return self._paths.get("") if not target.startswith(("~", "/")) else None


def _plain(path: str) -> str:
    return path[:_LONGEST_PATH].replace("${HOME}", "~").replace("$HOME", "~").lstrip("./")
