"""The verdict on a credential: the reasons of every rule and the privilege."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from tokenaudit.model import Credential, Lowered, Privilege, Reason, Rule, Severity, Verdict
from tokenaudit.policy.context import CLASSIC_ROLES, PolicyContext, active
from tokenaudit.policy.evaluate_service_token import SERVICE_RULES
from tokenaudit.policy.rules import (
    token_classic_read,
    token_classic_write,
    token_could_be_keyless,
    token_dangerous_permission,
    token_deprecated_kind,
    token_exposed,
    token_exposed_active,
    token_namespace_wide_write,
    token_old,
    token_org_wide_write,
    token_owner_is_org_admin,
    token_predates_incident,
    token_scope_unknown,
    token_shared,
    token_staff_role,
    token_unknown_permission,
    token_unused_grant,
)
from tokenaudit.policy.settings import Exemption, Settings, exempted

_TOO_MUCH = frozenset(
    {
        "token-classic-write",
        "token-classic-read",
        "token-staff-role",
        "token-namespace-wide-write",
        "token-org-wide-write",
        "token-dangerous-permission",
        "token-unused-grant",
    }
)
_NOT_KNOWN = frozenset({"token-unknown-permission", "token-scope-unknown"})


def evaluate(credential: Credential, settings: Settings, now: datetime) -> Verdict:
    """All reasons, most severe first, and the privilege; credentials without an inspection are evaluated too.

    Placeholders and look-alikes get no reasons. `minimal` needs an active fine-grained token with only known grants and
    no excess found by a rule; if in doubt the privilege is `unknown`. Reasons that settings remove or lower are listed.
    """
    if credential.likelihood != "credential":
        return Verdict(Severity.INFO, "unknown")
    verdict = _judged(credential, settings, now)
    built_in = Settings()
    if settings == built_in:
        return verdict
    return replace(verdict, lowered=_lowered(credential, _judged(credential, built_in, now), verdict))


def _judged(credential: Credential, settings: Settings, now: datetime) -> Verdict:
    context = PolicyContext(settings, now)
    found = [reason for check in CHECKS.values() for reason in check(credential, context)]
    privilege = _privilege(credential, found)
    reasons = [exempted(reason, lambda exemption: _concerns(credential, exemption), settings, now) for reason in found]
    reasons.sort(key=lambda reason: -reason.severity.rank)
    severity = reasons[0].severity if reasons else Severity.INFO
    return Verdict(severity, privilege, tuple(reasons))


def _lowered(credential: Credential, before: Verdict, after: Verdict) -> tuple[Lowered, ...]:
    found = []
    for reason in before.reasons:
        same = [other for other in after.reasons if other.rule == reason.rule]
        # An exemption adds its note to the message; other settings can change the whole message.
        same = [other for other in same if other.message.startswith(reason.message)] or same
        now = max((other.severity for other in same), key=lambda severity: severity.rank, default=None)
        if now is None or now.rank < reason.severity.rank:
            found.append(Lowered(credential.fingerprint, reason.rule, reason.severity, now, reason.message))
    return tuple(found)


def _privilege(credential: Credential, reasons: list[Reason]) -> Privilege:
    inspection = active(credential)
    rules = {reason.rule for reason in reasons}
    if inspection is None:
        return "unknown"
    if rules & _TOO_MUCH:
        return "over"
    if rules & _NOT_KNOWN or not inspection.details_known or inspection.role in CLASSIC_ROLES | {"unknown", "app"}:
        return "unknown"
    return "minimal"


def _concerns(credential: Credential, exemption: Exemption) -> bool:
    """Whether everything that the credential is known to reach belongs to the exempted organization."""
    inspection = credential.inspection
    if inspection is None:
        return False
    name = exemption.organization
    if inspection.account is not None and inspection.account.name == name:
        return True
    reached = [grant.entity.name or "" for grant in inspection.grants]
    return bool(reached) and all(entity == name or entity.startswith(f"{name}/") for entity in reached)


Check: TypeAlias = Callable[[Credential, PolicyContext], Iterator[Reason]]

_MODULES = (
    token_exposed,
    token_exposed_active,
    token_classic_write,
    token_classic_read,
    token_staff_role,
    token_namespace_wide_write,
    token_org_wide_write,
    token_dangerous_permission,
    token_unknown_permission,
    token_scope_unknown,
    token_unused_grant,
    token_old,
    token_predates_incident,
    token_shared,
    token_deprecated_kind,
    token_owner_is_org_admin,
    token_could_be_keyless,
)

RULES: dict[str, Rule] = {**{module.RULE.id: module.RULE for module in _MODULES}, **SERVICE_RULES}
CHECKS: dict[str, Check] = {module.RULE.id: module.check for module in _MODULES}
