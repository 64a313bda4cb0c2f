"""How far a credential reaches, and what the numbers leave out."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.hub import bodies
from tests.hub.bodies import Body
from tests.hub.double import HubDouble
from tests.hub.faults import error
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.reach import ReachLevel, ReachLimits, reach
from tokenaudit.model import Reach
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    world = hub_double.world
    world.add_repo("alice/tiny", downloads=3)
    world.add_repo("alice/notes", "dataset", visibility="private", downloads=5)
    world.add_repo("acme/big", downloads=90_000, info={"childrenModelCount": 7, "spaces": ["a/b", "c/d"]})
    world.add_repo("acme/gated", downloads=40, gated="manual")
    world.add_space("acme/app")
    world.add_repo("acme/artifacts", "bucket", visibility="private")
    return Hub(hub_double.endpoint, retry_policy=RetryPolicy(attempts=1))


def reached(
    hub: Hub, hub_double: HubDouble, body: Body, level: ReachLevel = "summary", limits: ReachLimits | None = None
) -> Reach:
    secret = Secret(hub_double.knows(Mint(1).user_token(), body))
    ((_, inspection),) = inspect_credentials([("user_token", secret)], hub, now=lambda: NOW)
    found = reach(inspection, secret, hub, level, limits)
    assert found is not None
    return found


def test_a_classic_write_token_reaches_everything_of_its_owners(hub: Hub, hub_double: HubDouble) -> None:
    found = reached(hub, hub_double, bodies.classic("write", orgs=[bodies.org(role="write")]))
    assert (found.readable, found.writable, found.private, found.gated) == (6, 6, 2, 1)
    assert found.downloads_month == 3 + 5 + 90_000 + 40
    assert [repo.id for repo in found.repos][:2] == ["acme/big", "acme/gated"]


def test_the_owners_role_bounds_the_reach(hub: Hub, hub_double: HubDouble) -> None:
    read = reached(hub, hub_double, bodies.classic("write", orgs=[bodies.org(role="read")]))
    assert (read.readable, read.writable, read.downloads_month) == (6, 2, 8)
    assert any("role in acme is read" in words for words in read.not_counted)
    shut_out = reached(hub, hub_double, bodies.classic("write", orgs=[bodies.org(role="admin", restrictions=["ip"])]))
    assert (shut_out.readable, shut_out.writable) == (2, 2)


def test_a_classic_read_token_writes_nothing(hub: Hub, hub_double: HubDouble) -> None:
    found = reached(hub, hub_double, bodies.classic("read", orgs=[bodies.org()]))
    assert (found.readable, found.writable, found.downloads_month) == (6, 0, 0)


def test_one_repository_is_asked_about_by_its_name_alone(hub: Hub, hub_double: HubDouble) -> None:
    body = bodies.user(bodies.fine_grained(bodies.scope("model", ["repo.write"], name="acme/big")), orgs=[bodies.org()])
    found = reached(hub, hub_double, body)
    assert [(repo.id, repo.access, repo.downloads) for repo in found.repos] == [("acme/big", "write", 90_000)]
    assert hub_double.count("settings/repositories") == 0


def test_full_also_counts_who_builds_on_the_writable_models(hub: Hub, hub_double: HubDouble) -> None:
    body = bodies.classic("write", orgs=[bodies.org()])
    assert reached(hub, hub_double, body).repos[0].children is None
    full = reached(hub, hub_double, body, "full", ReachLimits(models=2))
    assert (full.repos[0].id, full.repos[0].children, full.repos[0].spaces) == ("acme/big", 7, 2)
    assert "dependents of 1 more models" in full.not_counted


def test_nothing_is_asked_where_nothing_should_be(hub: Hub, hub_double: HubDouble) -> None:
    secret = Secret(hub_double.knows(Mint(1).user_token()))
    dead = Secret(Mint(2).user_token())
    found = dict(inspect_credentials([("user_token", secret), ("user_token", dead)], hub, now=lambda: NOW))
    assert reach(found[secret.fingerprint], secret, hub, "none") is None
    assert reach(found[dead.fingerprint], dead, hub, "full") is None
    assert {request.path for request in hub_double.requests} == {"/api/whoami-v2"}


def test_every_bound_that_was_met_is_said(hub: Hub, hub_double: HubDouble) -> None:
    orgs = [bodies.org(), bodies.org("globex"), bodies.org("initech")]
    found = reached(hub, hub_double, bodies.classic("write", orgs=orgs), limits=ReachLimits(2, 3, shown=4))
    assert "2 more organizations" in found.not_counted
    assert "acme has more than 3 repositories" in found.not_counted
    assert "1 more repositories counted, but not listed" in found.not_counted
    assert (found.readable, len(found.repos)) == (5, 4)


def test_a_list_that_is_refused_is_said(hub: Hub, hub_double: HubDouble) -> None:
    hub_double.fails("organizations/acme/settings", error(403, "Due to the organization token policy"), always=True)
    found = reached(hub, hub_double, bodies.classic("write", orgs=[bodies.org()]))
    assert found.readable == 2
    assert any("Due to the organization token policy" in words for words in found.not_counted)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("fine-grained-no-details", "unknown permissions"),
        ("oauth", "unknown permissions"),
        ("app-token", "unknown permissions"),
        ("fine-grained-everything-user", "gated repositories of other accounts"),
        ("classic-read", "gated repositories of other accounts"),
    ],
)
def test_what_can_not_be_counted_is_said(hub: Hub, hub_double: HubDouble, shape: str, words: str) -> None:
    assert any(words in said for said in reached(hub, hub_double, bodies.shapes()[shape]).not_counted)


@pytest.mark.parametrize("lie", [-5, "many", None, 1.5, True])
def test_numbers_that_can_not_be_are_not_counted(hub: Hub, hub_double: HubDouble, lie: object) -> None:
    for repo in hub_double.world.repos.values():
        repo.info["downloads"] = lie
    assert reached(hub, hub_double, bodies.classic("write")).downloads_month == 0
