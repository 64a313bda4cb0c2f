"""The auditor's own token and the keyring it may live in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from tests.hub.double import HubDouble
from tests.support.keyrings import MemoryKeyring
from tests.support.mint import Mint
from tokenaudit.errors import ConfigurationError
from tokenaudit.hub import keyring as keys
from tokenaudit.hub.client import Hub
from tokenaudit.hub.credentials import auditor_token, stored_tokens
from tokenaudit.secret import Secret


class LockedKeyring(MemoryKeyring):
    """A keyring that quotes what it was given when it refuses."""

    def set_password(self, service: str, username: str, password: str) -> None:
        careless = f"{service}/{username}: {password}"
        raise KeyringLocked(careless)


@pytest.fixture
def memory() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HF_HOME": str(tmp_path)}


def store(home: dict[str, str], value: str) -> None:
    (Path(home["HF_HOME"]) / "token").write_text(value + "\n")


def test_the_order_is_environment_keyring_store(memory: MemoryKeyring, home: dict[str, str]) -> None:
    mint = Mint(1)
    environment, kept, stored = mint.user_token(), mint.user_token(), mint.user_token()
    assert auditor_token(home) is None
    store(home, stored)
    assert auditor_token(home) == auditor_token({**home, "HF_TOKEN": " \n"})
    found = auditor_token(home)
    assert found is not None
    assert (found.secret, found.origin) == (Secret(stored), f"the token file {home['HF_HOME']}/token")
    memory.set_password("tokenaudit", "hf", kept)
    found = auditor_token(home)
    assert found is not None
    assert (found.secret, found.origin) == (Secret(kept), "the keyring")
    found = auditor_token({**home, "HF_TOKEN": environment + "\n"})
    assert found is not None
    assert (found.secret, found.origin) == (Secret(environment), "the environment variable HF_TOKEN")


def test_a_hub_told_not_to_has_no_own_token(hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", Mint(2).user_token())
    assert Hub(hub_double.endpoint, auditor_token=False).own is None
    assert Hub(hub_double.endpoint).own is not None
    assert hub_double.requests == []


def test_every_stored_token_is_read_with_its_place(home: dict[str, str]) -> None:
    mint = Mint(3)
    first, second, refresh = mint.user_token(), mint.user_token(), mint.refresh_token()
    store(home, first)
    named = Path(home["HF_HOME"]) / "stored_tokens"
    named.write_text(f"[work %]\nhf_token = {second}\n[oauth-alice]\nhf_token =\nrefresh_token = {refresh}\n")
    assert list(stored_tokens(home)) == [
        (f"{home['HF_HOME']}/token", Secret(first)),
        (f"{named} [work %] hf_token", Secret(second)),
        (f"{named} [oauth-alice] refresh_token", Secret(refresh)),
    ]


def test_a_store_that_is_no_store_is_said_without_its_lines(home: dict[str, str]) -> None:
    value = Mint(4).user_token()
    (Path(home["HF_HOME"]) / "stored_tokens").write_text(f"{value}\n")
    with pytest.raises(ConfigurationError) as caught:
        list(stored_tokens(home))
    assert value not in str(caught.value)


def test_what_is_kept_can_be_read_and_forgotten(memory: MemoryKeyring) -> None:
    secret = Secret(Mint(5).user_token())
    assert keys.read("hf") is None
    assert not keys.clear("hf")
    keys.write("hf", secret)
    assert keys.read("hf") == secret
    assert keys.clear("hf")
    assert memory.held == {}


def test_another_programs_entry_is_read_by_service_and_user(memory: MemoryKeyring) -> None:
    value = Mint(6).user_token()
    memory.set_password("hf/cli", "alice", value)
    assert keys.read("hf/cli/alice") == Secret(value)


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_without_a_safe_keyring_nothing_is_kept_and_that_is_said(
    memory: MemoryKeyring, backend: type[KeyringBackend], home: dict[str, str]
) -> None:
    keyring.set_keyring(backend())
    secret = Secret(Mint(7).user_token())
    for act in (lambda: keys.write("hf", secret), lambda: keys.read("hf"), lambda: keys.clear("hf")):
        with pytest.raises(ConfigurationError, match="no secure keyring") as caught:
            act()
        assert secret.reveal() not in str(caught.value)
    assert keys.available() is None
    assert auditor_token(home) is None
    assert memory.held == {}


def test_a_refusal_is_said_without_the_value(memory: MemoryKeyring) -> None:
    keyring.set_keyring(LockedKeyring())
    secret = Secret(Mint(8).user_token())
    with pytest.raises(ConfigurationError) as caught:
        keys.write("hf", secret)
    assert secret.reveal() not in str(caught.value)
    assert caught.value.__cause__ is None
    assert memory.held == {}
