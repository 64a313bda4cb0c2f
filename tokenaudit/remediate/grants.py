"""From needs seen in code to the smallest set of grants that covers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Wanted:
    """What a replacement has to be able to do.

    `unplaced` are needs that no grant could be made of, as the code does not say what they are for. `creates` are the
    namespaces that code may create repositories in, without a grant on the whole namespace being proposed.
    """

    grants: tuple[Grant, ...] = ()
    unplaced: tuple[Evidence, ...] = ()
    creates: tuple[Entity, ...] = ()


def wanted(evidence: Iterable[Evidence], inspection: Inspection | None = None) -> Wanted:
    """The grants that cover `evidence`, one an entity, names completed with the account of `inspection`.

    Writing a repository is listed with reading it, as the token form does. A public repository needs no grant to be
    read; a gated one of somebody else needs the one right there is for those, and so does a discussion or pull request
    in a repository of somebody else (no token can be given rights on that one repository). A need without a name for
    what it is needed on stays unplaced, unless it can only mean the account itself.
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
    """`item` with its entity made definite: user or organization, and a bare repository name under the account."""
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
    """Grants as permissions by (entity type, name), for comparing two lists of them."""
    found: dict[tuple[str, str | None], frozenset[str]] = {}
    for grant in grants:
        key = (grant.entity.type, grant.entity.name)
        found[key] = found.get(key, frozenset()) | frozenset(grant.permissions)
    return found


def is_elses(entity: Entity, inspection: Inspection | None) -> bool:
    """Whether a repository belongs to somebody else than the account and its organizations; False if not known."""
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
"""The query parameters of `/settings/tokens/new` that we use. Hugging Face documents them (hub-docs security-tokens.md,
inference-providers guides, microsoft-azure gated-model guide, changelog of July 2026), but for `orgPermissions`, which
others found to hold for all organizations of the link (tried in July 2026)."""

_GLOBAL = frozenset({"discussion.write", "post.write"})


@dataclass(frozen=True)
class Link:
    """A link to the form, and one sentence for each thing still to be chosen in it by hand."""

    url: str
    by_hand: tuple[str, ...] = ()


def creation_link(grants: Sequence[Grant] = (), *, endpoint: str | None = None) -> Link:
    """The form prefilled with as much of `grants` as its documented parameters can carry.

    No parameter names a repository, and `repo.…` among `ownUserPermissions` would grant the whole account: rights on
    repositories are therefore never part of the link, only of the words. The permissions of an organization are in the
    link where it names exactly one, as they would hold for all; they are in the words all the same.
    """
    query: list[tuple[str, str]] = [("tokenType", "fineGrained")]
    by_hand: list[str] = []
    for grant in grants:
        parameters, words = _split(grant)
        query.extend(parameters)
        by_hand.extend(words)
    organizations = {grant.entity.name for grant in grants if grant.entity.type == "org" and grant.entity.name}
    if len(organizations) == 1:
        named = (grant for grant in grants if grant.entity.type == "org" and grant.entity.name)
        query += [("orgPermissions", permission) for grant in named for permission in _on_all(grant.permissions)]
    unique = list(dict.fromkeys(query))
    return Link(f"{web_address(endpoint)}/settings/tokens/new?{urlencode(unique)}", tuple(dict.fromkeys(by_hand)))


def web_address(endpoint: str | None) -> str:
    """Where the owner's pages are: the endpoint the credential was seen at when it is https, else the public Hub."""
    return endpoint.rstrip("/") if endpoint and endpoint.startswith("https://") else PUBLIC_HUB


def _split(grant: Grant) -> tuple[list[tuple[str, str]], list[str]]:
    entity = grant.entity
    if entity.type == "global":
        return _global(grant)
    if entity.type in REPOSITORY_TYPES:
        where = f'Under "Repositories permissions" pick the {name_of(entity)} and tick'
        return [], [f"{where} {_listed(grant.permissions)}."]
    if entity.type == "user":
        fits = _on_all(grant.permissions)
        rest = [p for p in grant.permissions if p.startswith("repo.")]
        return [("ownUserPermissions", p) for p in fits], _whole_namespace(grant, rest) + _patterns(grant)
    if entity.type == "org" and entity.name:
        rest = [p for p in grant.permissions if p.startswith("repo.")]
        ticks = _on_all(grant.permissions)
        said = [f'Under "Org permissions" of {entity.name} tick: {_listed(ticks)}.'] if ticks else []
        return [("orgs", entity.name)], said + _whole_namespace(grant, rest) + _patterns(grant)
    return [], [f"On the {name_of(entity)} tick: {_listed(grant.permissions)}."]


def _on_all(permissions: Iterable[str]) -> list[str]:
    """Those that are not about repositories, which a link would grant on every one of a namespace."""
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
            words.append(f"The form has no global {permission}; choose the account or organization it is needed in.")
    return parameters, words


def _whole_namespace(grant: Grant, permissions: Sequence[str]) -> list[str]:
    if not permissions:
        return []
    words = (
        f"The link leaves out {_listed(permissions)} on the {name_of(grant.entity)}, where it would hold for every "
        'repository. Under "Repositories permissions" pick only the repositories that are used.'
    )
    return [words]


def _patterns(grant: Grant) -> list[str]:
    return [f"Narrow it to {', '.join(grant.patterns)} in the form."] if grant.patterns else []


def _listed(permissions: Iterable[str]) -> str:
    return ", ".join(label_of(p) for p in permissions)
