"""A stored token is used where OIDC or no token is enough."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-could-be-keyless",
    title="Stored token not needed",
    severity=Severity.INFO,
    why=(
        "CI systems with OIDC can publish to one repository without a stored secret. Reading public repositories "
        "needs no token."
    ),
    remedy="Set up a Trusted Publisher for the repository, or remove the token.",
    bad="A write token in a workflow that uploads to one model.",
    good="A Trusted Publisher and HF_OIDC_RESOURCE.",
    references=("https://huggingface.co/docs/hub/trusted-publishers",),
    confidence="medium",
)

_WORKFLOW = re.compile(r"(^|/)(\.github/workflows/|\.gitlab-ci\.yml$|\.circleci/|bitbucket-pipelines\.yml$)")


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A stored token is used where OIDC or no token is enough."""
    if credential.inspection is not None and credential.inspection.dead:
        return
    recommendation = credential.recommendation
    if recommendation is not None:
        if recommendation.replacement in ("trusted-publisher", "no-token"):
            what = (
                "with a Trusted Publisher" if recommendation.replacement == "trusted-publisher" else "without a token"
            )
            yield Reason(RULE.id, RULE.severity, f"the code that uses it works {what}", RULE.remedy)
        return
    workflows = [where.path for where in credential.locations if where.path and _WORKFLOW.search(where.path)]
    if workflows:
        live = "active, and " if active(credential) is not None else ""
        message = f"{live}stored in {workflows[0]}; this CI system can get short-lived tokens with OIDC"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
