"""Grants as rights of a token: exactly, or refused with the nearest narrower choice; narrowing never widens."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.faults import error, rate_limited
from tests.service_accounts.conftest import Organization
from tokenaudit.errors import UsageError
from tokenaudit.model import Entity, Grant, ServiceRepository, ServiceToken
from tokenaudit.permissions import TOKEN_PERMISSIONS, TOKEN_REPOSITORY_PERMISSIONS
from tokenaudit.remediate.rotation.journal import HaltedError
from tokenaudit.service_accounts.narrow import begin_narrow
from tokenaudit.service_accounts.rights import TokenRights, express, parse_grants, widened
from tokenaudit.service_accounts.setup import WantedRights


def express_spelled(*spelled: str) -> TokenRights:
    return express(parse_grants(spelled, "acme"), "acme")


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        (("org.read",), (("org.read",), (), (), ())),
        (("repo.content.read@org:acme",), (("repo.content.read",), (), (), ())),
        (("repo.content.read@model:acme/m",), ((), ("acme/m",), ("repo.content.read",), ())),
        (
            ("repo.content.read@acme/m", "repo.content.read@datasets/acme/d"),
            ((), ("acme/m", "acme/d"), ("repo.content.read",), ()),
        ),
        (
            ("repo.write@model:acme/m", "repo.content.read@model:acme/m"),
            ((), ("acme/m",), ("repo.content.read", "repo.write"), ()),
        ),
        # The list of a repository overrides the organization's, so it has to include it.
        (
            ("repo.content.read", "repo.write@acme/m"),
            (("repo.content.read",), ("acme/m",), ("repo.content.read", "repo.write"), ()),
        ),
        (("repo.content.read@model:other/public",), ((), ("other/public",), ("repo.content.read",), ())),
        (
            ("inference.endpoints.infer.write@inference-endpoint:gpt2-*",),
            (("inference.endpoints.infer.write",), (), (), ("gpt2-*",)),
        ),
        (
            ("inference.endpoints.infer.write@inference-endpoint:a", "inference.endpoints.infer.write"),
            (("inference.endpoints.infer.write",), (), (), ()),
        ),
    ],
)
def test_grants_become_exactly_the_fields_of_the_api(
    spelled: tuple[str, ...], expected: tuple[tuple[str, ...], ...]
) -> None:
    found = express_spelled(*spelled)
    names = tuple(entity.name for entity in found.repositories)
    assert (found.permissions, names, found.repository_permissions, found.endpoint_patterns) == expected


@pytest.mark.parametrize(
    ("spelled", "words"),
    [
        (
            ("repo.content.read@acme/a", "repo.write@acme/b"),
            "--grant repo.content.read@model:acme/a --grant repo.content.read@model:acme/b, or one token for each list",
        ),
        (("discussion.write@acme/a", "repo.content.read@acme/a"), "choice: --grant repo.content.read@model:acme/a"),
        (("discussion.write",), "can't have discussion.write on an organization; none of it can be granted"),
        (("quantum.write",), "can't have quantum.write"),
        (("job.write@model:acme/m",), "can't have job.write on one repository"),
        (("repo.content.read@user:alice",), "can't have permissions on user alice"),
        (("repo.content.read@org:other",), "has no permissions on organization other"),
        (("repo.content.read@resource-group:eu",), "name its repositories"),
        (("repo.content.read@bucket:acme/b",), "does not return the id of bucket acme/b"),
        (("repo.content.read@model:m",), "can't have permissions on model m"),
        (("canReadGatedRepos@global",), "can't have permissions on everywhere"),
        (
            ("inference.endpoints.infer.write@inference-endpoint:a", "inference.endpoints.write@inference-endpoint:b"),
            "one list of endpoint patterns",
        ),
        (("inference.endpoints.infer.write@inference-endpoint:a.b",), "not one of Inference Endpoints"),
        (("job.write@inference-endpoint:a",), "patterns only restrict permissions on Inference Endpoints"),
    ],
)
def test_what_the_api_can_not_express_is_refused_with_the_nearest_narrower_choice(
    spelled: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError) as raised:
        express_spelled(*spelled)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


ENTITIES = [Entity("org", "acme"), *(Entity(kind, f"acme/{name}") for kind in ("model", "dataset") for name in "ab")]
GRANTS = st.lists(
    st.builds(
        Grant,
        st.sampled_from(ENTITIES),
        st.lists(st.sampled_from([*TOKEN_PERMISSIONS, "discussion.write"]), min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=5,
)


def reaches(rights: TokenRights, permission: str, entity: Entity) -> bool:
    """Whether a token with these rights has `permission` on `entity`, as the Hub documents it."""
    names = {each.name: rights.repository_permissions for each in rights.repositories if each.type == entity.type}
    granted = rights.permissions if entity.type == "org" else names.get(entity.name, rights.permissions)
    return permission in granted or (permission == "repo.content.read" and "repo.write" in granted)


def wants(grants: list[Grant], permission: str, entity: Entity) -> bool:
    names = {name for grant in grants if grant.entity in {entity, ENTITIES[0]} for name in grant.permissions}
    return permission in names or (permission == "repo.content.read" and "repo.write" in names)


@settings(max_examples=150, deadline=None)
@given(GRANTS)
def test_a_token_reaches_exactly_what_the_grants_name_or_is_refused(grants: list[Grant]) -> None:
    try:
        rights = express(grants, "acme")
    except UsageError:
        return
    for entity, permission in itertools.product(ENTITIES, TOKEN_REPOSITORY_PERMISSIONS):
        assert reaches(rights, permission, entity) == wants(grants, permission, entity), (entity, permission)
    for permission in set(TOKEN_PERMISSIONS) - set(TOKEN_REPOSITORY_PERMISSIONS):
        assert reaches(rights, permission, ENTITIES[0]) == wants(grants, permission, ENTITIES[0])


M, OTHER = Entity("model", "acme/m", "1" * 24), Entity("model", "else/x", "2" * 24)
READ_M = (ServiceRepository("1" * 24, "model", "acme/m", ("repo.content.read",)),)


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        (ServiceToken("t", "t", permissions=("repo.write",)), TokenRights((), (M,), ("repo.write",)), []),
        (ServiceToken("t", "t", permissions=("repo.write",)), TokenRights(("repo.content.read",)), []),
        (
            ServiceToken("t", "t", permissions=("repo.content.read",)),
            TokenRights((), (M,), ("repo.write",)),
            ["repo.write on model acme/m"],
        ),
        (
            ServiceToken("t", "t", permissions=("repo.write",)),
            TokenRights((), (OTHER,), ("repo.write",)),
            ["repo.write on model else/x"],
        ),
        (
            ServiceToken("t", "t", repositories=READ_M),
            TokenRights((), (M,), ("repo.write",)),
            ["repo.write on model acme/m"],
        ),
        (
            ServiceToken("t", "t", permissions=("repo.write",), repositories=READ_M),
            TokenRights((), (M,), ("repo.write",)),
            ["repo.write on model acme/m"],
        ),
        (
            ServiceToken("t", "t", permissions=("repo.write",), repositories=READ_M),
            TokenRights(("repo.write",)),
            ["repo.write on acme/m, which now has a separate list"],
        ),
        (
            ServiceToken("t", "t", permissions=("org.read",)),
            TokenRights(("org.write",)),
            ["org.write on the whole organization"],
        ),
        (ServiceToken("t", "t", role="write"), TokenRights(("repo.write",)), []),
        (ServiceToken("t", "t", role="read"), TokenRights(("repo.write",)), ["repo.write on the whole organization"]),
        (
            ServiceToken("t", "t", permissions=("inference.endpoints.infer.write",), endpoint_patterns=("gpt2-*",)),
            TokenRights(("inference.endpoints.infer.write",), endpoint_patterns=("gpt2-small", "llama")),
            ["Inference Endpoints llama"],
        ),
        (
            ServiceToken("t", "t", permissions=("inference.endpoints.infer.write",), endpoint_patterns=("gpt2-*",)),
            TokenRights(("inference.endpoints.infer.write",)),
            ["Inference Endpoints that no current pattern allows"],
        ),
    ],
)
def test_rights_that_would_grow_are_found(before: ServiceToken, after: TokenRights, wider: list[str]) -> None:
    assert widened(before, after, "acme") == wider


def wanted(*spelled: str) -> WantedRights:
    return WantedRights(parse_grants(spelled, "acme"))


def test_a_token_is_narrowed_shown_before_and_after_and_verified(org: Organization) -> None:
    org.token.update(permissions=["repo.write", "org.read"], repoIds=[], repoPermissions=[])
    change = begin_narrow("acme", "ci", "deploy", wanted("repo.content.read@acme/m"), org.around())
    assert change.run() == "narrowed"
    model = org.double.world.repos["model", "acme/m"].object_id
    assert (org.token["permissions"], org.token["repoIds"]) == ([], [model])
    assert org.token["repoPermissions"] == ["repo.content.read"]
    assert "- write the contents and settings (`repo.write`) on organization acme" in org.said
    assert "+ read the contents (`repo.content.read`) on model acme/m" in org.said
    assert org.asked[0][1] == "narrow deploy"
    assert begin_narrow("acme", "ci", "deploy", wanted("repo.content.read@acme/m"), org.around()).run() == "unchanged"


def test_narrowing_never_widens_and_a_preview_changes_nothing(org: Organization) -> None:
    with pytest.raises(UsageError, match=r"would get more than it has: repo\.write on model acme/m"):
        begin_narrow("acme", "ci", "deploy", wanted("repo.write@acme/m"), org.around())
    org.token.update(permissions=["repo.write"], repoIds=[], repoPermissions=[])
    preview = begin_narrow("acme", "ci", "deploy", wanted("repo.content.read@acme/m"), org.around(dry_run=True))
    assert preview.run() == "previewed"
    refused = begin_narrow("acme", "ci", "deploy", wanted("repo.content.read@acme/m"), org.around(yes=False))
    with pytest.raises(HaltedError, match="not confirmed"):
        refused.run()
    with pytest.raises(HaltedError, match="model acme/missing: the Hub denied access"):
        begin_narrow("acme", "ci", "deploy", wanted("repo.content.read@acme/missing"), org.around())
    assert org.changes == []


def test_an_unclear_answer_is_not_claimed_as_narrowed(org: Organization) -> None:
    org.token.update(permissions=["repo.write"], repoIds=[], repoPermissions=[])
    for fault in (error(500, "oops"), rate_limited(0, 9000)):
        org.double.fails(r"/tokens/[0-9a-f]+$", fault, fault)
        with pytest.raises(HaltedError, match="no response from the Hub"):
            begin_narrow("acme", "ci", "deploy", wanted("repo.content.read@acme/m"), org.around()).run()
