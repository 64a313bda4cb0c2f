"""Small outcomes, made up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from tests.support.mint import Mint
from tokenaudit.inventory import Outcome, PlaceRecord
from tokenaudit.model import Credential, Location, Problem, SecretName, Severity, Skipped
from tokenaudit.secret import Secret

START = datetime(2026, 10, 1, 9, tzinfo=timezone.utc)
DAY = timedelta(days=1)
SCOPE = "acme: everything"


def place(name: str = "app", aspect: str = "history", namespace: str = "acme") -> PlaceRecord:
    return PlaceRecord(namespace, f"spaces/{namespace}/{name}", "space", aspect)


def credential(seed: int, *paths: str, target: str = "spaces/acme/app", **more: object) -> Credential:
    secret = Secret(Mint(seed).user_token())
    spots = tuple(Location("history", target, path, 3, 7) for path in paths)
    return Credential(secret.fingerprint, "user_token", secret.display, "credential", spots, **more)  # type: ignore[arg-type]


def outcome(
    where: PlaceRecord | None = None,
    credentials: Sequence[Credential] = (),
    secrets: Sequence[SecretName] = (),
    problems: Sequence[Problem] = (),
    state: str | None = "v1",
    skipped: Sequence[Skipped] = (),
    *,
    unchanged: bool = False,
    failed: bool = False,
) -> Outcome:
    return Outcome(
        where or place(),
        state,
        unchanged,
        failed,
        credentials=tuple(credentials),
        secrets=tuple(secrets),
        problems=tuple(problems),
        skipped=tuple(skipped),
        objects=5,
        bytes=50,
    )


def problem(path: str = "Dockerfile") -> Problem:
    return Problem("docker-arg-token", Severity.HIGH, "spaces/acme/app", path, 1, 1, None, "HF_TOKEN", "bad", "better")
