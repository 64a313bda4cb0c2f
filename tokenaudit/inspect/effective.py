"""Effective rights: what a token names ∩ what its owner may do there ∩ what the organization allows this token.

Sources: hub-docs security-tokens.md and organizations-security.md. Roles, weakest first: no_access, read, contributor
(writes only repositories that its owner made), write, admin. `securityRestrictions` hit this way of authenticating.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from tokenaudit.model import Entity, Grant, Inspection, Organization

RestrictedBy: TypeAlias = Literal["full", "own-only", "read-only", "none", "unknown"]
"""What an owner's role leaves of a grant: all of it, writes to own repositories, reads, nothing, or not known."""

_BY_ROLE: Mapping[str, RestrictedBy] = {
    "admin": "full",
    "write": "full",
    "contributor": "own-only",
    "read": "read-only",
    "no_access": "none",
}


class EffectiveGrant(NamedTuple):
    """A grant, the part of it that is effective, and the reason for the difference."""

    grant: Grant
    org_access: RestrictedBy
    permissions: tuple[str, ...]
    note: str = ""


def effective(inspection: Inspection) -> tuple[EffectiveGrant, ...]:
    """Each grant of a fine-grained token, cut down to what its owner's roles and the organizations leave of it."""
    orgs = {org.name: org for org in inspection.orgs}
    return tuple(_cut(grant, orgs, inspection) for grant in inspection.grants)


def org_access(org: Organization) -> tuple[RestrictedBy, str]:
    """What any token of this owner can do in `org`, and why where that is not everything."""
    if org.restrictions:
        return "none", f"{org.name} denies access to this token: {', '.join(org.restrictions)}"
    if org.role is None:
        return "unknown", f"owner's role in {org.name} unknown"
    found = _BY_ROLE.get(org.role, "unknown")
    if found == "full":
        return found, ""
    return found, f"owner's role in {org.name} is {org.role}"


def namespace(entity: Entity) -> str | None:
    """The user or organization that an entity belongs to, if its name contains it."""
    if entity.name is None:
        return None
    return entity.name if entity.type in ("user", "org") else entity.name.partition("/")[0]


def _cut(grant: Grant, orgs: Mapping[str, Organization], inspection: Inspection) -> EffectiveGrant:
    if grant.entity.type == "resource-group":
        return _cut_group(grant, inspection)
    owner = namespace(grant.entity)
    if inspection.account is not None and owner == inspection.account.name:
        return EffectiveGrant(grant, "full", grant.permissions)
    if owner is not None and owner in orgs:
        found, note = org_access(orgs[owner])
        if found == "read-only" and _group_role(orgs[owner]) is not None:
            # A role in a resource group can be higher than the one in the organization.
            found, note = "unknown", f"{note}, but {_group_role(orgs[owner])}"
        return EffectiveGrant(grant, found, _left(grant.permissions, found), note)
    return EffectiveGrant(grant, "unknown", grant.permissions, "owner's role unknown")


def _cut_group(grant: Grant, inspection: Inspection) -> EffectiveGrant:
    for org in inspection.orgs:
        for group in org.resource_groups:
            if group.id is not None and group.id == grant.entity.id:
                if org.restrictions:
                    return EffectiveGrant(grant, "none", (), org_access(org)[1])
                found = _BY_ROLE.get(group.role or "", "unknown")
                note = "" if found == "full" else f"owner's role in the group {group.name or group.id} is {group.role}"
                return EffectiveGrant(grant, found, _left(grant.permissions, found), note)
    return EffectiveGrant(grant, "unknown", grant.permissions, "owner's role in the group unknown")


def _group_role(org: Organization) -> str | None:
    writers = [group for group in org.resource_groups if group.role not in (None, "read", "no_access")]
    if not writers:
        return None
    return f"{writers[0].role} in the group {writers[0].name or writers[0].id}"


def _left(permissions: tuple[str, ...], found: RestrictedBy) -> tuple[str, ...]:
    """The permissions that a membership leaves. Unknown permissions are kept: a role is not known to remove them."""
    if found == "none":
        return ()
    if found == "read-only":
        return tuple(name for name in permissions if not (name.endswith(".write") and name.startswith(_NEEDS_A_ROLE)))
    return permissions


_NEEDS_A_ROLE = ("repo.", "org.", "resourceGroup.", "collection.", "inference.endpoints.write", "job.")


Access: TypeAlias = Literal["read", "write"]

_REPOSITORIES = frozenset({"model", "dataset", "space", "bucket", "kernel"})
_READS = frozenset({"repo.content.read", "repo.read", "read-repos"})
_WRITES = frozenset({"repo.write", "repo.content.write", "write-repos", "manage-repos"})
_UNBOUND = frozenset({"write", "god", "read"})


class NamespaceAccess(NamedTuple):
    """A whole namespace and the most that can be done to its repositories."""

    name: str
    access: Access


class Namespaces(NamedTuple):
    """Everything a credential's rights cover."""

    namespaces: tuple[NamespaceAccess, ...] = ()
    repositories: tuple[tuple[Entity, Access], ...] = ()
    not_counted: tuple[str, ...] = ()


def namespaces_of(inspection: Inspection) -> Namespaces:
    """The namespaces in which a credential with this inspection has permissions, after its owner's roles."""
    beyond = []
    if inspection.can_read_gated_repos or inspection.role in _UNBOUND:
        beyond.append("public gated repositories of other accounts that its owner can access")
    if not inspection.details_known:
        beyond.append("everything its unknown permissions cover")
    if inspection.role in _UNBOUND:
        return _everywhere(inspection, "read" if inspection.role == "read" else "write", beyond)
    if inspection.role == "oauth":
        access = _access(inspection.global_permissions)
        return _everywhere(inspection, access, beyond) if access else Namespaces(not_counted=tuple(beyond))
    return _named(inspection, beyond)


def _everywhere(inspection: Inspection, access: Access, beyond: list[str]) -> Namespaces:
    namespaces = [NamespaceAccess(inspection.account.name, access)] if inspection.account is not None else []
    for org in inspection.orgs:
        found, note = org_access(org)
        if found == "none":
            continue
        if found == "full":
            namespaces.append(NamespaceAccess(org.name, access))
            continue
        namespaces.append(NamespaceAccess(org.name, "read"))
        if access == "write":
            beyond.append(f"writable repositories in {org.name} ({note})")
    return Namespaces(tuple(namespaces), not_counted=tuple(beyond))


def _named(inspection: Inspection, beyond: list[str]) -> Namespaces:
    namespaces: dict[str, NamespaceAccess] = {}
    repositories: list[tuple[Entity, Access]] = []
    for grant in effective(inspection):
        access = _access(grant.permissions)
        entity = grant.grant.entity
        if access is None:
            continue
        if grant.org_access == "own-only" and access == "write":
            access = "read"
            beyond.append(f"writable repositories in {entity.name or entity.type} ({grant.note})")
        if entity.type in ("user", "org") and entity.name:
            known = namespaces.get(entity.name)
            namespaces[entity.name] = NamespaceAccess(
                entity.name, "write" if known and known.access == "write" else access
            )
        elif entity.type in _REPOSITORIES and entity.name:
            repositories.append((entity, access))
        else:
            beyond.append(f"the repositories of {entity.type} {entity.name or entity.id or '(unnamed)'}")
    return Namespaces(tuple(namespaces.values()), tuple(repositories), tuple(beyond))


def _access(permissions: Iterable[str]) -> Access | None:
    held = set(permissions)
    if held & _WRITES:
        return "write"
    return "read" if held & _READS else None
