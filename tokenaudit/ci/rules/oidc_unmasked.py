"""A token created in the job is passed on without a mask."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.rules.outputs import writes
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-oidc-unmasked",
    title="Unmasked token passed to later steps",
    severity=Severity.MEDIUM,
    why="The runner masks stored secrets only, not a token that `hf auth token` prints. Every later step "
    "can show it in the log in plain text, for example in the list of its environment.",
    remedy='Mask it first: `t=$(hf auth token); echo "::add-mask::$t"; '
    """echo "HF_TOKEN=$t" >> "$GITHUB_ENV"`. """
    "Better: set HF_OIDC_RESOURCE and let the tool exchange its own token.",
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
    """Yields created tokens written into the files that pass variables on."""
    for run in context.flows.runs():
        for written in writes(run):
            reference = written.hit.reference
            masked = reference is not None and reference.name in run.scope.masked
            if written.shared and written.hit.minted and not masked:
                message = "a token created in this job is passed to later steps without `::add-mask::`"
                position = run.script.text.at(written.offset)
                where = run.script.text.where or run.step.where
                yield context.problem(RULE, position, where, written.hit.credential, message)
