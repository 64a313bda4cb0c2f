"""A credential that outsiders can access."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Job, Step, Trigger
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-untrusted-trigger",
    title="Credential in a job with an untrusted trigger",
    severity=Severity.HIGH,
    why="Anyone can trigger `pull_request_target`, `workflow_run` and comment events, which run with the secrets of "
    "the repository. If the job checks out code of a pull request, that code has the credential.",
    remedy="Run code of pull requests on `pull_request`, which gets no secrets, and use the credential in a separate "
    "job behind an environment with required reviewers.",
    bad="""\
# .github/workflows/preview.yml
on: pull_request_target
jobs:
  preview:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          ref: ${{ github.event.pull_request.head.sha }}
      - run: python evaluate.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    good="""\
# .github/workflows/preview.yml
on: pull_request
jobs:
  preview:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: python evaluate.py
""",
    references=("https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/",),
)

_OPEN = frozenset(
    {
        "pull_request_target",
        "workflow_run",
        "issue_comment",
        "issues",
        "discussion",
        "discussion_comment",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_comment",
    }
)
_TEXT_ONLY = frozenset({"issues", "discussion", "discussion_comment"})
_HEAD = re.compile(
    r"github\.(?:event\.pull_request\.head|head_ref|event\.workflow_run\.head_(?:sha|branch|commit)|event\.workflow_run\.head)"
    r"|refs/pull/|pull/\$\{\{|github\.event\.(?:issue|pull_request)\.number|steps\.[\w-]+\.outputs\.[\w-]*(?:sha|ref|head)"
)
_FETCHES = re.compile(
    r"\bgh\s+pr\s+checkout\b|\bgit\s+(?:fetch|checkout|pull)\b[^\n]{0,300}?(?:pull/|pull_request\.head|head_ref)"
)
_GUARD = re.compile(
    r"author_association|github\.actor\s*==|sender\.login\s*==|head\.repo\.full_name\s*==|head\.repo\.fork\s*==\s*false"
    r"|head_repository\.full_name\s*==|user\.login\s*==|triggering_actor\s*=="
)
_ARTIFACTS = ("actions/download-artifact", "dawidd6/action-download-artifact")


def check(context: RuleContext) -> Iterator[Problem]:
    """One problem per job with a credential and an open trigger."""
    named = {trigger.name: trigger for trigger in reversed(context.pipeline.triggers)}
    triggers = [trigger for name, trigger in reversed(named.items()) if name in _OPEN]
    for job in context.pipeline.jobs if triggers else []:
        credentials = context.flows.job_credentials(job)
        trigger = _starting(job, triggers)
        if not credentials or trigger is None:
            continue
        fetched = any(_foreign(step) for step in job.steps)
        guarded = _GUARD.search(job.condition) is not None or job.environment is not None
        if trigger.name == "workflow_run" and not fetched and not any(_artifact(step) for step in job.steps):
            continue  # runs only the code of the default branch, without input from the outsider
        if guarded and not fetched:
            continue
        severity = Severity.CRITICAL if fetched else Severity.HIGH
        if guarded or (trigger.name in _TEXT_ONLY and not fetched):
            severity = Severity.MEDIUM
        what = "checks out untrusted code and " if fetched else ""
        message = f"anyone can start this job through {trigger.name}; it {what}has {credentials[0]}"
        if guarded:
            message += " behind a condition or environment; make sure that a maintainer approves each run"
        yield context.problem(
            RULE,
            (trigger.line, trigger.column),
            job.where,
            credentials[0],
            message,
            severity=severity,
            confidence="low" if guarded else None,
        )


def _starting(job: Job, triggers: list[Trigger]) -> Trigger | None:
    """The open trigger that starts the job, according to its condition."""
    named = set(re.findall(r"github\.event_name\s*==\s*['\"](\w+)['\"]", job.condition))
    for trigger in triggers:
        if not named or trigger.name in named:
            return trigger
    return None


def _foreign(step: Step) -> bool:
    if step.action is not None and step.action.name == "actions/checkout":
        return _HEAD.search(step.input("ref")) is not None or _HEAD.search(step.input("repository")) is not None
    return step.script is not None and _FETCHES.search(step.script.text.value) is not None


def _artifact(step: Step) -> bool:
    if step.action is not None:
        return step.action.name in _ARTIFACTS
    return step.script is not None and "gh run download" in step.script.text.value
