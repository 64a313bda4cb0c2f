"""The prefilled form for a new fine-grained token, and in words what a link can't say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tokenaudit.model import Grant
from tokenaudit.remediate.permissions import GATED, REPOSITORY_TYPES, label_of, name_of

PUBLIC_HUB = "https://huggingface.co"

PARAMETERS = frozenset({"tokenType", "ownUserPermissions", "globalPermissions", "canReadGatedRepos", "orgs"})
"""The query parameters of `/settings/tokens/new` that Hugging Face documents and we use (hub-docs security-tokens.md,
inference-providers guides, microsoft-azure gated-model guide, changelog of July 2026)."""

_GLOBAL = frozenset({"discussion.write", "post.write"})


@dataclass(frozen=True)
class Link:
    """A link to the form, and one sentence for each thing still to be chosen in it by hand."""

    url: str
    by_hand: tuple[str, ...] = ()


def creation_link(grants: Sequence[Grant] = (), *, endpoint: str | None = None) -> Link:
    """The form prefilled with as much of `grants` as its documented parameters can carry.

    No parameter names a repository, and `repo.…` among `ownUserPermissions` would grant the whole account: rights on
    repositories are therefore never part of the link, only of the words. Nor are an organization's permissions: the
    link can choose the organization, its permissions are ticked in the form.
    """
    query: list[tuple[str, str]] = [("tokenType", "fineGrained")]
    by_hand: list[str] = []
    for grant in grants:
        parameters, words = _split(grant)
        query.extend(parameters)
        by_hand.extend(words)
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
        fits = [p for p in grant.permissions if not p.startswith("repo.")]
        rest = [p for p in grant.permissions if p.startswith("repo.")]
        return [("ownUserPermissions", p) for p in fits], _whole_namespace(grant, rest) + _patterns(grant)
    if entity.type == "org" and entity.name:
        rest = [p for p in grant.permissions if p.startswith("repo.")]
        ticks = [p for p in grant.permissions if not p.startswith("repo.")]
        said = [f'Under "Org permissions" of {entity.name} tick: {_listed(ticks)}.'] if ticks else []
        return [("orgs", entity.name)], said + _whole_namespace(grant, rest) + _patterns(grant)
    return [], [f"On the {name_of(entity)} tick: {_listed(grant.permissions)}."]


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
