"""The next command for what is open; names from outside are quoted in it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.support.mint import Mint
from tokenaudit.ci.model import Names
from tokenaudit.incident.action_items import ActionContext, action_items, for_credential, for_stored_secret
from tokenaudit.incident.model import AffectedCredential, MatchReason, StoredSecret
from tokenaudit.model import Credential, Location, Severity, Status
from tokenaudit.secret import Secret

HUB = "https://huggingface.co"
SECRET = Secret(Mint(1).user_token())


def touched(
    status: Status = "active", kind: str = "user_token", mark: str = SECRET.fingerprint, **more: object
) -> AffectedCredential:
    values: dict[str, Any] = {"severity": Severity.HIGH, "state": "open", "touched": "yes", "why": "old", **more}
    return AffectedCredential(mark, kind, SECRET.display, status=status, status_reason="", **values)


def credential(*locations: Location) -> Credential:
    return Credential(SECRET.fingerprint, "user_token", SECRET.display, "credential", locations)


@pytest.mark.parametrize(
    ("found", "at", "command"),
    [
        (touched(), Location("history", "repo", "a.py"), f"tokenaudit revoke {SECRET.fingerprint} --from repo"),
        (
            touched(),
            Location("history", "spaces/acme/app", "a.py"),
            f"tokenaudit revoke {SECRET.fingerprint} --from {HUB}/spaces/acme/app",
        ),
        (
            touched(),
            Location("history", "models/acme/m", "a.py"),
            f"tokenaudit revoke {SECRET.fingerprint} --from {HUB}/acme/m",
        ),
        (touched(), Location("space-variable", "spaces/acme/app", "T"), f"tokenaudit revoke {SECRET.fingerprint}"),
        (touched(), Location("machine", "~/.netrc", "x"), f"tokenaudit rotate {SECRET.fingerprint} --mode breach"),
        (touched("unknown"), Location("tree", "repo", "a.py"), "tokenaudit incident x --from repo"),
        (touched("unknown"), Location("discussion", "models/acme/m", "1"), "tokenaudit incident x"),
        (touched(kind="oauth_token"), Location("tree", "repo", "a.py"), None),
        (
            touched(),
            Location("tree", "a b; rm -rf ~", "a.py"),
            f"tokenaudit revoke {SECRET.fingerprint} --from 'a b; rm -rf ~'",
        ),
        (touched(mark="$(id)"), Location("space-variable", "spaces/a/b", "T"), "tokenaudit revoke '$(id)'"),
    ],
)
def test_the_next_command_for_a_credential(found: AffectedCredential, at: Location, command: str | None) -> None:
    assert for_credential(found, credential(at), "x", HUB, None)[1] == command


def test_the_runbook_is_named_where_there_is_a_report() -> None:
    do, _ = for_credential(touched(), credential(), "x", HUB, "my report.json")
    assert f"tokenaudit plan 'my report.json' --mode breach --only {SECRET.fingerprint[:12]}." in do


@pytest.mark.parametrize(
    ("kind", "target", "name", "command"),
    [
        ("space-secret", "spaces/acme/app", "HF_TOKEN", "space-secret:acme/app#HF_TOKEN"),
        ("github-secret", "github:acme/x", "HF_TOKEN", "github-secret:acme/x#HF_TOKEN"),
        ("github-secret", "github:acme/x environment prod", "HF_TOKEN", None),
        ("space-secret", "spaces/acme/app", "WANDB_API_KEY", None),
        ("webhook-secret", "webhooks/acme/1", "HF_TOKEN", None),
    ],
)
def test_the_next_command_for_a_kept_secret(kind: str, target: str, name: str, command: str | None) -> None:
    do, given = for_stored_secret(StoredSecret(kind, target, name, "yes", "old", "open"), HUB, Names())
    assert do
    assert (given and shlex.split(given)[-1]) == command


def test_the_order_is_that_of_harm() -> None:
    def one(number: int, status: Status, touch: MatchReason, severity: Severity, **more: Any) -> AffectedCredential:
        return touched(status, mark=f"{number:032x}", touched=touch, severity=severity, **more)

    found = [
        one(6, "unknown", "yes", Severity.CRITICAL),
        one(5, "active", "perhaps", Severity.CRITICAL),
        one(4, "active", "yes", Severity.LOW),
        one(3, "active", "yes", Severity.HIGH),
        one(2, "active", "yes", Severity.HIGH, writable=7),
        one(1, "active", "yes", Severity.CRITICAL),
        one(9, "invalid", "yes", Severity.INFO, state="done"),
    ]
    secrets = [
        StoredSecret("space-secret", "spaces/a/b", "HF_TOKEN", "perhaps", "age unknown", "open"),
        StoredSecret("space-secret", "spaces/a/b", "OTHER_KEY", "yes", "old", "open"),
        StoredSecret("space-secret", "spaces/a/c", "HF_TOKEN", "yes", "old", "open"),
        StoredSecret("space-secret", "spaces/a/d", "HF_TOKEN", "yes", "set since", "done"),
    ]
    ground = ActionContext("x", HUB, {entry.fingerprint: credential() for entry in found}, {})
    opened, done = action_items(found, secrets, ground)
    assert [item.subject[-1] if item.about == "credential" else item.subject for item in opened] == [
        *"123456",
        "spaces/a/c HF_TOKEN",
        "spaces/a/b OTHER_KEY",
        "spaces/a/b HF_TOKEN",
    ]
    assert [item.subject[-1] for item in done] == ["9", "N"]
