"""An Enterprise organization at the double: service accounts, repositories, an administrator, GitHub and a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.hub.routes_service_accounts import live, service_account, service_token
from tests.remediate.services import Github, Gitlab, Stored, running
from tests.support.inprocess import Result, run
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.credentials import AuditorToken
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.setup import ChangeContext

__all__ = ["hub_double"]

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def now() -> datetime:
    return NOW


@dataclass
class Organization:
    """`acme` with the service account `ci`, whose token `deploy` reads the model `acme/m`."""

    double: HubDouble
    github: Github
    gitlab: Gitlab
    home: Path
    own: str
    account: dict[str, Any]
    token: dict[str, Any]
    old: str
    said: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def hub(self) -> Hub:
        hub = Hub(
            self.double.endpoint,
            timeout=1,
            deadline=2,
            retry_policy=RetryPolicy(attempts=2),
            sleep=lambda _seconds: None,
        )
        hub.__dict__["own"] = AuditorToken(Secret(self.own), "HF_TOKEN")
        return hub

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HF_TOKEN": self.own,
            "HF_ENDPOINT": self.double.endpoint,
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "GITHUB_TOKEN": "g",
            "GITHUB_API_URL": self.github.url,
            "GITLAB_TOKEN": "l",
            "GITLAB_URL": self.gitlab.url,
        }

    def around(self, *, yes: bool = True, dry_run: bool = False) -> ChangeContext:
        def confirm(what: str, phrase: str) -> bool:
            self.asked.append((what, phrase))
            return yes

        return ChangeContext(
            self.hub, self.environment, self.said.append, confirm, now, dry_run=dry_run, journal=self.home / "j.json"
        )

    def command(self, *arguments: str) -> Result:
        return self.run("service-accounts", *arguments)

    def run(self, *arguments: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("TOKENAUDIT_INVENTORY", raising=False)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return run(*arguments)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Every request that changes something at the Hub."""
        checks = ("auth-check", "paths-info")
        return [
            (seen.method, seen.path)
            for seen in self.double.requests
            if seen.method != "GET" and not any(part in seen.path for part in checks)
        ]

    @property
    def tokens(self) -> list[str]:
        return [token["displayName"] for token in self.account["accessTokens"]]

    @property
    def values(self) -> list[str]:
        return self.double.world.service_mints


@pytest.fixture
def org(hub_double: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organization]:
    world = hub_double.world
    own = Mint("admin").user_token()
    hub_double.knows(own, bodies.classic("write", name="root", orgs=[bodies.org(role="admin")]))
    world.organizations.add("acme")
    ticks = count(1)
    world.moment = lambda: (NOW + timedelta(seconds=next(ticks))).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    model = world.add_repo("acme/m", visibility="private")
    world.add_repo("acme/other", visibility="private")
    world.add_repo("acme/d", "dataset")
    world.add_space("acme/app")
    account = service_account("ci", description="deployment")
    token = service_token("deploy", repoIds=[model.object_id], repoPermissions=["repo.content.read"])
    account["accessTokens"].append(token)
    world.service_accounts["acme"] = [account]
    old = live(world, "acme", account, token, Mint("old").user_token())
    github, gitlab = Github(), Gitlab()
    github.secrets["repos/acme/app/actions/secrets"] = {"HF_TOKEN": Stored(old)}
    home = tmp_path / "home"
    home.mkdir()
    state = home / "state" / "tokenaudit"
    monkeypatch.setattr("tokenaudit.service_accounts.setup.user_state_path", lambda _name: state)
    with running(github), running(gitlab):
        yield Organization(hub_double, github, gitlab, home, own, account, token, old)
