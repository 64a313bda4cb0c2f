"""The whole secret store written out."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.model import whole_context
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.shell import EXPRESSION
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-all-secrets",
    title="All secrets exposed to one step",
    severity=Severity.HIGH,
    why="One step gets every secret of the repository and the organization. The masking of single values does not "
    "cover the JSON that contains them.",
    remedy="Pass only the secret that the step needs.",
    bad="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: python publish_to_huggingface.py
        env:
          ALL: ${{ toJSON(secrets) }}
""",
    good="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: python publish_to_huggingface.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    references=("https://docs.zizmor.sh/audits/#overprovisioned-secrets",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Every `toJSON(secrets)` in a file, or target, that uses Hugging Face."""
    mentioned = context.project.holds(context.names) or _mentioned(context)
    if mentioned is None:
        return
    for text in context.pipeline.texts:
        for match in EXPRESSION.finditer(text.value):
            if whole_context(match.group(1)):
                message = f"`toJSON(secrets)` contains every secret, including {mentioned}"
                yield context.problem(RULE, text.at(match.start()), text.where, mentioned, message)


def _mentioned(context: RuleContext) -> str | None:
    lowered = context.pipeline.source.lower()
    return "HF_TOKEN" if any(word in lowered for word in ("huggingface", "hugging face", "hf_token")) else None
