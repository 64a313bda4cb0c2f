"""A token minted in the job and handed on without a mask."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.rules.outputs import writes
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-oidc-unmasked",
    title="A token minted in the job is handed to later steps without a mask",
    severity=Severity.MEDIUM,
    why="The runner masks stored secrets only. A token that `hf auth token` prints is new to it, so every later step "
    "shows it in the log in clear text, in the list of its environment for one.",
    remedy='Mask it before anything else: `t=$(hf auth token); echo "::add-mask::$t"; '
    """echo "HF_TOKEN=$t" >> "$GITHUB_ENV"`. """
    "Better, let the tool exchange its own token by HF_OIDC_RESOURCE.",
    bad="""\
# .github/workflows/publish.yml
on: push
permissions:
  id-token: write
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: echo "HF_TOKEN=$(hf auth token)" >> "$GITHUB_ENV"
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    good="""\
# .github/workflows/publish.yml
on: push
permissions:
  id-token: write
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: |
          t=$(hf auth token)
          echo "::add-mask::$t"
          echo "HF_TOKEN=$t" >> "$GITHUB_ENV"
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    references=("https://huggingface.co/docs/hub/trusted-publishers",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Minted tokens written into the files that hand variables on."""
    for run in context.flows.runs():
        for written in writes(run):
            reference = written.hit.reference
            masked = reference is not None and reference.name in run.scope.masked
            if written.shared and written.hit.minted and not masked:
                message = "a token minted in this job is handed to later steps without `::add-mask::`"
                position = run.script.text.at(written.offset)
                where = run.script.text.where or run.step.where
                yield context.problem(RULE, position, where, written.hit.credential, message)
