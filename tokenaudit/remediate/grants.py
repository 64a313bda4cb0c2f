"""The smallest set of grants that covers the permissions that code uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlencode

from tokenaudit.model import Entity, Evidence, Grant, Inspection
from tokenaudit.permissions import (
    ANY_TOKEN,
    DISCUSS,
    GATED,
    GLOBAL,
    NO_TOKEN,
    READ,
    REPOSITORY_TYPES,
    WRITE,
    label_of,
    name_of,
    namespace_of,
)


class Wanted(NamedTuple):
    """The grants that a replacement needs.

    `unplaced` are needed permissions on an entity that the code does not name. `creates` are the namespaces in which
    the code can create repositories; no grant on the whole namespace is proposed for these.
    """

    grants: tuple[Grant, ...] = ()
    unplaced: tuple[Evidence, ...] = ()
    creates: tuple[Entity, ...] = ()


def wanted(evidence: Iterable[Evidence], inspection: Inspection | None = None) -> Wanted:
    """The grants that cover `evidence`, one per entity; names are completed with the account of `inspection`.

    Write access includes read access, as in the token form. Reading a public repository needs no grant. Gated
    repositories of other accounts, and discussions and pull requests there, need a global permission, since no token
    can have grants on a single repository of another account. A permission without an entity stays unplaced, unless
    only the account itself is possible.
    """
    seen = [place(e, inspection) for e in evidence if e.certainty != "not-seen"]
    seen = [e for e in seen if e.need not in {NO_TOKEN, ANY_TOKEN}]
    seen = [e for e in seen if not (e.need == READ and e.visibility == "public")]
    named = {namespace_of(e.entity) for e in seen if e.entity and e.entity.type in REPOSITORY_TYPES}
    permissions: dict[Entity, set[str]] = {}
    unplaced: list[Evidence] = []
    creates: list[Entity] = []
    for item in seen:
        entity = item.entity
        if entity is None or (entity.name is None and entity.type not in {"user", "global"}):
            unplaced.append(item)
        elif item.need == WRITE and item.certainty == "perhaps" and _is_namespace(entity) and entity.name in named:
            creates.append(entity)
        elif item.need == READ and item.visibility == "gated" and not _is_own(entity, inspection):
            permissions.setdefault(GLOBAL, set()).add(GATED)
        elif item.need == DISCUSS and is_elses(entity, inspection):
            permissions.setdefault(GLOBAL, set()).add(DISCUSS)
        else:
            permissions.setdefault(entity, set()).update({READ, WRITE} if item.need == WRITE else {item.need})
    grants = tuple(
        Grant(entity, tuple(sorted(names)))
        for entity, names in sorted(permissions.items(), key=lambda pair: (pair[0].type, pair[0].name or ""))
    )
    return Wanted(grants, tuple(unplaced), tuple(dict.fromkeys(creates)))


def place(item: Evidence, inspection: Inspection | None) -> Evidence:
    """`item` with a complete entity: user or organization, and the account in a bare repository name."""
    entity = item.entity
    account = inspection.account.name if inspection and inspection.account else None
    if entity is None:
        return item
    if entity.type == "user" and entity.name is None:
        return replace(item, entity=Entity("user", account))
    if entity.type == "namespace" and inspection:
        if entity.name in {account, None}:
            return replace(item, entity=Entity("user", account))
        if any(entity.name == o.name for o in inspection.orgs):
            return replace(item, entity=Entity("org", entity.name))
    if entity.type in REPOSITORY_TYPES and entity.name and "/" not in entity.name and item.need == WRITE and account:
        return replace(item, entity=Entity(entity.type, f"{account}/{entity.name}"))
    return item


def union(grants: Sequence[Grant]) -> dict[tuple[str, str | None], frozenset[str]]:
    """Grants as permissions by (entity type, name), to compare two lists."""
    found: dict[tuple[str, str | None], frozenset[str]] = {}
    for grant in grants:
        key = (grant.entity.type, grant.entity.name)
        found[key] = found.get(key, frozenset()) | frozenset(grant.permissions)
    return found


def is_elses(entity: Entity, inspection: Inspection | None) -> bool:
    """Whether a repository belongs to neither the account nor its organizations; False if unknown."""
    known = inspection is not None and inspection.account is not None
    return known and entity.type in REPOSITORY_TYPES and not _is_own(entity, inspection)


def _is_namespace(entity: Entity) -> bool:
    return entity.type in {"namespace", "user", "org"}


def _is_own(entity: Entity, inspection: Inspection | None) -> bool:
    if inspection is None:
        return False
    own = {o.name for o in inspection.orgs} | ({inspection.account.name} if inspection.account else set())
    return namespace_of(entity) in own


PUBLIC_HUB = "https://huggingface.co"

PARAMETERS = frozenset(
    {"tokenType", "ownUserPermissions", "globalPermissions", "canReadGatedRepos", "orgs", "orgPermissions"}
)
"""The query parameters of `/settings/tokens/new` used here. Hugging Face documents them (hub-docs security-tokens.md,
inference-providers guides, microsoft-azure gated-model guide, changelog of July 2026), except `orgPermissions`, which
applies to all organizations of the link (tested in July 2026)."""

_GLOBAL = frozenset({"discussion.write", "post.write"})


class Link(NamedTuple):
    """A link to the form, and one line for each setting to select by hand."""

    url: str
    by_hand: tuple[str, ...] = ()


def creation_link(grants: Sequence[Grant] = (), *, endpoint: str | None = None) -> Link:
    """The form prefilled with the part of `grants` that its documented parameters can express.

    No parameter names a repository, and `repo.…` in `ownUserPermissions` would grant the whole account. Repository
    permissions are therefore never in the link, only in the text. Organization permissions are in the link if it names
    exactly one organization, since they apply to all of them; they are always in the text.
    """
    query: list[tuple[str, str]] = [("tokenType", "fineGrained")]
    by_hand: list[str] = []
    for each in _together(grants):
        parameters, words = _split(each[0], [grant.entity for grant in each])
        query.extend(parameters)
        by_hand.extend(words)
    organizations = {grant.entity.name for grant in grants if grant.entity.type == "org" and grant.entity.name}
    if len(organizations) == 1:
        named = (grant for grant in grants if grant.entity.type == "org" and grant.entity.name)
        query += [("orgPermissions", permission) for grant in named for permission in _on_all(grant.permissions)]
    unique = list(dict.fromkeys(query))
    return Link(f"{web_address(endpoint)}/settings/tokens/new?{urlencode(unique)}", tuple(dict.fromkeys(by_hand)))


def web_address(endpoint: str | None) -> str:
    """The host of the owner's pages: the endpoint of the inspection if it is https, else the public Hub."""
    return endpoint.rstrip("/") if endpoint and endpoint.startswith("https://") else PUBLIC_HUB


def _together(grants: Iterable[Grant]) -> list[list[Grant]]:
    """Group repositories of one type with the same permissions; every other grant is a group."""
    found: dict[object, list[Grant]] = {}
    for place, grant in enumerate(grants):
        is_repository = grant.entity.type in REPOSITORY_TYPES
        found.setdefault((grant.entity.type, grant.permissions) if is_repository else place, []).append(grant)
    return list(found.values())


def _split(grant: Grant, entities: Sequence[Entity]) -> tuple[list[tuple[str, str]], list[str]]:
    entity = grant.entity
    if entity.type == "global":
        return _global(grant)
    if entity.type in REPOSITORY_TYPES:
        names = name_of(entity)
        if len(entities) > 1:
            names = f"{entity.type}s {', '.join(dict.fromkeys(each.name or name_of(each) for each in entities))}"
        return [], [f'Under "Repositories permissions" select the {names} and check {_listed(grant.permissions)}.']
    if entity.type == "user":
        fits = _on_all(grant.permissions)
        rest = [p for p in grant.permissions if p.startswith("repo.")]
        return [("ownUserPermissions", p) for p in fits], _whole_namespace(grant, rest) + _patterns(grant)
    if entity.type == "org" and entity.name:
        rest = [p for p in grant.permissions if p.startswith("repo.")]
        ticks = _on_all(grant.permissions)
        notes = [f'Under "Org permissions" of {entity.name} check: {_listed(ticks)}.'] if ticks else []
        return [("orgs", entity.name)], notes + _whole_namespace(grant, rest) + _patterns(grant)
    return [], [f"On the {name_of(entity)} check: {_listed(grant.permissions)}."]


def _on_all(permissions: Iterable[str]) -> list[str]:
    """Permissions that are not about repositories; a link would grant those on the whole namespace."""
    return [p for p in permissions if not p.startswith("repo.")]


def _global(grant: Grant) -> tuple[list[tuple[str, str]], list[str]]:
    parameters: list[tuple[str, str]] = []
    words: list[str] = []
    for permission in grant.permissions:
        if permission == GATED:
            parameters.append(("canReadGatedRepos", "true"))
        elif permission in _GLOBAL:
            parameters.append(("globalPermissions", permission))
        else:
            words.append(f"The form has no global {permission}; select the account or organization that needs it.")
    return parameters, words


def _whole_namespace(grant: Grant, permissions: Sequence[str]) -> list[str]:
    if not permissions:
        return []
    words = (
        f"The link omits {_listed(permissions)} on the {name_of(grant.entity)}, since it would apply to every "
        'repository. Under "Repositories permissions" select only the repositories in use.'
    )
    return [words]


def _patterns(grant: Grant) -> list[str]:
    return [f"Restrict it to {', '.join(grant.patterns)} in the form."] if grant.patterns else []


def _listed(permissions: Iterable[str]) -> str:
    return ", ".join(label_of(p) for p in permissions)
