"""A keyless set-up with a client that does not know it."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.keyless import PIN, too_old
from tokenaudit.ci.model import Job
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-stale-client",
    title="Pinned client without OIDC support",
    severity=Severity.MEDIUM,
    why="huggingface_hub 1.19.0 and newer exchange the OIDC identity of the job for a token. Older versions ignore "
    "HF_OIDC_RESOURCE: they fall back to a stored token, or fail.",
    remedy='Install "huggingface_hub>=1.19".',
    bad="""\
# .github/workflows/publish.yml
on: push
permissions:
  id-token: write
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: pip install huggingface_hub==1.10.0
      - run: hf upload acme/model ./out .
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
      - run: pip install "huggingface_hub>=1.19"
      - run: hf upload acme/model ./out .
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    references=("https://huggingface.co/docs/hub/trusted-publishers",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Pins below 1.19 in jobs whose environment names an OIDC resource."""
    for job in context.pipeline.jobs:
        if not _keyless(context, job):
            continue
        for step in job.steps:
            text = None if step.script is None else step.script.text
            for match in PIN.finditer(text.value) if text is not None else []:
                if text is not None and too_old(match["spec"]):
                    message = (
                        f"HF_OIDC_RESOURCE is set, but huggingface_hub{match['spec'].strip()} can't exchange a token"
                    )
                    yield context.problem(RULE, text.at(match.start()), text.where or step.where, None, message)


def _keyless(context: RuleContext, job: Job) -> bool:
    bindings = [*context.pipeline.env, *job.env, *(binding for step in job.steps for binding in step.env)]
    if any(binding.name == "HF_OIDC_RESOURCE" for binding in bindings):
        return True
    return any(step.script is not None and "HF_OIDC_RESOURCE=" in step.script.text.value for step in job.steps)
