"""Verifies a new token: the Hub's description, whoami, the access it must have, and the access it must not have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject
from tokenaudit.inspect import inspect_credentials
from tokenaudit.model import Grant, Inspection
from tokenaudit.remediate.revocation import WriteOnlyCache
from tokenaudit.remediate.rotation.verify import Identity, check_access, compare, messages_of, overreach
from tokenaudit.secret import Secret

_Now: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True)
class TokenProof:
    """Whether a token has exactly its rights: True, False, or None if the Hub gave no clear response."""

    ok: bool | None
    messages: tuple[str, ...]


def differences(info: JsonObject, rights: dict[str, object]) -> list[str]:
    """Return the fields in which the Hub's description of a token differs from the requested rights.

    Fields that the description lacks are not compared: `permissions` is optional in the response to a creation.
    """
    found = []
    for key, wanted in rights.items():
        if key not in info:
            continue
        got = info.get(key)
        if not isinstance(got, list) or not isinstance(wanted, list) or sorted(map(str, got)) != sorted(wanted):
            found.append(f"{key} is {got}, not {wanted}")
    return found


def prove(
    hub: Hub, new: Secret, grants: Sequence[Grant], own: Secret, now: _Now, cache: WriteOnlyCache | None = None
) -> TokenProof:
    """Check the token `new` against `grants`; `own`, the operator's token, lists repositories. Read-only."""
    found = _inspect(hub, new, now, cache)
    if found.dead:
        return TokenProof(ok=False, messages=(f"whoami rejects the new token: {found.reason}",))
    if found.status != "active":
        return TokenProof(ok=None, messages=(f"whoami gave no clear response: {found.reason}",))
    who = found.account.name if found.account else "unknown"
    messages = [f"whoami: {who}, role {found.role}"]
    if found.role == "fineGrained" and found.details_known:
        compared = compare(found, grants)
        if compared.extra:
            return TokenProof(ok=False, messages=(*messages, f"in excess: {', '.join(compared.extra)}"))
        if compared.missing:
            messages.append(f"not listed by whoami: {', '.join(compared.missing)}")
    elif found.role in {"write", "god", "read"}:
        return TokenProof(ok=False, messages=(*messages, f"the role {found.role} covers more than the grants"))
    allowed, opened = check_access(hub, new, grants)
    identities = [Identity(new, found), Identity(own, _inspect(hub, own, now, cache))]
    excess = overreach(hub, new, grants, identities)
    messages += [*opened, *messages_of(excess)]
    if allowed is False or excess.opened:
        return TokenProof(ok=False, messages=tuple(messages))
    return TokenProof(ok=None if allowed is None or excess.unsettled else True, messages=tuple(messages))


def _inspect(hub: Hub, secret: Secret, now: _Now, cache: WriteOnlyCache | None) -> Inspection:
    return dict(inspect_credentials([("user_token", secret)], hub, now=now, cache=cache))[secret.fingerprint]
