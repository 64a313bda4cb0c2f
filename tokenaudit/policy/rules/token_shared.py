"""One credential is stored in several unrelated targets."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, exposed
from tokenaudit.text import listed

RULE = Rule(
    id="token-shared",
    title="Credential shared between targets",
    severity=Severity.MEDIUM,
    why="One leak affects all of the targets, and a rotation has to update all of them at once.",
    remedy="Create one token per use, each with the permissions that this use needs.",
    bad="The same token in two repositories and a Space.",
    good="Three tokens, each named for its use.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """One credential is stored in several unrelated targets."""
    targets = list(dict.fromkeys(location.target for location in credential.locations))
    if len(targets) > 1 and credential.likelihood == "credential" and exposed(credential):
        yield Reason(RULE.id, RULE.severity, f"the same value is in {listed(targets)}", RULE.remedy)
