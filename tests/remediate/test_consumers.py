"""Each kind of consumer: looked at, changed, looked at again, and nothing else touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from keyring.backends.fail import Keyring as FailKeyring
from keyring.errors import KeyringLocked

from tests.hub.double import HubDouble
from tests.remediate.services import Github, Gitlab, Stored, running
from tests.support.keyrings import MemoryKeyring
from tests.support.mint import Mint
from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.remediate.consumers import ConsumerError, Updater, took
from tokenaudit.remediate.consumers.dotenv import Dotenv
from tokenaudit.remediate.consumers.git_credential import GitCredential
from tokenaudit.remediate.consumers.github_secret import GithubSecret
from tokenaudit.remediate.consumers.gitlab_variable import GitlabVariable
from tokenaudit.remediate.consumers.keyring_entry import KeyringEntry
from tokenaudit.remediate.consumers.netrc import Netrc
from tokenaudit.remediate.consumers.resolve import Owners, resolve
from tokenaudit.remediate.consumers.space_secret import SpaceSecret
from tokenaudit.remediate.consumers.token_store import TokenStore
from tokenaudit.secret import Secret

MINT = Mint(60)
OLD, NEW, OTHER = (Secret(MINT.user_token()) for _ in range(3))
OWNER = Secret("gh" + MINT.body(30))


def moved(consumer: Updater) -> str | None:
    before = consumer.look()
    consumer.update(OLD.fingerprint, NEW)
    return took(before, consumer.look(), OLD.fingerprint, NEW)


@pytest.fixture
def github() -> Iterator[Github]:
    double = Github(repositories={1: "acme/app", 2: "acme/web"})
    with running(double):
        yield double


@pytest.fixture
def gitlab() -> Iterator[Gitlab]:
    double = Gitlab()
    with running(double):
        yield double


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A=1\nHF_TOKEN={}\nB=2\n", "A=1\nHF_TOKEN={}\nB=2\n"),
        ('export HF_TOKEN = "{}"  # mine\r\nX=y\r\n', 'export HF_TOKEN = "{}"  # mine\r\nX=y\r\n'),
        ("HF_TOKEN='{}'", "HF_TOKEN='{}'"),
    ],
)
def test_a_dotenv_file_keeps_all_but_the_value(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(before.format(OLD.reveal()).encode())
    path.chmod(0o640)
    assert moved(Dotenv(path, "HF_TOKEN")) == "has the new value"
    assert path.read_bytes().decode() == after.format(NEW.reveal())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [p.name for p in tmp_path.iterdir()] == [".env"]


def test_another_value_in_a_dotenv_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"HF_TOKEN={OTHER.reveal()}\n")
    with pytest.raises(ConsumerError, match="value other than the old one"):
        Dotenv(path, "HF_TOKEN").update(OLD.fingerprint, NEW)
    assert OTHER.reveal() in path.read_text()


def test_the_token_store_changes_only_the_old_value(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(OLD.reveal())
    (tmp_path / "stored_tokens").write_text(
        f"[laptop]\nhf_token = {OLD.reveal()}\n\n[work]\nhf_token = {OTHER.reveal()}\n"
    )
    assert moved(TokenStore(tmp_path / "token", OLD.fingerprint)) == "has the new value"
    assert (tmp_path / "token").read_text() == NEW.reveal()
    stored = (tmp_path / "stored_tokens").read_text()
    assert stored == f"[laptop]\nhf_token = {NEW.reveal()}\n\n[work]\nhf_token = {OTHER.reveal()}\n"
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_an_oauth_login_in_the_store_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "stored_tokens").write_text(f"[oauth-a]\nhf_token = {OLD.reveal()}\nrefresh_token = x\n")
    with pytest.raises(ConsumerError, match="hf auth login"):
        TokenStore(tmp_path / "token", OLD.fingerprint).update(OLD.fingerprint, NEW)


def test_a_git_credential_is_replaced_in_the_store(tmp_path: Path) -> None:
    store = tmp_path / ".git-credentials"
    store.write_text(f"https://me:{OLD.reveal()}@huggingface.co\nhttps://x:y@example.org\n")
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = store --file={store}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    assert moved(GitCredential("https://huggingface.co", environment)) == "has the new value"
    lines = store.read_text().splitlines()
    assert f"https://me:{NEW.reveal()}@huggingface.co" in lines
    assert "https://x:y@example.org" in lines
    assert OLD.reveal() not in store.read_text()


def test_git_without_a_helper_holds_nothing_and_asks_nobody(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    assert not GitCredential("https://huggingface.co", environment).look().exists


def test_a_space_secret_replaces_the_public_variable(hub: Hub, hub_double: HubDouble) -> None:
    owner = Secret(hub_double.knows(Mint(61).user_token()))
    space = hub_double.world.add_space("alice/app", variables={"HF_TOKEN": OLD.reveal()})
    consumer = SpaceSecret(hub, "alice/app", "HF_TOKEN", owner)
    assert "will be deleted" in consumer.look().detail
    assert moved(consumer) == "created"
    assert space.secret_values["HF_TOKEN"] == NEW.reveal()
    assert space.variables == {}
    assert "RUNNING" in consumer.restart()


def test_a_variable_with_another_value_and_other_secrets_of_a_space_stay(hub: Hub, hub_double: HubDouble) -> None:
    owner = Secret(hub_double.knows(Mint(61).user_token()))
    made = "2026-10-01T09:00:00.000Z"
    space = hub_double.world.add_space(
        "alice/app", variables={"HF_TOKEN": OTHER.reveal()}, secrets={"HF_TOKEN": made, "HUB_KEY": made}
    )
    consumer = SpaceSecret(hub, "alice/app", "HF_TOKEN", owner)
    assert consumer.look().detail.endswith("the values of its other secrets can't be read: HUB_KEY")
    with pytest.raises(ConsumerError, match="a value other than the old one"):
        consumer.update(OLD.fingerprint, NEW)
    assert space.variables["HF_TOKEN"]["value"] == OTHER.reveal()
    assert "HF_TOKEN" not in space.secret_values


def test_a_space_secret_is_proven_by_the_hubs_own_clock(hub: Hub, hub_double: HubDouble) -> None:
    owner = Secret(hub_double.knows(Mint(61).user_token()))
    hub_double.world.add_space("alice/app", secrets={"HF_TOKEN": "2026-10-01T09:00:00.000Z"})
    consumer = SpaceSecret(hub, "alice/app", "HF_TOKEN", owner)
    assert moved(consumer) is None
    hub_double.world.moment = lambda: "2026-10-01T09:00:01.000Z"
    before = consumer.look()
    hub_double.world.moment = lambda: "2026-10-01T09:00:02.000Z"
    consumer.update(OLD.fingerprint, NEW)
    assert (took(before, consumer.look(), OLD.fingerprint, NEW) or "").startswith("updated 2026-10-01 09:00:02")


@pytest.mark.parametrize("environment", [None, "production"])
def test_a_github_secret_is_sealed_and_dated(github: Github, environment: str | None) -> None:
    where = "repos/acme/app/" + (f"environments/{environment}/secrets" if environment else "actions/secrets")
    github.secrets[where] = {"HF_TOKEN": Stored(OLD.reveal())}
    consumer = GithubSecret("acme/app", "HF_TOKEN", OWNER, environment=environment, api=github.url)
    assert (moved(consumer) or "").startswith("updated 2026-11-01")
    assert github.secrets[where]["HF_TOKEN"].value == NEW.reveal()


@pytest.mark.parametrize("visibility", ["all", "private", "selected"])
def test_an_organizations_secret_keeps_its_audience(github: Github, visibility: str) -> None:
    """GitHub's default would show it to every repository."""
    selected = [2] if visibility == "selected" else []
    github.secrets["orgs/acme/actions/secrets"] = {
        "HF_TOKEN": Stored(OLD.reveal(), visibility=visibility, selected=selected)
    }
    consumer = GithubSecret("acme", "HF_TOKEN", OWNER, api=github.url)
    assert visibility in consumer.look().detail
    assert moved(consumer) is not None
    stored = github.secrets["orgs/acme/actions/secrets"]["HF_TOKEN"]
    assert (stored.value, stored.visibility, stored.selected) == (NEW.reveal(), visibility, selected)


def test_a_missing_github_secret_is_seen_as_missing(github: Github) -> None:
    assert not GithubSecret("acme/app", "HF_TOKEN", OWNER, api=github.url).look().exists


def test_githubs_refusal_is_said_without_its_words(github: Github) -> None:
    github.refuses = True
    with pytest.raises(ConsumerError, match="GitHub answered 403"):
        GithubSecret("acme/app", "HF_TOKEN", OWNER, api=github.url).look()


def test_a_gitlab_variable_keeps_flags_and_scope(gitlab: Gitlab) -> None:
    def row(scope: str, value: str) -> dict[str, object]:
        flags = {"masked": True, "protected": True, "raw": True, "variable_type": "env_var", "description": "d"}
        return {"key": "HF_TOKEN", "value": value, "environment_scope": scope, "hidden": False, **flags}

    gitlab.variables["acme/tools/app"] = [row("*", OTHER.reveal()), row("production", OLD.reveal())]
    consumer = GitlabVariable("acme/tools/app", "HF_TOKEN", OWNER, scope="production", url=gitlab.url)
    assert moved(consumer) == "has the new value"
    assert gitlab.variables["acme/tools/app"] == [row("*", OTHER.reveal()), row("production", NEW.reveal())]


def test_gitlabs_refusal_and_a_strangers_value_change_nothing(gitlab: Gitlab) -> None:
    held = {"key": "HF_TOKEN", "value": OTHER.reveal(), "environment_scope": "*", "masked": False}
    gitlab.variables["acme/app"] = [held]
    consumer = GitlabVariable("acme/app", "HF_TOKEN", OWNER, url=gitlab.url)
    with pytest.raises(ConsumerError, match="value other than the old one"):
        consumer.update(OLD.fingerprint, NEW)
    gitlab.refuses = True
    with pytest.raises(ConsumerError, match="GitLab answered 401"):
        consumer.look()
    assert held["value"] == OTHER.reveal()


class Locked(MemoryKeyring):
    """A keyring that can be read, and quotes what it was given when it refuses to store it."""

    def set_password(self, service: str, username: str, password: str) -> None:
        careless = f"{service}/{username}: {password}"
        raise KeyringLocked(careless)


def test_a_keyring_that_can_not_be_written_is_a_consumer_that_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Locked()
    monkeypatch.setattr("keyring.get_keyring", lambda: backend)
    backend.held["app", "hf"] = OLD.reveal()
    consumer = KeyringEntry("app/hf")
    assert consumer.look().holds(OLD.fingerprint)
    consumer.check_writable(dry_run=True)
    with pytest.raises(ConsumerError, match="app/hf can't be written"):
        consumer.check_writable(dry_run=False)
    with pytest.raises(ConsumerError, match="app/hf can't be written") as caught:
        consumer.update(OLD.fingerprint, NEW)
    assert NEW.reveal() not in str(caught.value)
    monkeypatch.setattr("keyring.get_keyring", FailKeyring)
    with pytest.raises(ConsumerError, match="app/hf can't be read"):
        consumer.look()
    with pytest.raises(ConsumerError, match="app/hf can't be read"):
        list(consumer.contents())


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("kind", ["dotenv", "netrc"])
def test_the_check_of_a_file_leaves_it_and_its_folder_alone(tmp_path: Path, kind: str, dry_run: bool) -> None:
    path = tmp_path / "file"
    path.write_text(f"HF_TOKEN={OLD.reveal()}\n")
    path.chmod(0o640)
    before = path.stat()
    consumer: Updater = Dotenv(path, "HF_TOKEN") if kind == "dotenv" else Netrc(path, ["huggingface.co"])
    consumer.check_writable(dry_run=dry_run)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (before.st_ino, before.st_mtime_ns, before.st_mode)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    path.unlink()
    with pytest.raises(ConsumerError, match="does not exist"):
        consumer.check_writable(dry_run=dry_run)


def test_a_keyring_entry_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryKeyring()
    memory.held["app", "hf"] = OLD.reveal()
    monkeypatch.setattr("keyring.get_keyring", lambda: memory)
    assert moved(KeyringEntry("app/hf")) == "has the new value"
    memory.held["app", "hf"] = OTHER.reveal()
    with pytest.raises(ConsumerError, match="value other than the old one"):
        KeyringEntry("app/hf").update(OLD.fingerprint, NEW)


@pytest.mark.parametrize(
    ("spelled", "where"),
    [
        ("space-secret:acme/app", "spaces/acme/app HF_TOKEN"),
        ("github-secret:acme/app@prod#HF", "acme/app environment prod HF"),
        ("github-secret:acme#HF", "acme HF"),
        ("gitlab-variable:a/b/c@staging#HF", "a/b/c HF scope staging"),
        ("gitlab-group-variable:a", "group a HF_TOKEN"),
        ("keyring:app/hf", "app/hf"),
        ("git-credential:https://huggingface.co", "https://huggingface.co"),
        ("dotenv:/x/.env#KEY", "/x/.env KEY"),
    ],
)
def test_consumers_are_named_in_one_word(spelled: str, where: str, hub_double: HubDouble, tmp_path: Path) -> None:
    hub = Hub(hub_double.endpoint)
    hub.__dict__["own"] = type("Own", (), {"secret": OWNER})()
    environment = {"GITHUB_TOKEN": "x", "GITLAB_TOKEN": "y", "HOME": str(tmp_path)}
    assert resolve(spelled, OLD.fingerprint, Owners(hub, environment)).where == where


@pytest.mark.parametrize("spelled", ["", "space-secret", "space-secret:app", "vault:x/y", "dotenv:", "dotenv:x#1"])
def test_what_names_no_consumer_is_refused(spelled: str, hub: Hub) -> None:
    with pytest.raises(UsageError, match="invalid consumer"):
        resolve(spelled, OLD.fingerprint, Owners(hub, {}))


def test_tokens_for_github_go_to_https_or_loopback_only(hub: Hub) -> None:
    environment = {"GITHUB_TOKEN": "x", "GITHUB_API_URL": "http://github.example"}
    with pytest.raises(Exception, match="http"):
        resolve("github-secret:a/b", OLD.fingerprint, Owners(hub, environment))


def test_without_a_token_of_yours_nothing_is_changed_at_github(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenaudit.hub.keyring.available", lambda: None)
    with pytest.raises(ConfigurationError, match="GITHUB_TOKEN"):
        resolve("github-secret:a/b", OLD.fingerprint, Owners(hub, {}))


@pytest.mark.parametrize("scopes", [["api"], ["read_user", "api"], ["granular"], None])
def test_a_gitlab_token_that_may_write_passes_the_check(gitlab: Gitlab, scopes: list[str] | None) -> None:
    gitlab.scopes = scopes
    GitlabVariable("acme/app", "HF_TOKEN", OWNER, url=gitlab.url).check_writable(dry_run=False)


@pytest.mark.parametrize(
    ("scopes", "reason"),
    [
        (["read_api"], "the token lacks the scope api"),
        (["read_api", "write_repository"], "the token lacks the scope api"),
        ([], "the token lacks the scope api"),
        ("api", "unexpected"),
        ([1], "unexpected"),
    ],
)
def test_a_gitlab_token_that_can_only_read_fails_the_check(gitlab: Gitlab, scopes: object, reason: str) -> None:
    gitlab.scopes = scopes
    for group in (False, True):
        consumer = GitlabVariable("acme/app", "HF_TOKEN", OWNER, group=group, url=gitlab.url)
        with pytest.raises(ConsumerError, match=reason):
            consumer.check_writable(dry_run=True)
    assert gitlab.variables == {}
