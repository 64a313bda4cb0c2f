"""Every token rule, by id, in the order of the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from tokenaudit.model import Credential, Reason, Rule
from tokenaudit.policy.context import Context
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

Check: TypeAlias = Callable[[Credential, Context], Iterator[Reason]]

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

RULES: dict[str, Rule] = {module.RULE.id: module.RULE for module in _MODULES}
CHECKS: dict[str, Check] = {module.RULE.id: module.check for module in _MODULES}
