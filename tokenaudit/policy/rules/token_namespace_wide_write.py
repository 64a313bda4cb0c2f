"""A fine-grained token may write all repositories of a person."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import Context, active, powers

RULE = Rule(
    id="token-namespace-wide-write",
    title="A fine-grained token that writes a whole personal namespace",
    severity=Severity.CRITICAL,
    why=(
        "repo.write on a user covers every repository of that user, present and future, with their settings "
        "and secrets."
    ),
    remedy="Give repo.write on the named repositories only.",
    bad="repo.write on user alice.",
    good="repo.write on model alice/demo.",
)


def check(credential: Credential, context: Context) -> Iterator[Reason]:
    """A fine-grained token may write all repositories of a person."""
    inspection = active(credential)
    if inspection is None:
        return
    for power in powers(inspection):
        wide = power.permission == "repo.write" and power.entity is not None and power.entity.type == "user"
        if wide or (power.entity is None and power.permission in ("write-repos", "manage-repos")):
            yield Reason(
                RULE.id,
                power.severity,
                f"{power.permission} on {power.where}: writes every repository there{power.note}",
                RULE.remedy,
            )
