"""Tokens created and rotated, handed to consumers, cut off at every request, and never printed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.hub import bodies
from tests.hub.faults import Fault, error, html, rate_limited
from tests.service_accounts.conftest import Organization
from tests.support.cli import environment
from tests.support.posix import posix_only
from tokenaudit.errors import UsageError
from tokenaudit.hub import service_accounts as api
from tokenaudit.model import Entity, Grant
from tokenaudit.remediate.consumers import ConsumerError
from tokenaudit.remediate.consumers.plain_file import PlainFile
from tokenaudit.remediate.rotation.journal import HaltedError
from tokenaudit.service_accounts.delivery import DeliveryResult, TokenDelivery
from tokenaudit.service_accounts.setup import WantedRights, begin_create, begin_rotate

READ_M = WantedRights((Grant(Entity("model", "acme/m"), ("repo.content.read",)),))


class KilledError(BaseException):
    """The process is gone."""


def consumers(org: Organization) -> list[str]:
    return ["space:acme/app", "github:acme/app:HF_TOKEN", "gitlab:acme/app:HF_TOKEN", f"file:{org.home}/token"]


def held(org: Organization) -> list[str]:
    """The values that the consumers have."""
    return [
        org.double.world.repos["space", "acme/app"].secret_values.get("HF_TOKEN", ""),
        org.github.secrets["repos/acme/app/actions/secrets"]["HF_TOKEN"].value,
        *(str(row["value"]) for row in org.gitlab.variables.get("acme/app", [])),
        (org.home / "token").read_text() if (org.home / "token").exists() else "",
    ]


def rotate(org: Organization, *to: str, wanted: str = "deploy", yes: bool = True) -> DeliveryResult:
    return begin_rotate("acme", "ci", wanted, to or consumers(org), org.around(yes=yes)).run()


def create(org: Organization, *to: str, name: str | None = "made", yes: bool = True) -> DeliveryResult:
    return begin_create("acme", "ci", READ_M, to or consumers(org), name, org.around(yes=yes)).run()


def everything_written(org: Organization) -> str:
    """All that the operation left behind besides the consumers."""
    files = [path.read_text() for path in (org.home).rglob("*.json")]
    return "\n".join([*org.said, *map(str, org.asked), *files])


def test_a_token_is_created_with_exactly_the_rights_and_delivered_everywhere(org: Organization) -> None:
    result = create(org)
    (value,) = org.values
    assert held(org) == [value] * 4
    assert result.proven
    created = next(seen.json() for seen in org.double.requests if seen.path.endswith("/tokens"))
    model = org.double.world.repos["model", "acme/m"].object_id
    assert created == {
        "displayName": "made", "permissions": [], "repoIds": [model], "repoPermissions": ["repo.content.read"],
        "endpointPatterns": [],
    }  # fmt: skip
    assert org.tokens == ["deploy", "made"]
    assert stat.S_IMODE((org.home / "token").stat().st_mode) == 0o600
    assert org.gitlab.variables["acme/app"][0]["masked"] is True
    assert org.double.world.repos["space", "acme/app"].restarts == 1
    written = everything_written(org)
    assert value not in written
    assert "whoami: ci-bot" in written
    assert "deny access" in written
    assert org.asked[0][1] == "create made"


def test_a_rotation_checks_rotates_delivers_and_verifies(org: Organization) -> None:
    (org.home / "token").write_text(org.old)
    result = rotate(org)
    (value,) = org.values
    assert held(org) == [value] * 4
    assert result.proven
    assert org.old not in org.double.world.tokens
    assert org.tokens == ["deploy"]
    assert value not in everything_written(org)
    assert org.old not in everything_written(org)
    assert "its old value stops working at once" in org.asked[0][0]
    # A finished rotation is not continued: the next one replaces the value again.
    rotate(org)
    assert held(org) == [org.values[1]] * 4
    assert [path for _, path in org.changes if path.endswith("/rotate")] == [
        f"/api/organizations/acme/service-accounts/{org.account['_id']}/tokens/{org.token['_id']}/rotate"
    ] * 2


@pytest.mark.parametrize(
    ("everywhere", "changes_id"),
    [
        (False, False),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
)
def test_a_process_that_is_killed_between_any_two_requests_is_taken_up_again(
    org: Organization, everywhere: bool, changes_id: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = consumers(org) if everywhere else [f"file:{org.home}/token"]
    org.double.world.rotation_changes_id = changes_id
    steps = 0
    for kill_at in range(1, 40):
        calls = 0

        def counted(original: Callable[..., object], *, at: int = kill_at) -> Callable[..., object]:
            def call(*arguments: object, **more: object) -> object:
                nonlocal calls
                calls += 1
                if calls == at:
                    raise KilledError
                answer = original(*arguments, **more)
                calls += 1
                if calls == at:
                    raise KilledError  # after the effect
                return answer

            return call

        with monkeypatch.context() as patch:
            for name in ("rotate", "create", "delete"):
                patch.setattr(api, name, counted(getattr(api, name)))
            for name in ("_deliver", "_restart", "_prove"):
                patch.setattr(TokenDelivery, name, counted(getattr(TokenDelivery, name)))
            try:
                rotate(org, *to)
            except KilledError:
                steps += 1
            else:
                break
        rotate(org, *to)
        assert held(org)[-1] == org.values[-1], kill_at
        assert not everywhere or held(org) == [org.values[-1]] * 4, kill_at
        assert org.tokens == ["deploy"], kill_at
        assert org.values[-1] in org.double.world.tokens
        assert not any(value in everything_written(org) for value in org.values)
    # Before and after: the rotation, each delivery, the proof, the restart.
    assert steps == 2 * (3 + len(to))
    assert sum(value in org.double.world.tokens for value in org.values) == 1


def test_a_rotation_that_is_killed_twice_leaves_one_token(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_arguments: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(TokenDelivery, "_deliver", killed)
        for _ in range(3):
            with pytest.raises(KilledError):
                rotate(org)
    assert len(org.tokens) == 3
    rotate(org, wanted=org.old[-4:])  # the argument of the first run still names it
    assert org.tokens == ["deploy"]
    assert held(org) == [org.values[-1]] * 4


def test_a_creation_that_is_killed_is_found_by_its_name_and_deleted(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody else's token of the same name is older, or has other rights: it is kept.
    other = {**org.token, "_id": "c" * 24, "displayName": "made", "permissions": ["org.read"]}
    org.account["accessTokens"].append(other)
    with monkeypatch.context() as patch:
        patch.setattr(TokenDelivery, "_made", lambda *_arguments: (_ for _ in ()).throw(KilledError()))
        with pytest.raises(KilledError):
            create(org)
    assert org.tokens == ["deploy", "made", "made"]
    create(org)
    assert org.tokens == ["deploy", "made", "made"]
    assert held(org) == [org.values[1]] * 4
    assert org.values[0] not in org.double.world.tokens
    assert other in org.account["accessTokens"]


@posix_only
@pytest.mark.slow
def test_a_killed_process_is_really_killed(org: Organization) -> None:
    """The process gets SIGKILL while the Hub answers the rotation; another process finishes it."""
    command = [
        sys.executable, "-m", "tokenaudit", "service-accounts", "rotate", "acme", "ci", "deploy", "--yes",
        "--to", f"file:{org.home}/token",
    ]  # fmt: skip
    variables = environment(org.home, org.environment)
    org.double.world.moment = lambda: time.sleep(0.5) or "2026-11-28T12:00:00.000Z"  # type: ignore[func-returns-value]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not org.double.count("/rotate", "POST"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 10
    while not org.values and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not (org.home / "token").exists()
    done = subprocess.run(command, env=variables, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert (org.home / "token").read_text() == org.values[1]
    assert org.tokens == ["deploy"]
    assert "a second token" in done.stderr
    assert not any(value in done.stdout + done.stderr for value in org.values)


def refuse_github(org: Organization) -> None:
    org.github.refuses = True


def refuse_gitlab(org: Organization) -> None:
    org.gitlab.refuses = True


def read_only_gitlab_token(org: Organization) -> None:
    org.gitlab.scopes = ["read_api"]


def refuse_space(org: Organization) -> None:
    org.double.fails(r"/api/spaces/acme/app/auth-check/write", error(403, "Forbidden"), always=True)


def variable_of_the_same_name(org: Organization) -> None:
    variable = {"key": "HF_TOKEN", "value": org.old, "updatedAt": "2026-01-01T00:00:00.000Z"}
    org.double.world.repos["space", "acme/app"].variables["HF_TOKEN"] = variable


def folder_of_git(org: Organization) -> None:
    (org.home / ".git").mkdir()


def another_value(org: Organization) -> None:
    (org.home / "token").write_text(org.own)


def several_lines(org: Organization) -> None:
    (org.home / "token").write_text("HF_TOKEN=x\nOTHER=y\n")


def a_folder(org: Organization) -> None:
    (org.home / "token").mkdir()


@pytest.mark.parametrize(
    "spoil",
    [
        refuse_github, refuse_gitlab, read_only_gitlab_token, refuse_space, variable_of_the_same_name, folder_of_git,
        another_value, several_lines, a_folder,
    ],
)  # fmt: skip
def test_a_consumer_that_can_not_be_written_is_found_before_anything_is_rotated(
    org: Organization, spoil: Callable[[Organization], None]
) -> None:
    spoil(org)
    with pytest.raises((ConsumerError, HaltedError, UsageError)) as raised:
        rotate(org)
    assert "\n" not in str(raised.value)
    assert org.changes == []
    assert org.old in org.double.world.tokens


def test_without_the_right_nothing_is_changed_and_the_permission_is_named(org: Organization) -> None:
    reader = bodies.scope("org", ["org.serviceAccounts.read", "repo.content.read", "repo.write"], name="acme")
    org.double.knows(org.own, bodies.user(bodies.fine_grained(reader), orgs=[bodies.org(role="admin")]))
    with pytest.raises(HaltedError, match=r"needs org\.serviceAccounts\.write on acme; the old value still works"):
        rotate(org)
    with pytest.raises(HaltedError, match=r"needs org\.serviceAccounts\.write on acme; nothing was created"):
        create(org)
    assert org.old in org.double.world.tokens
    org.double.knows(org.own, bodies.classic("write", orgs=[bodies.org(role="write")]))
    with pytest.raises(HaltedError, match=r"needs org\.serviceAccounts\.read on acme"):
        rotate(org)


def test_a_rate_limit_is_not_claimed_as_done(org: Organization) -> None:
    org.double.fails(r"/rotate$", rate_limited(0, 9000), always=True)
    with pytest.raises(HaltedError, match="the old value still works"):
        rotate(org)
    assert org.old in org.double.world.tokens
    assert not org.double.world.service_mints


def test_a_second_token_is_exempt_from_the_network_rules_too_and_its_expiration_is_named(org: Organization) -> None:
    org.token.update(skipNetworkSecurity=True, expiration="2027-01-01T00:00:00.000Z")
    org.double.fails(r"/rotate$", error(500, "oops"))
    rotate(org)
    assert org.account["accessTokens"][0]["skipNetworkSecurity"] is True
    assert any("set it on the token's page" in line for line in org.said)


def test_a_token_whose_rights_are_unknown_is_not_rotated(org: Organization) -> None:
    for change in ({"role": "write"}, {"role": "fineGrained", "repoPermissions": None}):
        org.token.update(change)
        with pytest.raises(UsageError, match="could not be repaired"):
            rotate(org)
    assert org.changes == []


@pytest.mark.parametrize("fault", [error(500, "oops"), html(502), Fault(200, behaviour="truncate"), html(200)])
def test_an_unclear_answer_to_a_rotation_is_answered_by_a_second_token(org: Organization, fault: Fault) -> None:
    org.double.fails(r"/rotate$", fault)
    rotate(org)
    assert org.double.count("/rotate", "POST") == 1  # never repeated: the value of the first could arrive late
    assert held(org) == [org.values[-1]] * 4
    assert org.tokens == ["deploy"]
    assert org.old not in org.double.world.tokens


def test_an_unclear_answer_to_a_creation_is_said_and_the_token_looked_for(org: Organization) -> None:
    org.double.fails(r"/service-accounts/[^/]+/tokens$", error(503, "busy"), error(503, "busy"))
    with pytest.raises(HaltedError, match="no clear response to 2 requests"):
        create(org)
    assert any("none of its name exists" in line for line in org.said)
    assert held(org) == ["", org.old, ""]
    create(org)
    assert held(org) == [org.values[0]] * 4
    assert org.tokens == ["deploy", "made"]


def test_a_whoami_that_does_not_answer_is_not_a_proof(org: Organization) -> None:
    org.double.fails(r"/api/whoami-v2", error(500, "oops"), always=True)
    assert create(org).proven is False
    assert held(org) == [org.values[0]] * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"permissions": ["repo.write"]}, "permissions is"),
        ({"repoPermissions": ["repo.content.read", "repo.write"]}, "repoPermissions is"),
        ({"skipNetworkSecurity": True}, "exempt from the network rules"),
        ({}, None),  # the field is optional in the response: the rights are read again
    ],
)
def test_a_token_with_other_rights_than_requested_is_deleted(
    org: Organization, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str | None
) -> None:
    original: Callable[..., Any] = api.create

    def changed(*arguments: Any) -> Any:
        made = original(*arguments)
        info = {key: value for key, value in made.info.items() if key != "permissions"}
        return replace(made, info={**info, **change})

    monkeypatch.setattr(api, "create", changed)
    if message is None:
        assert create(org).proven
        return
    with pytest.raises(HaltedError, match=message):
        create(org)
    assert org.tokens == ["deploy"]
    assert held(org) == ["", org.old, ""]


def test_a_token_that_can_do_more_is_deleted_before_it_is_delivered(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(org.double.world), "may", lambda *_arguments, **_more: True)
    with pytest.raises(HaltedError, match="it was deleted, nothing was delivered"):
        create(org)
    assert org.tokens == ["deploy"]
    assert held(org) == ["", org.old, ""]


def test_a_consumer_that_fails_after_the_rotation_is_named_and_the_next_run_finishes(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PlainFile, "update", lambda *_: (_ for _ in ()).throw(ConsumerError("token can't be written")))
        with pytest.raises(ConsumerError, match="can't be written"):
            rotate(org)
    # The consumers that have the first value must be named again, or they would lose it.
    with pytest.raises(HaltedError, match="add it with --to"):
        rotate(org, f"file:{org.home}/token")
    rotate(org)
    assert held(org) == [org.values[1]] * 4
    assert org.tokens == ["deploy"]


def test_a_refused_confirmation_and_a_preview_change_nothing(org: Organization) -> None:
    with pytest.raises(HaltedError, match="not confirmed"):
        rotate(org, yes=False)
    shown = org.command("rotate", "acme", "ci", "deploy", "--to", f"file:{org.home}/token", "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert "its old value stops working at once" in shown.out
    begin_rotate("acme", "ci", "deploy", consumers(org), org.around(dry_run=True)).run()
    begin_create("acme", "ci", READ_M, consumers(org), None, org.around(dry_run=True)).run()
    assert org.changes == []
    assert held(org) == ["", org.old, ""]
    assert any("will be created" in line for line in org.said)


def test_the_token_of_the_operator_is_not_rotated(org: Organization) -> None:
    rights = bodies.scope("org", ["org.serviceAccounts.write", "repo.write"], name="acme")
    org.double.knows(
        org.old, bodies.user(bodies.fine_grained(rights), name=org.account["user"], orgs=[bodies.org(role="admin")])
    )
    org.own = org.old
    with pytest.raises(UsageError, match="authenticates this call"):
        rotate(org)
    assert org.changes == []


def test_accounts_and_tokens_are_named_by_id_name_or_last_four(org: Organization) -> None:
    twin = {**org.token, "_id": "d" * 24}
    org.account["accessTokens"].append(twin)
    with pytest.raises(UsageError, match=r"2 tokens of ci match 'deploy'; pass an id"):
        rotate(org)
    org.account["accessTokens"].remove(twin)
    with pytest.raises(UsageError, match="did you mean 'deploy'"):
        rotate(org, wanted="deplyo")
    org.double.world.service_accounts["acme"].append({**org.account, "_id": "e" * 24})
    with pytest.raises(UsageError, match=r"2 service accounts of acme have the name 'ci'; pass an id"):
        rotate(org)
    assert org.changes == []
    begin_rotate("acme", org.account["_id"], org.old[-4:], consumers(org), org.around()).run()
    assert held(org) == [org.values[0]] * 4


@pytest.mark.parametrize("where", ["work-tree", "nested", "link", "bare", "linked-worktree"])
def test_a_file_inside_a_repository_is_refused(org: Organization, where: str) -> None:
    repository = org.home / "repository"
    (repository / "deep").mkdir(parents=True)
    path = repository / "deep" / "token"
    if where == "bare":
        subprocess.run(["git", "init", "-q", "--bare", str(repository)], check=True)
    elif where == "linked-worktree":
        (repository / ".git").write_text("gitdir: /nowhere\n")
    else:
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
    if where == "work-tree":
        path = repository / "token"
    if where == "link":
        (org.home / "link").symlink_to(repository / "deep")
        path = org.home / "link" / "token"
    ran = org.command(
        "create-token", "acme", "ci", "--grant", "repo.content.read@model:acme/m", "--to", f"file:{path}", "--yes"
    )
    assert ran.code == 2
    assert "inside the git repository" in ran.err
    assert org.double.requests == []
    assert not path.exists()


def test_the_commands_never_print_a_value_and_exit_as_documented(org: Organization) -> None:
    to = ("--to", f"file:{org.home}/token")
    grant = ("--grant", "repo.content.read@model:acme/m")
    assert org.command("create-token", "acme", "ci", *grant, *to).code == 2  # not a terminal
    assert org.command("rotate", "acme", "ci", "deploy", *to).code == 2
    assert org.command("narrow", "acme", "ci", "deploy", *grant).code == 2
    assert org.double.requests == []
    for wrong in (
        ("create-token", "acme", "ci", *to, "--yes"),
        ("create-token", "acme", "ci", *grant, "--yes"),
        ("create-token", "acme", "ci", *grant, "--to", "dotenv:x", "--yes"),
        ("create-token", "acme", "ci", "--grant", "no spaces@", *to, "--yes"),
        ("create-token", "acme", "ci", "--grant", "repo.rewrite", *to, "--yes"),
        ("rotate", "acme", "ci", "deploy", "--yes"),
        ("rotate", "acme", "nobody", "deploy", *to, "--yes"),
    ):
        ran = org.command(*wrong)
        assert (ran.code, ran.err.count("\n"), ran.out) == (2, 1, ""), ran.err
    assert org.changes == []
    made = org.command("create-token", "acme", "ci", *grant, *to, "--yes")
    assert made.code == 0, made.err
    assert "verified" in made.out
    turned = org.command("rotate", "acme", "ci", "deploy", "--to", f"file:{org.home}/other", "--yes")
    assert turned.code == 0, turned.err
    for value in org.values:
        assert value not in made.out + made.err + turned.out + turned.err
    assert (org.home / "token").read_text() == org.values[0]
    assert list((org.home / "state").rglob("service-acme-*.json"))
    for path in (org.home / "state").rglob("*.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not any(value in path.read_text() for value in org.values)


def test_the_rights_come_from_a_plan(org: Organization, tmp_path: Path) -> None:
    def plan(*credentials: dict[str, object]) -> str:
        path = tmp_path / "plan.json"
        path.write_text(json.dumps({"schema": "tokenaudit/plan/1", "mode": "planned", "credentials": credentials}))
        return str(path)

    def credential(mark: str, replacement: str = "service-account", name: str = "acme/m") -> dict[str, object]:
        grants = [{"entity": {"type": "model", "name": name}, "permissions": ["repo.content.read"]}]
        return {
            "fingerprint": mark * 32, "display": "hf_****AAAA", "severity": "high",
            "recommendation": {"replacement": replacement, "grants": grants if replacement != "no-token" else []},
        }  # fmt: skip

    to = ("--to", f"file:{org.home}/token", "--yes")
    several = plan(credential("a"), credential("b", name="acme/other"))
    ran = org.command("create-token", "acme", "ci", "--plan", several, *to)
    assert (ran.code, "choose one with --credential" in ran.err) == (2, True)
    ran = org.command("create-token", "acme", "ci", "--plan", plan(credential("a", "no-token")), *to)
    assert (ran.code, "needs no token" in ran.err) == (2, True)
    broken = tmp_path / "broken.json"
    broken.write_bytes(b'{"schema": \xff')
    ran = org.command("create-token", "acme", "ci", "--plan", str(broken), *to)
    assert (ran.code, "is not a plan" in ran.err) == (2, True)
    assert org.changes == []
    several = plan(credential("a"), credential("b", name="acme/other"))
    ran = org.command("create-token", "acme", "ci", "--plan", several, "--credential", "b" * 8, *to)
    assert ran.code == 0, ran.err
    other = org.double.world.repos["model", "acme/other"].object_id
    assert org.account["accessTokens"][-1]["repoIds"] == [other]


def test_two_runs_at_once_do_not_share_a_journal(org: Organization) -> None:
    inside, ends = threading.Event(), threading.Event()

    def confirm(_what: str, _phrase: str) -> bool:
        inside.set()
        return ends.wait(10)

    around = org.around()
    object.__setattr__(around, "confirm", confirm)
    first = begin_rotate("acme", "ci", "deploy", consumers(org), around)
    thread = threading.Thread(target=first.run)
    thread.start()
    assert inside.wait(10)
    with pytest.raises(HaltedError, match="another process"):
        rotate(org)
    ends.set()
    thread.join()
    assert org.values == [org.values[0]]
