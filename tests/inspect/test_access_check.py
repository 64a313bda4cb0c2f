"""What a credential can really do in a named repository."""

from __future__ import annotations

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import error
from tests.support.mint import Mint
from tokenaudit.errors import UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.inspect.reach import NamedRepo, check_access, named_repo
from tokenaudit.model import Reach, ReachedRepo
from tokenaudit.secret import Secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme/m", NamedRepo("acme/m", "model")),
        ("models/acme/m", NamedRepo("acme/m", "model")),
        ("datasets/acme/d", NamedRepo("acme/d", "dataset")),
        ("spaces/acme/app", NamedRepo("acme/app", "space")),
    ],
)
def test_a_repository_is_named_as_its_page_is(text: str, expected: NamedRepo) -> None:
    assert named_repo(text) == expected


@pytest.mark.parametrize(
    "text", ["", "acme", "acme/", "/m", "buckets/acme/b", "../../x", "acme/..", "a b/c", "acme/m?x"]
)
def test_anything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError):
        named_repo(text)


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    for name in ("acme/private-model", "acme/other", "alice/mine"):
        hub_double.world.add_repo(name, visibility="private")
    return Hub(hub_double.endpoint, retry_policy=RetryPolicy(attempts=1))


REPOS = [NamedRepo(name, "model") for name in ("acme/private-model", "acme/other", "alice/mine")]


def test_a_reader_of_one_repository_is_proven_to_be_just_that(hub: Hub, hub_double: HubDouble) -> None:
    secret = Secret(hub_double.knows(Mint(1).user_token(), bodies.one_model_read(orgs=[bodies.org()])))
    proven = check_access(secret, hub, REPOS)
    assert proven.repos == (ReachedRepo("acme/private-model", "model", "read"),)
    assert (proven.readable, proven.writable) == (1, 0)
    assert proven.not_counted == ("everything except the named repositories",)
    assert {request.method for request in hub_double.requests} == {"GET"}


def test_a_restriction_shows_in_the_proof_where_the_scope_alone_would_not(hub: Hub, hub_double: HubDouble) -> None:
    body = bodies.classic("write", orgs=[bodies.org(role="admin", restrictions=["sso"])])
    secret = Secret(hub_double.knows(Mint(1).user_token(), body))
    deduced = Reach(2, 2, repos=(ReachedRepo("acme/other", "model", "write"), ReachedRepo("alice/x", "model", "write")))
    proven = check_access(secret, hub, REPOS, deduced)
    assert {(repo.id, repo.access) for repo in proven.repos} == {("alice/x", "write"), ("alice/mine", "write")}


def test_no_answer_is_neither_yes_nor_no(hub: Hub, hub_double: HubDouble) -> None:
    hub_double.fails("auth-check", error(503, "Unavailable"), always=True)
    proven = check_access(Secret(hub_double.knows(Mint(1).user_token())), hub, REPOS[:1])
    assert proven.repos == ()
    assert len(proven.not_counted) == 3
