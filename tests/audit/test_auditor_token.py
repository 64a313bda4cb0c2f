"""The auditor's own token, held against what it is needed for."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.support.mint import Mint
from tokenaudit.audit.auditor_token import evaluate_auditor_token
from tokenaudit.hub.client import Hub
from tokenaudit.model import Entity, Grant

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
NEEDS = (Grant(Entity("org", "acme"), ("repo.content.read",)),)

__all__ = ["hub_double"]


@pytest.mark.parametrize(
    ("shape", "too_much", "words"),
    [
        ("classic-write", True, "role write: everything its owner can do"),
        ("classic-read", True, "role read: everything its owner can read"),
        ("god", True, "role god"),
        ("fine-grained-everything-user", True, "collection.read, collection.write"),
        ("fine-grained-unknown-permission", True, "quantum.entangle.write"),
        ("fine-grained-single-model-read", False, "only the required"),
        ("fine-grained-no-details", None, "are unknown"),
        ("oauth", None, "are unknown"),
        (None, None, "is invalid"),
    ],
)
def test_every_shape_is_held_against_the_need(
    hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch, shape: str | None, too_much: bool | None, words: str
) -> None:
    value = Mint(1).user_token()
    monkeypatch.setenv("HF_TOKEN", value)
    if shape is not None:
        hub_double.knows(value, bodies.shapes()[shape])
    verdict = evaluate_auditor_token(Hub(hub_double.endpoint), NEEDS, NOW)
    assert verdict is not None
    assert verdict.too_much is too_much
    assert words in verdict.message
    assert ("settings/tokens/new?tokenType=fineGrained&orgs=acme" in verdict.message) == (
        shape is not None and too_much is not False
    )
    assert value not in repr(verdict)


def test_without_a_token_there_is_nothing_to_say(hub_double: HubDouble) -> None:
    assert evaluate_auditor_token(Hub(hub_double.endpoint, auditor_token=False), NEEDS, NOW) is None
    assert hub_double.requests == []
