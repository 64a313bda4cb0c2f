"""What roles, groups and restrictions leave of a grant."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from tests.hub import bodies
from tests.support.mint import Mint
from tokenaudit.hub.result import Reply
from tokenaudit.inspect.effective import effective
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.model import Inspection
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


def inspected(scope: dict[str, Any], *orgs: dict[str, Any]) -> Inspection:
    body = bodies.user(bodies.fine_grained(scope), orgs=orgs)
    return parse_whoami(Reply(200, body), Secret(Mint(1).user_token()), now=NOW, endpoint="https://hub.example.com")


BOTH = ("repo.content.read", "repo.write")


@pytest.mark.parametrize(
    ("role", "standing", "left"),
    [
        ("admin", "full", BOTH),
        ("write", "full", BOTH),
        ("contributor", "own-only", BOTH),
        ("read", "read-only", BOTH[:1]),
        ("no_access", "none", ()),
        ("overlord", "unknown", BOTH),
        (None, "unknown", BOTH),
    ],
)
@pytest.mark.parametrize(("kind", "name"), [("org", "acme"), ("model", "acme/m"), ("space", "acme/app")])
def test_the_owners_role_decides(role: str | None, standing: str, left: tuple[str, ...], kind: str, name: str) -> None:
    (cut,) = effective(inspected(bodies.scope(kind, BOTH, name=name), bodies.org(role=role)))
    assert (cut.org_access, cut.permissions) == (standing, left)
    assert bool(cut.note) == (standing != "full")


@pytest.mark.parametrize("restriction", ["mfa", "token-policy", "token-revoked", "sso", "ip", "moon-phase"])
def test_an_organization_that_shuts_the_token_out_leaves_nothing(restriction: str) -> None:
    org = bodies.org(role="admin", restrictions=[restriction])
    (cut,) = effective(inspected(bodies.scope("org", BOTH, name="acme"), org))
    assert (cut.org_access, cut.permissions) == ("none", ())
    assert restriction in cut.note


def test_ones_own_namespace_is_ones_own() -> None:
    (cut,) = effective(inspected(bodies.scope("dataset", BOTH, name="alice/notes")))
    assert cut.org_access == "full"


def test_an_organization_that_is_not_named_leaves_it_unknown() -> None:
    (cut,) = effective(inspected(bodies.scope("model", BOTH, name="globex/m"), bodies.org()))
    assert (cut.org_access, cut.permissions) == ("unknown", BOTH)


def group(role: str) -> dict[str, str]:
    return {"id": bodies.GROUP_ID, "name": "research", "role": role}


@pytest.mark.parametrize(("role", "standing"), [("write", "full"), ("read", "read-only"), ("curator", "unknown")])
def test_a_resource_groups_role_decides_for_the_group(role: str, standing: str) -> None:
    scope = bodies.scope("resource-group", BOTH, entity_id=bodies.GROUP_ID)
    (cut,) = effective(inspected(scope, bodies.org(role="read", resourceGroups=[group(role)])))
    assert cut.org_access == standing


def test_a_group_that_is_not_the_owners_stays_unknown() -> None:
    scope = bodies.scope("resource-group", BOTH, entity_id="9" * 24)
    (cut,) = effective(inspected(scope, bodies.org(resourceGroups=[group("write")])))
    assert cut.org_access == "unknown"


def test_a_writers_role_in_a_group_keeps_a_readers_grant_in_doubt() -> None:
    scope = bodies.scope("model", BOTH, name="acme/m")
    (cut,) = effective(inspected(scope, bodies.org(role="read", resourceGroups=[group("write")])))
    assert (cut.org_access, cut.permissions) == ("unknown", BOTH)


def test_a_role_never_takes_an_unknown_permission_away() -> None:
    (cut,) = effective(inspected(bodies.scope("org", ["quantum.entangle.write"], name="acme"), bodies.org(role="read")))
    assert cut.permissions == ("quantum.entangle.write",)
