"""A publishing job without a protected environment."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.keyless import publishes, uses
from tokenaudit.ci.model import Job
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-no-environment",
    title="Publishing job without a deployment environment",
    severity=Severity.INFO,
    why="A repository secret is available to every workflow on every branch, so everyone with write access can read "
    "it. An environment secret is available only for the branches and after the approvals that the environment "
    "requires.",
    remedy="Move the secret to an environment with a branch rule or reviewers, and set it in the job: `environment: "
    "release`.",
    bad="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: hf upload acme/model ./out .
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
      - run: hf upload acme/model ./out .
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    references=("https://docs.zizmor.sh/audits/#secrets-outside-env",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Jobs of a GitHub workflow that publish with a stored credential."""
    if context.pipeline.system != "github" or context.pipeline.kind != "pipeline":
        return
    if any(trigger.name == "workflow_call" for trigger in context.pipeline.triggers):
        return  # the caller's secrets: an environment does not work here without `secrets: inherit`
    for job in context.pipeline.jobs:
        credential = _publishing_with(context, job)
        if job.environment is None and job.calls is None and credential is not None:
            message = f"job {job.id} publishes with {credential} without an environment"
            yield context.problem(RULE, (job.line, job.column), job.where, credential, message)


def _publishing_with(context: RuleContext, job: Job) -> str | None:
    """The stored credential that a step of the job publishes with."""
    for step, names in context.flows.holding(job):
        if publishes(step):
            return names[0]
    written = [use for use in uses(context.flows, job) if use.what == "write"]
    return context.flows.job_credentials(job)[0] if written else None
