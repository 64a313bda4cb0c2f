"""A service account's token has dangerous permissions on the whole organization."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Entity, Reason, Rule, ServiceToken, Severity
from tokenaudit.permissions import READ, danger, effect_of, is_known
from tokenaudit.policy.context import PolicyContext

RULE = Rule(
    id="service-token-wide",
    title="Organization-wide service account token",
    severity=Severity.HIGH,
    why=(
        "An organization-wide permission covers every repository, including private and future ones. Whoever steals "
        "the token gets all of them, although its consumer needs a few."
    ),
    remedy=(
        "Name the repositories instead: `tokenaudit service-accounts narrow ORG ACCOUNT TOKEN --grant "
        "PERMISSION@TYPE:NAME`, or `--plan` with the runbook of a scan of its consumers."
    ),
    bad="repo.write on the whole organization; a token with the role write.",
    good="repo.content.read on two models.",
)

_ORGANIZATION = Entity("org")
_ROLES = {
    "write": (Severity.CRITICAL, "write everything that the service account can write"),
    "read": (Severity.HIGH, "read everything that the service account can read"),
}
_COVERED_BY_OTHER_RULES = frozenset({"org.serviceAccounts.write"})


def check(token: ServiceToken, context: PolicyContext) -> Iterator[Reason]:
    """A service account's token has dangerous permissions on the whole organization."""
    if token.role in _ROLES:
        severity, effect = _ROLES[token.role]
        yield Reason(RULE.id, severity, f"the role {token.role} allows to {effect}", RULE.remedy)
    own = context.settings.dangerous_permissions
    for permission in token.permissions:
        if not is_known(permission) or permission in _COVERED_BY_OTHER_RULES:
            continue
        severity = danger(permission, _ORGANIZATION)
        if permission in own:
            severity = max(severity, Severity.HIGH, key=lambda grade: grade.rank)
        elif severity.rank < Severity.HIGH.rank and permission != READ:
            continue
        where = _where(permission, token)
        yield Reason(RULE.id, severity, f"{permission} on {where} allows to {effect_of(permission)}", RULE.remedy)


def _where(permission: str, token: ServiceToken) -> str:
    if permission.startswith("inference.endpoints.") and token.endpoint_patterns:
        return f"the Inference Endpoints {', '.join(token.endpoint_patterns)}"
    return "the whole organization"
