"""Where a live credential's rights lie: whole namespaces, single repositories, and what can't be located."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tokenaudit.inspect.effective import effective, standing
from tokenaudit.model import Entity, Inspection

Access: TypeAlias = Literal["read", "write"]

_REPOSITORIES = frozenset({"model", "dataset", "space", "bucket", "kernel"})
_READS = frozenset({"repo.content.read", "repo.read", "read-repos"})
_WRITES = frozenset({"repo.write", "repo.content.write", "write-repos", "manage-repos"})
_UNBOUND = frozenset({"write", "god", "read"})


@dataclass(frozen=True)
class NamespaceAccess:
    """A whole namespace and the most that can be done to its repositories."""

    name: str
    access: Access


@dataclass(frozen=True)
class Namespaces:
    """Everything a credential's rights cover."""

    namespaces: tuple[NamespaceAccess, ...] = ()
    repositories: tuple[tuple[Entity, Access], ...] = ()
    not_counted: tuple[str, ...] = ()


def namespaces_of(inspection: Inspection) -> Namespaces:
    """Where the rights of a credential with this inspection lie, after its owner's roles."""
    beyond = []
    if inspection.can_read_gated_repos or inspection.role in _UNBOUND:
        beyond.append("public gated repositories of others that its owner was let into")
    if not inspection.details_known:
        beyond.append("anything its unknown rights may cover")
    if inspection.role in _UNBOUND:
        return _everywhere(inspection, "read" if inspection.role == "read" else "write", beyond)
    if inspection.role == "oauth":
        access = _access(inspection.global_permissions)
        return _everywhere(inspection, access, beyond) if access else Namespaces(not_counted=tuple(beyond))
    return _named(inspection, beyond)


def _everywhere(inspection: Inspection, access: Access, beyond: list[str]) -> Namespaces:
    namespaces = [NamespaceAccess(inspection.account.name, access)] if inspection.account is not None else []
    for org in inspection.orgs:
        found, note = standing(org)
        if found == "none":
            continue
        if found == "full":
            namespaces.append(NamespaceAccess(org.name, access))
            continue
        namespaces.append(NamespaceAccess(org.name, "read"))
        if access == "write":
            beyond.append(f"what it may write in {org.name} ({note})")
    return Namespaces(tuple(namespaces), not_counted=tuple(beyond))


def _named(inspection: Inspection, beyond: list[str]) -> Namespaces:
    namespaces: dict[str, NamespaceAccess] = {}
    repositories: list[tuple[Entity, Access]] = []
    for grant in effective(inspection):
        access = _access(grant.permissions)
        entity = grant.grant.entity
        if access is None:
            continue
        if grant.standing == "own-only" and access == "write":
            access = "read"
            beyond.append(f"what it may write in {entity.name or entity.type} ({grant.note})")
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
