"""What happened since a moment: commits, discussions, the audit log; each read only as far as it has to be."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.hub import resources
from tests.hub.double import HubDouble
from tests.hub.state import Body
from tests.support.gitrepo import GitRepo
from tokenaudit.hub.client import Hub
from tokenaudit.hub.discussions import Opened, opened_since
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.repo_listing import HubCommit, HubRepository, commits_since
from tokenaudit.hub.result import Failure

SINCE = datetime(2026, 7, 9, 2, 28, tzinfo=timezone.utc)
MODEL = HubRepository("model", "acme/m")


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    retry_policy = RetryPolicy(attempts=2, longest_wait=1, total_wait=2, first_backoff=0.01)
    return Hub(hub_double.endpoint, timeout=5, deadline=10, retry_policy=retry_policy, auditor_token=False)


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def commit(number: int, at: datetime, title: str = "t") -> Body:
    return {
        "id": f"{number:040x}",
        "title": title,
        "message": "",
        "date": written(at),
        "authors": [{"user": "mallory"}],
    }


def commits(hub: Hub, limit: int = 100, branch: str = "main") -> tuple[list[HubCommit], bool]:
    answer = commits_since(hub, MODEL, branch, None, SINCE, limit=limit)
    assert not isinstance(answer, Failure), answer
    return list(answer), bool(answer.incomplete)


def test_commits_are_those_from_the_moment_on(hub: Hub, hub_double: HubDouble) -> None:
    repo = hub_double.world.add_repo("acme/m")
    hour = timedelta(hours=1)
    repo.commits["main"] = [commit(3, SINCE + hour), commit(2, SINCE), commit(1, SINCE - hour)]
    found, more = commits(hub)
    assert [(one.id[-1], one.authors, one.backdated) for one in found] == [
        ("3", ("mallory",), False),
        ("2", ("mallory",), False),
    ]
    assert not more


def test_a_date_made_older_does_not_hide_a_commit_below_a_newer_one(hub: Hub, hub_double: HubDouble) -> None:
    repo = hub_double.world.add_repo("acme/m")
    year = timedelta(days=365)
    repo.commits["main"] = [commit(4, SINCE - year), commit(3, SINCE), commit(2, SINCE - year)]
    found, _ = commits(hub)
    assert [(one.id[-1], one.backdated) for one in found] == [("4", True), ("3", False)]


def test_a_commit_with_no_readable_date_counts(hub: Hub, hub_double: HubDouble) -> None:
    repo = hub_double.world.add_repo("acme/m")
    repo.commits["main"] = [
        {**commit(1, SINCE), "date": "yesterday"},
        {"id": "x"},
        commit(0, SINCE - timedelta(days=1)),
    ]
    assert [one.date for one in commits(hub)[0]] == [None, None]


def test_old_history_is_not_read(hub: Hub, hub_double: HubDouble) -> None:
    repo = hub_double.world.add_repo("acme/m")
    repo.commits["main"] = [commit(n, SINCE - n * timedelta(days=1)) for n in range(1, 1000)]
    assert commits(hub) == ([], False)
    assert hub_double.count("/commits/") == 1


def test_at_most_the_limit_is_read_and_more_is_said(hub: Hub, hub_double: HubDouble) -> None:
    repo = hub_double.world.add_repo("acme/m")
    repo.commits["main"] = [commit(n, SINCE + timedelta(days=1)) for n in range(1000)]
    found, more = commits(hub, limit=70)
    assert (len(found), more) == (70, True)
    assert hub_double.count("/commits/") == 2


def test_commits_of_a_real_repository_and_of_a_branch_with_a_slash(
    hub: Hub, hub_double: HubDouble, tmp_path: Path
) -> None:
    repo = GitRepo(tmp_path / "r")
    repo.commit("first")
    repo.git("branch", "try/this")
    env = {"GIT_AUTHOR_DATE": "2026-08-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-08-01T00:00:00Z"}
    repo.git("switch", "-q", "try/this")
    repo.git("commit", "-q", "--allow-empty", "-m", "second\n\nbody", env=env)
    hub_double.hosts(repo.path, "acme/m")
    assert commits(hub) == ([], False)
    ((found,), _) = commits(hub, branch="try/this")
    assert (found.title, found.date) == ("second", datetime(2026, 8, 1, tzinfo=timezone.utc))
    assert isinstance(commits_since(hub, MODEL, "absent", None, SINCE, limit=5), Failure)


def opened(hub: Hub, limit: int = 100) -> tuple[list[Opened], bool]:
    answer = opened_since(hub, MODEL, None, SINCE, limit=limit)
    assert not isinstance(answer, Failure), answer
    return list(answer), bool(answer.incomplete)


def test_discussions_are_read_up_to_the_first_old_page(hub: Hub, hub_double: HubDouble) -> None:
    repo = hub_double.world.add_repo("acme/m")
    day = timedelta(days=1)
    old = {**resources.discussion(1, [], repo="acme/m"), "createdAt": written(SINCE - 99 * day), "pinned": True}
    ages = [(number, SINCE + (50 - number) * day) for number in range(2, 99)]
    repo.discussions += [
        old,
        *({**resources.discussion(number, [], repo="acme/m"), "createdAt": written(at)} for number, at in ages),
    ]
    found, more = opened(hub)
    assert [one.number for one in found] == list(range(2, 51))
    assert not more
    assert hub_double.count("/discussions") == 6
    assert opened(hub, limit=15)[1]
