"""The screen that says who a credential is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from tests.hub import bodies
from tests.support.mint import Mint
from tokenaudit.hub.result import Reply
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.model import Credential, Reach, ReachedRepo, Report, Skipped, Tool
from tokenaudit.policy import Settings
from tokenaudit.policy.evaluate import evaluate
from tokenaudit.report import render
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
SECRET = Secret(Mint(4).user_token())


def shown(body: object, reach: Reach | None = None, *, color: bool = False, width: int | None = None) -> str:
    inspection = parse_whoami(Reply(200, body), SECRET, now=NOW, endpoint="https://hub.example.com")
    credential = Credential(
        SECRET.fingerprint, "user_token", SECRET.display, "credential", inspection=inspection, reach=reach
    )
    credential = replace(credential, verdict=evaluate(credential, Settings(), NOW))
    report = Report(Tool("tokenaudit", "0"), NOW, NOW, complete=True, credentials=(credential,))
    return render(report, "identity", color=color, width=width)


@pytest.mark.parametrize("shape", sorted(bodies.shapes()))
@pytest.mark.parametrize("width", [None, 60, 100])
def test_every_shape_can_be_shown(shape: str, width: int | None) -> None:
    screen = shown(bodies.shapes()[shape], color=width is not None, width=width)
    assert SECRET.display in screen
    assert SECRET.reveal() not in screen


def test_grants_hang_below_their_entities_and_the_dangerous_ones_are_marked() -> None:
    screen = shown(bodies.shapes()["fine-grained-repo-org-resource-group"])
    lines = screen.splitlines()
    model = next(number for number, line in enumerate(lines) if line.endswith("model acme/private-model"))
    assert "repo.content.read" in lines[model + 1]
    assert "!" not in lines[model + 1]
    assert "! repo.write" in lines[model + 2]
    assert "(only inference-endpoint:gpt2-*)" in screen
    assert "acme: admin, enterprise, groups: research (write), no access: token-policy" in screen


def test_an_unknown_permission_is_marked() -> None:
    assert "! quantum.entangle.write  unknown; counts as dangerous" in shown(
        bodies.shapes()["fine-grained-unknown-permission"]
    )


def test_a_classic_token_says_what_it_may_without_naming_grants() -> None:
    assert "! can write everything its owner can write" in shown(bodies.shapes()["classic-write"])


def test_the_verdict_has_its_reasons_and_what_to_do() -> None:
    screen = shown(bodies.shapes()["classic-write"])
    assert "verdict over-privileged" in screen
    assert "[token-classic-write]" in screen
    assert "→ " in screen


def test_reach_says_what_it_leaves_out() -> None:
    repos = (ReachedRepo("alice/m", "model", "write", downloads=1200),)
    screen = shown(bodies.classic("write"), Reach(3, 1, 1200, repos, 2, 1, ("2 more organizations",)))
    assert "writes 1 repo, reads 3 (2 private, 1 gated); writable repositories have 1,200 downloads/month" in screen
    assert "not counted: 2 more organizations" in screen


def test_names_can_not_draw_on_the_terminal() -> None:
    screen = shown(bodies.user(bodies.access_token("write", name="\x1b[31mred\u202e\n└─ fake")))
    assert "\x1b" not in screen
    assert "\u202e" not in screen
    assert not any(line.strip().startswith("└─ fake") for line in screen.splitlines())


def test_what_was_not_asked_is_said() -> None:
    skipped = (Skipped("line 3 of stdin", "no Hugging Face credential"),)
    report = Report(Tool("tokenaudit", "0"), NOW, NOW, complete=False, skipped=skipped)
    screen = render(report, "identity")
    assert "SKIPPED line 3 of stdin: no Hugging Face credential" in screen
    assert "Incomplete: 1 check skipped" in screen
