"""The verdict on a token of a service account: the reasons of every rule and the privilege."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from tokenaudit.model import Lowered, Privilege, Reason, Rule, ServiceToken, Severity, Verdict
from tokenaudit.permissions import is_known
from tokenaudit.policy.context import PolicyContext
from tokenaudit.policy.rules import (
    service_token_mints_tokens,
    service_token_no_expiry,
    service_token_skips_network_rules,
    service_token_unused,
    service_token_wide,
    token_scope_unknown,
    token_unknown_permission,
)
from tokenaudit.policy.settings import Settings, exempted
from tokenaudit.text import listed
from tokenaudit.timestamps import day

_TOO_MUCH = frozenset({"service-token-wide", "service-token-mints-tokens", "service-token-skips-network-rules"})
_NOT_KNOWN = frozenset({"token-unknown-permission", "token-scope-unknown"})
_FINE_GRAINED = "fineGrained"
_CLASSIC = frozenset({"read", "write"})

ServiceCheck: TypeAlias = Callable[[ServiceToken, PolicyContext], Iterator[Reason]]

_MODULES = (
    service_token_wide,
    service_token_mints_tokens,
    service_token_skips_network_rules,
    service_token_unused,
    service_token_no_expiry,
)

SERVICE_RULES: dict[str, Rule] = {module.RULE.id: module.RULE for module in _MODULES}
SERVICE_CHECKS: tuple[ServiceCheck, ...] = tuple(module.check for module in _MODULES)


def evaluate_service_token(token: ServiceToken, organization: str, settings: Settings, now: datetime) -> Verdict:
    """All reasons, most severe first, and the privilege.

    An expired token gets none: nothing makes it work again. Rights that are unknown, in part or as a whole, are
    never called minimal.
    """
    if token.expires_at is not None and token.expires_at <= now:
        reason = Reason(service_token_no_expiry.RULE.id, Severity.INFO, f"expired {day(token.expires_at)}")
        return Verdict(Severity.INFO, "minimal", (reason,))
    verdict = _judged(token, organization, settings, now)
    before = verdict if settings == Settings() else _judged(token, organization, Settings(), now)
    return replace(verdict, lowered=_lowered(token, before, verdict))


def _judged(token: ServiceToken, organization: str, settings: Settings, now: datetime) -> Verdict:
    context = PolicyContext(settings, now)
    found = [reason for check in (*SERVICE_CHECKS, _unknown) for reason in check(token, context)]
    reasons = [
        exempted(reason, lambda exemption: exemption.organization == organization, settings, now) for reason in found
    ]
    reasons.sort(key=lambda reason: -reason.severity.rank)
    return Verdict(reasons[0].severity if reasons else Severity.INFO, _privilege(found), tuple(reasons))


def _privilege(reasons: list[Reason]) -> Privilege:
    rules = {reason.rule for reason in reasons}
    if rules & _TOO_MUCH:
        return "over"
    return "unknown" if rules & _NOT_KNOWN else "minimal"


def _unknown(token: ServiceToken, context: PolicyContext) -> Iterator[Reason]:
    """Permissions that tokenaudit does not know, and rights that the Hub did not describe."""
    expected = context.settings.dangerous_permissions
    everywhere = [("the whole organization", name) for name in token.permissions]
    here = [(each.name or each.id, name) for each in token.repositories for name in each.permissions]
    places: dict[str, dict[str, None]] = {}
    for where, name in (*everywhere, *here):
        if not is_known(name) and name not in expected:
            places.setdefault(name, {})[where] = None
    rule = token_unknown_permission.RULE
    for name, found in places.items():
        message = f"{name} on {listed(list(found))} is an unknown permission and counts as dangerous"
        yield Reason(rule.id, rule.severity, message, rule.remedy)
    rule = token_scope_unknown.RULE
    if token.role not in {_FINE_GRAINED, *_CLASSIC}:
        yield Reason(rule.id, rule.severity, f"role {token.role}, permissions unknown", rule.remedy)
    elif not token.details_known:
        message = "the Hub did not describe all of its rights; they are not assumed to be harmless"
        yield Reason(rule.id, rule.severity, message, rule.remedy)


def _lowered(token: ServiceToken, before: Verdict, after: Verdict) -> tuple[Lowered, ...]:
    found = []
    for reason in before.reasons:
        same = [
            other for other in after.reasons if other.rule == reason.rule and other.message.startswith(reason.message)
        ]
        now = max((other.severity for other in same), key=lambda severity: severity.rank, default=None)
        if now is None or now.rank < reason.severity.rank:
            found.append(Lowered(token.id, reason.rule, reason.severity, now, reason.message))
    return tuple(found)
