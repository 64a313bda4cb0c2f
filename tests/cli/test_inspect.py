"""`tokenaudit inspect` and `tokenaudit auth` as a user runs them."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import INVALID, Fault, error, rate_limited
from tests.support.cli import Ran, tokenaudit
from tests.support.mint import Mint
from tokenaudit.report.schema import shipped
from tokenaudit.secret import fingerprint


@pytest.fixture
def mint() -> Mint:
    return Mint(33)


def run(double: HubDouble, home: Path, *arguments: str, stdin: str = "", **env: str) -> Ran:
    return tokenaudit(
        "inspect", "--endpoint", double.endpoint, *arguments, home=home, stdin=stdin.encode(), cwd=home, env=env
    )


def test_a_report_as_the_contract_has_it(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only here

    value = hub_double.knows(mint.user_token(), bodies.shapes()["fine-grained-repo-org-resource-group"])
    ran = run(hub_double, tmp_path, "-f", "json", stdin=value + "\n")
    assert ran.code == 0
    Draft202012Validator(shipped()).validate(ran.report)
    (credential,) = ran.report["credentials"]
    assert credential["fingerprint"] == fingerprint(value)
    assert credential["locations"] == []
    assert credential["inspection"]["status"] == "active"
    assert credential["inspection"]["account"] == {"type": "user", "name": "alice"}
    assert credential["inspection"]["role"] == "fineGrained"
    assert credential["inspection"]["grants"][0]["entity"]["name"] == "acme/private-model"
    assert credential["inspection"]["orgs"][0]["restrictions"] == ["token-policy"]
    assert credential["verdict"]["privilege"] == "minimal"
    assert ran.report["summary"]["active"] == 1
    assert value not in ran.out + ran.err


@pytest.mark.parametrize(
    ("shape", "code", "privilege"),
    [("classic-write", 1, "over"), ("fine-grained-no-details", 1, "unknown")],
)
def test_the_exit_code_follows_the_verdict(
    hub_double: HubDouble, tmp_path: Path, mint: Mint, shape: str, code: int, privilege: str
) -> None:
    value = hub_double.knows(mint.user_token(), bodies.shapes()[shape])
    ran = run(hub_double, tmp_path, "-f", "json", stdin=value)
    assert (ran.code, ran.report["credentials"][0]["verdict"]["privilege"]) == (code, privilege)


def test_of_a_dead_one_nothing_is_asked_to_be_done(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    ran = run(hub_double, tmp_path, stdin=mint.user_token())
    assert ran.code == 0
    assert "invalid: " in ran.out
    assert "no action" in ran.out
    assert "narrower" not in ran.out


@pytest.mark.parametrize("fault", [rate_limited(0, 100_000), error(403, "Forbidden")])
def test_no_answer_is_unknown_and_incomplete_never_invalid(
    hub_double: HubDouble, tmp_path: Path, mint: Mint, fault: Fault
) -> None:
    hub_double.fails("whoami", fault, always=True)
    ran = run(hub_double, tmp_path, "-f", "json", stdin=mint.user_token())
    (credential,) = ran.report["credentials"]
    assert credential["inspection"]["status"] == "unknown"
    assert credential["verdict"]["privilege"] == "unknown"
    assert ran.report["complete"] is False
    assert len(ran.report["skipped"]) == 1
    assert ran.code == 3


def test_a_dead_credential_is_clean_where_it_stands_nowhere(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    hub_double.fails("whoami", error(401, INVALID), always=True)
    ran = run(hub_double, tmp_path, "-f", "json", stdin=mint.user_token())
    assert ran.report["credentials"][0]["inspection"]["status"] == "invalid"
    assert ran.code == 0


def test_every_bad_line_is_said_and_the_good_ones_are_asked_once(
    hub_double: HubDouble, tmp_path: Path, mint: Mint
) -> None:
    first, second = (hub_double.knows(mint.user_token(), bodies.one_model_read()) for _ in range(2))
    lines = [first, "no credential", "", second + "\r", first, "x" * 1_000_000, "hf_" + "x" * 34]
    ran = run(hub_double, tmp_path, "-f", "json", "--show-unlikely", stdin="\n".join(lines))
    likely = [each for each in ran.report["credentials"] if each["likelihood"] == "credential"]
    assert {each["fingerprint"] for each in likely} == {fingerprint(first), fingerprint(second)}
    assert [skipped["where"] for skipped in ran.report["skipped"]] == ["line 2 of stdin", "line 6 of stdin"]
    assert ran.report["summary"]["unlikely"] == 1
    assert hub_double.count("whoami") == len(hub_double.requests) == 2
    assert ran.code == 3


def test_nothing_given_is_wrong_usage(hub_double: HubDouble, tmp_path: Path) -> None:
    ran = run(hub_double, tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "--stored" in ran.err


@pytest.mark.parametrize("endpoint", ["http://example.com", "nonsense"])
def test_a_wrong_endpoint_is_refused_before_anything_is_read(tmp_path: Path, mint: Mint, endpoint: str) -> None:
    ran = tokenaudit("inspect", "--endpoint", endpoint, home=tmp_path, stdin=mint.user_token().encode())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_the_endpoint_comes_from_the_environment_and_the_own_token_stays_home(
    hub_double: HubDouble, tmp_path: Path, mint: Mint
) -> None:
    value, own = hub_double.knows(mint.user_token()), mint.user_token()
    ran = tokenaudit(
        "inspect", home=tmp_path, stdin=value.encode(), env={"HF_ENDPOINT": hub_double.endpoint, "HF_TOKEN": own}
    )
    assert ran.code == 1
    assert [request.token for request in hub_double.requests] == [value]


def test_variables_and_the_store_are_read_on_request(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    first, second = (hub_double.knows(mint.user_token(), bodies.one_model_read()) for _ in range(2))
    store = tmp_path / "hf"
    store.mkdir()
    (store / "stored_tokens").write_text(f"[work]\nhf_token = {second}\n")
    ran = run(
        hub_double, tmp_path, "--env", "MINE", "--stored", "-f", "json", MINE=first, HF_HOME=str(store), stdin="ignored"
    )
    assert ran.code == 0
    assert {each["fingerprint"] for each in ran.report["credentials"]} == {fingerprint(first), fingerprint(second)}


def test_a_variable_that_is_not_set_is_wrong_usage(hub_double: HubDouble, tmp_path: Path) -> None:
    ran = run(hub_double, tmp_path, "--env", "NO_SUCH_THING")
    assert ran.code == 2
    assert "NO_SUCH_THING is not set" in ran.err


def test_without_a_keyring_that_is_said(hub_double: HubDouble, tmp_path: Path) -> None:
    ran = run(hub_double, tmp_path, "--keyring", "hf")
    assert ran.code == 2
    assert "no secure keyring" in ran.err


def test_within_the_hour_nothing_is_asked_twice_and_no_value_is_kept(
    hub_double: HubDouble, tmp_path: Path, mint: Mint
) -> None:
    value = hub_double.knows(mint.user_token(), bodies.one_model_read())
    for _ in range(2):
        assert run(hub_double, tmp_path, stdin=value).code == 0
    assert hub_double.count("whoami") == 1
    assert run(hub_double, tmp_path, "--no-cache", stdin=value).code == 0
    assert hub_double.count("whoami") == 2
    (cache,) = tmp_path.rglob("inspections.sqlite")
    with sqlite3.connect(cache) as db:
        assert db.execute("SELECT fingerprint FROM inspections").fetchall() == [(fingerprint(value),)]
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or value.encode() not in file.read_bytes()


def test_reach_is_counted_on_request(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    value = hub_double.knows(mint.user_token())
    hub_double.world.add_repo("alice/m", downloads=12)
    plain = run(hub_double, tmp_path, "-f", "json", stdin=value)
    assert plain.report["credentials"][0]["reach"] is None
    counted = run(hub_double, tmp_path, "-f", "json", "--reach", "summary", stdin=value)
    reach = counted.report["credentials"][0]["reach"]
    assert (reach["writable"], reach["downloads_month"]) == (1, 12)


def test_access_to_a_named_repository_is_proven(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    value = hub_double.knows(mint.user_token(), bodies.one_model_read(orgs=[bodies.org()]))
    hub_double.world.add_repo("acme/private-model", visibility="private")
    ran = run(hub_double, tmp_path, "-f", "json", "--repo", "acme/private-model", stdin=value)
    (repo,) = ran.report["credentials"][0]["reach"]["repos"]
    assert (repo["id"], repo["access"]) == ("acme/private-model", "read")
    assert run(hub_double, tmp_path, "--repo", "../x", stdin=value).code == 2


def test_the_teams_settings_count(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    value = hub_double.knows(mint.user_token(), bodies.classic("read"))
    (tmp_path / "tokenaudit.toml").write_text('allowed-roles = ["read"]\n')
    assert run(hub_double, tmp_path, stdin=value).code == 0
    (tmp_path / "tokenaudit.toml").write_text("allowed-roles = 7\n")
    ran = run(hub_double, tmp_path, stdin=value)
    assert ran.code == 2
    assert "allowed-roles" in ran.err


def test_the_screen_shows_grants_as_a_tree(hub_double: HubDouble, tmp_path: Path, mint: Mint) -> None:
    value = hub_double.knows(mint.user_token(), bodies.shapes()["fine-grained-everything-user"])
    ran = run(hub_double, tmp_path, stdin=value)
    assert "! job.write" in ran.out
    assert "└─" in ran.out
    assert value not in ran.out


KEYRING = """
import json, os
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 1
    name = "test keyring"
    path = os.path.join(os.path.dirname(__file__), "kept.json")

    def _all(self):
        return json.load(open(self.path)) if os.path.exists(self.path) else {}

    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        json.dump({**self._all(), f"{service}/{username}": password}, open(self.path, "w"))

    def delete_password(self, service, username):
        kept = self._all()
        del kept[f"{service}/{username}"]
        json.dump(kept, open(self.path, "w"))
"""


@pytest.fixture
def keyring(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "somekeyring.py").write_text(KEYRING)
    path = ":".join([str(tmp_path), *filter(None, sys.path)])
    return {"PYTHON_KEYRING_BACKEND": "somekeyring.Keyring", "PYTHONPATH": path}


def test_a_token_is_kept_used_and_forgotten(
    hub_double: HubDouble, tmp_path: Path, mint: Mint, keyring: dict[str, str]
) -> None:
    value = hub_double.knows(mint.user_token(), bodies.one_model_read())
    kept = tokenaudit("auth", "set", "hf", home=tmp_path, stdin=value.encode() + b"\n", env=keyring)
    assert (kept.code, kept.out) == (0, "")
    assert json.loads((tmp_path / "kept.json").read_text()) == {"tokenaudit/hf": value}
    status = tokenaudit("auth", "status", home=tmp_path, env=keyring)
    assert status.code == 0
    assert f"hf: hf_****{value[-4:]}" in status.out
    assert "from the keyring" in status.out
    ran = run(hub_double, tmp_path, "--keyring", "hf", "-f", "json", **keyring)
    assert ran.report["credentials"][0]["fingerprint"] == fingerprint(value)
    assert tokenaudit("auth", "clear", "hf", home=tmp_path, env=keyring).code == 0
    assert json.loads((tmp_path / "kept.json").read_text()) == {}
    assert value not in kept.err + status.out + status.err + ran.out + ran.err


def test_without_a_keyring_nothing_is_kept_anywhere(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    ran = tokenaudit("auth", "set", "hf", home=tmp_path, stdin=value.encode())
    assert ran.code == 2
    assert "no secure keyring" in ran.err
    assert value not in ran.err
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or value.encode() not in file.read_bytes()
    assert "none that keeps values encrypted" in tokenaudit("auth", "status", home=tmp_path).out


@pytest.mark.parametrize("given", [b"\n", b"two words\n"])
def test_what_is_no_token_is_not_kept(tmp_path: Path, keyring: dict[str, str], given: bytes) -> None:
    ran = tokenaudit("auth", "set", "hf", home=tmp_path, stdin=given, env=keyring)
    assert ran.code == 2
    assert not (tmp_path / "kept.json").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (bodies.classic("write"), "has excess permissions (role write"),
        (bodies.one_model_read(), "has only the required permissions"),
        (bodies.shapes()["fine-grained-no-details"], "permissions of"),
    ],
)
def test_the_auditors_own_token_gets_the_same_honesty(
    hub_double: HubDouble, tmp_path: Path, mint: Mint, body: dict[str, object] | None, words: str
) -> None:
    value = hub_double.knows(mint.user_token(), body)
    ran = tokenaudit(
        "auth", "status", "--check", home=tmp_path, env={"HF_TOKEN": value, "HF_ENDPOINT": hub_double.endpoint}
    )
    assert words in ran.out
    assert ("settings/tokens/new" in ran.out) == ("has excess permissions" in words or "permissions of" in words)
    assert value not in ran.out


@pytest.mark.parametrize("backend", ["", "nowhere.Keyring", "json.NoSuchThing"])
def test_a_keyring_that_cannot_be_loaded_is_one_line(hub_double: HubDouble, tmp_path: Path, backend: str) -> None:
    ran = run(hub_double, tmp_path, "--keyring", "x", PYTHON_KEYRING_BACKEND=backend)
    assert (ran.code, ran.out) == (2, "")
    assert "the configured keyring can't be loaded" in ran.err
    assert ran.err.count("\n") == 1
