"""One credential is used in several unrelated places."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, exposed
from tokenaudit.text import listed

RULE = Rule(
    id="token-shared",
    title="One credential in several places",
    severity=Severity.MEDIUM,
    why="One leak opens all of them, and one rotation must touch all of them at once.",
    remedy="One token per use, each with only what that use needs.",
    bad="The same token in two repositories and a Space.",
    good="Three tokens, each named for its use.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """One credential is used in several unrelated places."""
    targets = list(dict.fromkeys(location.target for location in credential.locations))
    if len(targets) > 1 and credential.likelihood == "credential" and exposed(credential):
        yield Reason(RULE.id, RULE.severity, f"the same value stands in {listed(targets)}", RULE.remedy)
