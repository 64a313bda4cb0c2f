"""A new token that opens what it should not stops the rotation, whatever the Hub says of it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.model import Entity, Grant
from tokenaudit.remediate.rotation.verify import Identity, Overreach, messages_of, overreach
from tokenaudit.secret import Secret

READ, WRITE = "repo.content.read", "repo.write"
ALICE = Grant(Entity("model", "alice/m"), (READ, WRITE))
YES = Fault(200, body=b"{}")


def allowed(path: str, status: int = 200) -> Fault:
    """A yes to the question that `path` asks: for a service the Hub names the namespace and the user."""
    parts = path.split("/")
    if parts[2] not in {"jobs", "inference-endpoints"}:
        return YES
    body = {"namespace": {"id": "2" * 24, "name": parts[3]}, "user": {"id": "1" * 24, "name": "alice"}}
    return Fault(status, body=json.dumps(body).encode())


def now() -> datetime:
    return datetime(2026, 11, 1, tzinfo=timezone.utc)


class Case:
    """A new fine-grained token for alice/m, the old classic token, and what they could open."""

    def __init__(self, hub: Hub, double: HubDouble) -> None:
        mint = Mint(88)
        self.hub, self.double = hub, double
        self.new = Secret(double.knows(mint.user_token(), self.body()))
        orgs = [bodies.org("acme", "write")]
        self.old = Secret(double.knows(mint.user_token(), bodies.classic("write", orgs=orgs)))
        for name, kind, visibility in (
            ("alice/m", "model", "private"),
            ("alice/d", "dataset", "private"),
            ("acme/secret", "model", "private"),
            ("acme/site", "space", "public"),
            ("other/open", "model", "public"),
        ):
            double.world.add_repo(name, kind, visibility=visibility)

    def body(self, *scopes: Any, **more: Any) -> dict[str, Any]:
        return bodies.user(bodies.fine_grained(bodies.scope("model", [READ, WRITE], name="alice/m"), *scopes), **more)

    def tried(self, *wanted: Grant, old: bool = True) -> Overreach:
        secrets = [self.new, *([self.old] if old else [])]
        asked = dict(inspect_credentials([("user_token", secret) for secret in secrets], self.hub, now=now))
        identities = [Identity(secret, asked[secret.fingerprint]) for secret in secrets]
        return overreach(self.hub, self.new, (ALICE, *wanted), identities)


@pytest.fixture
def case(hub: Hub, hub_double: HubDouble) -> Case:
    return Case(hub, hub_double)


def test_a_token_that_is_what_it_should_be(case: Case) -> None:
    found = case.tried()
    assert (found.opened, found.unsettled) == ((), ())
    assert found.tried.startswith("3 other repositories, Jobs and Inference Endpoints of alice, acme deny access")
    tried = {request.path for request in case.double.requests if "auth-check" in request.path}
    assert "/api/models/alice/m/auth-check/write" not in tried
    assert {"/api/models/acme/secret/auth-check", "/api/spaces/acme/site/auth-check/write"} <= tried
    assert "/api/spaces/acme/site/auth-check" not in tried, "everybody may read what is public"


def no_change(_case: Case) -> None:
    """The Hub names nothing but alice/m."""


def listed(case: Case) -> None:
    """The new token's own description names the organization."""
    case.double.world.tokens[case.new.reveal()] = case.body(orgs=[bodies.org("acme", "write")])


@pytest.mark.parametrize("description", [no_change, listed])
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/datasets/alice/d/auth-check/write", "can write alice/d"),
        ("/api/datasets/alice/d/auth-check", "can read alice/d"),
        ("/api/models/acme/secret/auth-check/write", "can write acme/secret"),
        ("/api/models/acme/secret/auth-check", "can read acme/secret"),
        ("/api/spaces/acme/site/auth-check/write", "can write acme/site"),
        ("/api/jobs/acme/auth-check/write", "can write Jobs of acme"),
        ("/api/jobs/alice/auth-check/write", "can write Jobs of alice"),
        ("/api/inference-endpoints/acme/auth-check/write", "can write Inference Endpoints of acme"),
        ("/api/inference-endpoints/alice/auth-check/infer", "can infer Inference Endpoints of alice"),
    ],
)
def test_anything_more_is_found(case: Case, description: Callable[[Case], None], path: str, words: str) -> None:
    description(case)
    case.double.fails(f"{path}$", allowed(path), always=True)
    assert case.tried().opened == (words,)


def test_an_organization_that_no_token_names_is_tried_where_it_is_wanted(case: Case) -> None:
    """Whoami names acme for neither token; what is wanted there, and public listings, do."""
    case.double.world.tokens[case.old.reveal()] = bodies.classic("write")
    case.double.world.add_repo("acme/public", "model")
    case.double.fails("/api/models/acme/public/auth-check/write", YES, always=True)
    wanted = Grant(Entity("dataset", "acme/d"), (READ,))
    assert case.tried(wanted).opened == ("can write acme/public",)


def test_what_the_new_token_lists_itself_is_tried(case: Case) -> None:
    """A scope on the whole organization, in the hands of a member: the old token is dead and tells nothing."""
    scope = bodies.scope("org", [READ], name="acme", entity_id=bodies.ORG_ID)
    case.double.world.tokens[case.new.reveal()] = case.body(scope, orgs=[bodies.org("acme", "write")])
    assert case.tried(old=False).opened == ("can read acme/secret",)


def test_narrowed_endpoints_are_open_ones(case: Case) -> None:
    path = "/api/inference-endpoints/acme/auth-check/infer"
    case.double.fails(path, allowed(path, 207), always=True)
    assert case.tried().opened == ("can infer Inference Endpoints of acme",)


@pytest.mark.parametrize(
    ("grant", "path"),
    [
        (Grant(Entity("org", "acme"), ("job.write",)), "/api/jobs/acme/auth-check/write"),
        (Grant(Entity("user"), ("job.write",)), "/api/jobs/alice/auth-check/write"),
        (Grant(Entity("user", "alice"), ("inference.endpoints.infer.write",)),
         "/api/inference-endpoints/alice/auth-check/infer"),
        (Grant(Entity("org", "acme"), ("inference.endpoints.write",)),
         "/api/inference-endpoints/acme/auth-check/(write|infer)"),
        (Grant(Entity("org", "acme"), (WRITE,)), "/api/models/acme/secret/auth-check"),
        (Grant(Entity("org", "acme"), (READ,)), "/api/models/acme/secret/auth-check$"),
        (Grant(Entity("dataset", "alice/d"), (READ,)), "/api/datasets/alice/d/auth-check$"),
        (Grant(Entity("space", "acme/site"), (WRITE,)), "/api/spaces/acme/site/auth-check/write"),
    ],
)  # fmt: skip
def test_what_is_wanted_may_be_open(case: Case, grant: Grant, path: str) -> None:
    case.double.fails(path, allowed(path), always=True)
    assert case.tried(grant).opened == ()


@pytest.mark.parametrize("path", ["models/acme/secret/auth-check", "jobs/acme/auth-check/write"])
def test_no_answer_settles_nothing(case: Case, path: str) -> None:
    case.double.fails(f"/api/{path}", error(503, "busy"), always=True)
    found = case.tried()
    assert found.unsettled
    assert found.opened == ()


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_hub_without_the_check_has_nothing_to_open(case: Case, status: int) -> None:
    case.double.fails("/api/(jobs|inference-endpoints)/.*/auth-check", error(status, "no"), always=True)
    assert (case.tried().opened, case.tried().unsettled) == ((), ())


def test_a_resource_group_does_not_say_what_it_holds(case: Case) -> None:
    found = case.tried(Grant(Entity("resource-group", "g"), (WRITE,)))
    assert any("resource group" in words for words in found.untried)


def test_many_repositories_are_tried_in_turn_and_counted(case: Case) -> None:
    for number in range(150):
        case.double.world.add_repo(f"alice/x{number}")
    case.double.fails("/api/(spaces|models)/acme/[a-z]+/auth-check/write", YES, always=True)
    found = case.tried()
    assert set(found.opened) == {"can write acme/secret", "can write acme/site"}
    case.double.fails("/api/models/alice/x.*/auth-check/write", YES, always=True)
    assert messages_of(case.tried())[5] == "and 94 more that it should not"
