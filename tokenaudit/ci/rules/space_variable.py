"""A credential put into a Space's public variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="space-token-in-variable",
    title="Credential in a Space variable",
    severity=Severity.CRITICAL,
    why="Variables of a Space are public and copied to duplicates of the Space; secrets are not.",
    remedy="Revoke the credential, delete the variable, and add the new one as a secret: `hf spaces secrets add` or "
    "`add_space_secret`.",
    bad="""\
# .github/workflows/space.yml
on: push
jobs:
  space:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          import os
          from huggingface_hub import HfApi
          HfApi().add_space_variable("acme/demo", "HF_TOKEN", os.environ["HF_TOKEN"])
""",
    good="""\
# .github/workflows/space.yml
on: push
jobs:
  space:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          import os
          from huggingface_hub import HfApi
          HfApi().add_space_secret("acme/demo", "HF_TOKEN", os.environ["HF_TOKEN"])
""",
    references=("https://huggingface.co/docs/hub/spaces-overview#managing-secrets-and-environment-variables",),
)

_CALL = re.compile(
    r"add_space_variable\s*\((?:[^()]|\([^()]{0,200}\)){0,500}?(?:key\s*=\s*)?[\"'](?P<name>[A-Za-z0-9_]+)[\"']\s*,\s*(?:value\s*=\s*)?(?P<value>[^)]*)"
)
_LISTED = re.compile(r"space_variables\s*=\s*\[[^\]]{0,2000}?[\"']key[\"']\s*:\s*[\"'](?P<name>\w+)[\"']", re.DOTALL)


def check(context: RuleContext) -> Iterator[Problem]:
    """Calls and commands that fill a Space variable of a credential's name."""
    for job, step in context.pipeline.steps():
        if step.script is None:
            continue
        text = step.script.text
        for match in (*_CALL.finditer(text.value), *_LISTED.finditer(text.value)):
            if context.names.match(match["name"]):
                yield _problem(context, text.at(match.start("name")), text.where or step.where, match["name"])
        for run in context.flows.step_runs(job, step):
            arguments = run.command.arguments
            if run.command.name not in ("hf", "huggingface-cli") or arguments[:2] != ["spaces", "variables"]:
                continue
            for word in run.command.words[3:]:
                name = word.value.split("=", 1)[0]
                named = [hit.credential for hit in run.scope.hits(word)]
                if "=" in word.value and (named or context.names.match(name)):
                    position = text.at(word.offset)
                    yield _problem(context, position, text.where or step.where, named[0] if named else name)


def _problem(context: RuleContext, position: tuple[int, int], where: str, credential: str) -> Problem:
    message = f"{credential} is stored in a Space variable, which is public"
    return context.problem(RULE, position, where, credential, message)
