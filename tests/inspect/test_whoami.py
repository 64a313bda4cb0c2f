"""Every known shape of whoami, and shapes that nobody promised."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub import bodies
from tests.support.mint import Mint
from tokenaudit.hub.result import Reply
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.jwt_claims import read_claims
from tokenaudit.model import Account, Claims, Entity, Grant, Inspection, ResourceGroup
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
SECRET = Secret(Mint(3).user_token())


def parsed(body: object, claims: Claims | None = None) -> Inspection:
    return parse_whoami(Reply(200, body), SECRET, now=NOW, endpoint="https://hub.example.com", claims=claims)


@pytest.mark.parametrize(
    ("shape", "role", "details_known"),
    [
        ("classic-read", "read", True),
        ("classic-write", "write", True),
        ("god", "god", True),
        ("fine-grained-everything-user", "fineGrained", True),
        ("fine-grained-inference-only", "fineGrained", True),
        ("fine-grained-no-details", "fineGrained", False),
        ("fine-grained-repo-org-resource-group", "fineGrained", True),
        ("fine-grained-single-model-read", "fineGrained", True),
        ("fine-grained-unknown-permission", "fineGrained", True),
        ("fine-grained-nothing", "fineGrained", True),
        ("no-email", "write", True),
        ("oauth", "oauth", False),
        ("app-token", "app", False),
        ("org-token-legacy", "unknown", False),
        ("restricted-org", "read", True),
    ],
)
def test_every_known_shape_gives_its_role_and_whether_the_details_are_known(
    shape: str, role: str, details_known: bool
) -> None:
    inspection = parsed(bodies.shapes()[shape])
    assert (inspection.status, inspection.role, inspection.details_known) == ("active", role, details_known)


def test_no_shape_is_left_out_above() -> None:
    cases = test_every_known_shape_gives_its_role_and_whether_the_details_are_known
    named = cases.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {case[0] for case in named} == set(bodies.shapes())


def test_entities_permissions_patterns_and_groups_are_read_whole() -> None:
    inspection = parsed(bodies.shapes()["fine-grained-repo-org-resource-group"])
    assert inspection.grants == (
        Grant(Entity("model", "acme/private-model", bodies.REPO_ID), ("repo.content.read", "repo.write")),
        Grant(
            Entity("org", "acme", bodies.ORG_ID), ("inference.endpoints.infer.write",), ("inference-endpoint:gpt2-*",)
        ),
        Grant(Entity("resource-group", None, bodies.GROUP_ID), ("repo.content.read",)),
    )
    (org,) = inspection.orgs
    assert (org.role, org.plan, org.restrictions) == ("admin", "enterprise", ("token-policy",))
    assert org.resource_groups == (ResourceGroup(bodies.GROUP_ID, "research", "write"),)


def test_a_name_an_age_and_an_owner_are_read() -> None:
    inspection = parsed(bodies.shapes()["classic-write"])
    assert inspection.account == Account("user", "alice")
    assert inspection.name == "laptop"
    assert inspection.created_at == datetime(2026, 9, 1, 8, tzinfo=timezone.utc)


def test_app_entities_come_as_strings_and_as_objects() -> None:
    grants = parsed(bodies.shapes()["app-token"]).grants
    assert [grant.entity for grant in grants] == [
        Entity("bucket", "acme/artifacts"),
        Entity("unknown", "acme/legacy-entity"),
    ]


def test_an_oauth_token_takes_its_scopes_from_its_own_claims() -> None:
    claims = read_claims(Mint(1).oauth_token({"scope": "openid write-repos"}))
    inspection = parsed(bodies.oauth(), claims)
    assert inspection.global_permissions == ("openid", "write-repos")
    assert inspection.details_known


@pytest.mark.parametrize(
    "change",
    [
        {"scoped": None},
        {"scoped": {}},
        {"scoped": ["text"]},
        {"scoped": [{"permissions": ["repo.write"]}]},
        {"scoped": [{"entity": {"_id": "1"}, "permissions": []}]},
        {"scoped": [{"entity": {"type": "model"}}]},
        {"scoped": [{"entity": {"type": "model"}, "permissions": [1]}]},
        {"scoped": [{"entity": {"type": "model"}, "permissions": [], "patterns": [{}]}]},
        {"scoped": [], "global": "discussion.write"},
        {"scoped": [{"entity": {"type": "model"}, "permissions": []}] * 1001},
    ],
)
def test_partial_details_are_no_details(change: dict[str, Any]) -> None:
    inspection = parsed(bodies.user(bodies.access_token("fineGrained", fineGrained=change)))
    assert inspection.status == "active"
    assert not inspection.details_known
    assert len(inspection.grants) <= 1000


@pytest.mark.parametrize("way", ["app_token_as_user", "oauth2", "session", "service_account"])
def test_a_backing_access_token_does_not_make_another_kind_a_user_token(way: str) -> None:
    body = bodies.user({**bodies.access_token("read"), "type": way})
    inspection = parsed(body)
    assert inspection.role not in ("read", "write", "god", "fineGrained")
    assert not inspection.details_known


@pytest.mark.parametrize("role", ["superuser", None, 7, ["read"]])
def test_an_unheard_of_role_is_unknown(role: object) -> None:
    token = bodies.access_token("read")
    token["accessToken"]["role"] = role
    inspection = parsed(bodies.user(token))
    assert (inspection.role, inspection.details_known) == ("unknown", False)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "ok",
        7,
        {},
        {"type": "user", "id": "1"},
        {"type": "user", "name": "a"},
        {"type": "user", "name": "", "auth": {}},
        {"type": "user", "name": "a", "auth": {"type": 1}},
        {"auth": {"type": "access_token"}, "name": "a"},
    ],
)
def test_200_without_an_identity_is_not_active(body: object) -> None:
    assert parsed(body).status == "unknown"


def test_names_are_bounded_printable_and_free_of_the_credential() -> None:
    nasty = f"\x1b[2J\u202e{SECRET.reveal()}" + "x" * 5000
    body = bodies.user(bodies.access_token("write", name=nasty), orgs=[bodies.org(nasty)])
    inspection = parsed(body)
    assert inspection.name is not None
    assert inspection.name.isprintable()
    assert len(inspection.name) <= 200
    assert SECRET.reveal() not in repr(inspection)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["type", "name", "auth", "orgs", "scope"]), ANYTHING), ANYTHING, ANYTHING)
def test_no_answer_at_all_makes_the_reader_fail(body: dict[str, Any], token: object, scoped: object) -> None:
    parsed(body)
    parsed(bodies.user({"type": "access_token", "accessToken": token}))
    inspection = parsed(
        bodies.user(bodies.access_token("fineGrained", fineGrained={"scoped": scoped, "global": scoped}))
    )
    assert inspection.status == "active"


@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_claims_make_the_reader_fail(scope: object, expires: object, audience: object) -> None:
    claims = read_claims(Mint(1).oauth_token({"scope": scope, "exp": expires, "aud": audience}))
    assert claims is not None


def test_claims_are_read_offline() -> None:
    expires = NOW + timedelta(hours=8)
    value = Mint(2).oauth_token({"scope": ["a", "b", "a", ""], "exp": expires.timestamp(), "sub": "x"})
    assert read_claims(value) == Claims(
        ("a", "b"), ("https://huggingface.co",), "x", datetime.fromtimestamp(1_790_000_000, timezone.utc), expires
    )
    assert read_claims(Mint(2).user_token()) is None
    assert read_claims("hf_oauth_config.prod.yaml") is None


@pytest.mark.parametrize(
    ("sent", "year"),
    [
        ("0001-01-01T00:00:00Z", 1),
        ("9999-12-31T23:59:59-08:00", 9999),
        (1_700_000_000, 2023),
        ("2016-12-31T23:59:60Z", 2017),
    ],
)
def test_any_date_of_a_token_is_read(sent: object, year: int) -> None:
    body = bodies.classic("read")
    body["auth"]["accessToken"]["createdAt"] = sent
    body["auth"]["expiresAt"] = sent
    found = parsed(body)
    assert found.created_at is not None
    assert found.expires_at is not None
    assert found.created_at.year == found.expires_at.year == year
    assert "readable date" not in found.reason


@pytest.mark.parametrize("sent", ["10000-01-01T00:00:00Z", "soon", {"$date": 1}, 10**30])
def test_a_date_that_cannot_be_read_is_said_and_makes_no_scope_unknown(sent: object) -> None:
    body = bodies.classic("read")
    body["auth"]["accessToken"]["createdAt"] = sent
    found = parsed(body)
    assert found.created_at is None
    assert found.details_known
    assert found.reason.endswith("invalid date: createdAt")
