"""A stored token does what a keyless exchange could do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-could-be-keyless",
    title="A stored token where none is needed",
    severity=Severity.LOW,
    why=(
        "CI systems with OIDC can publish to one repository without any stored secret; public repositories "
        "need none to read."
    ),
    remedy="Set up a Trusted Publisher for the repository, or drop the token.",
    bad="A write token in a workflow that uploads to one model.",
    good="A Trusted Publisher and HF_OIDC_RESOURCE.",
    references=("https://huggingface.co/docs/hub/trusted-publishers",),
    confidence="medium",
)

_WORKFLOW = re.compile(r"(^|/)(\.github/workflows/|\.gitlab-ci\.yml$|\.circleci/|bitbucket-pipelines\.yml$)")


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A stored token does what a keyless exchange could do."""
    if credential.inspection is not None and credential.inspection.dead:
        return
    recommendation = credential.recommendation
    if recommendation is not None:
        if recommendation.replacement in ("trusted-publisher", "no-token"):
            what = "a Trusted Publisher" if recommendation.replacement == "trusted-publisher" else "no token at all"
            yield Reason(RULE.id, RULE.severity, f"what it is used for works with {what}", RULE.remedy)
        return
    workflows = [where.path for where in credential.locations if where.path and _WORKFLOW.search(where.path)]
    if workflows:
        live = "live, and " if active(credential) is not None else ""
        message = f"{live}kept in {workflows[0]}, whose CI system can get short-lived tokens by OIDC"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
