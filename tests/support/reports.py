"""Reports made up for tests and for the living examples of the documentation. Every name in them is invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.model import Severity
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

NOW = datetime(2026, 10, 12, 9, 30, tzinfo=timezone.utc)
WORKFLOW = ".github/workflows/publish.yml"


def clean() -> model.Report:
    """A complete run that found nothing."""
    return model.Report(
        tool=model.Tool("tokenaudit", "0.1.0"),
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=3),
        complete=True,
        targets=(model.Target("acme/webshop", "git", 48_211, 912_334_002),),
    )


def incomplete() -> model.Report:
    """A run that found nothing because some of it could not be read."""
    skipped = (model.Skipped("acme/webshop", "a shallow clone: 4,112 commits are missing"),)
    return replace(clean(), complete=False, skipped=skipped)


def leaked(secret: Secret) -> model.Report:
    """One active CI token in a workflow, standing in history and tree, and one problem of that workflow."""
    commit = "4f1c2a9d0b7e8f6a5c3d1e2f4a6b8c0d2e4f6a8b"
    spot = model.Location("history", "acme/webshop", WORKFLOW, 14, 19)
    locations = (
        replace(
            spot, commit=commit, author="A Committer", date=NOW - timedelta(days=200), reachable=True, in_head=True
        ),
        replace(spot, source="tree"),
        replace(
            spot, path="scripts/old.sh", line=3, commit=commit, date=NOW, reachable=True, in_head=False, via=("gzip",)
        ),
    )
    credential = model.Credential(
        fingerprint=secret.fingerprint,
        kind="user_token",
        display=secret.display,
        likelihood="credential",
        locations=locations,
        inspection=model.Inspection(
            status="active",
            checked_at=NOW,
            reason="the Hub accepted it",
            account=model.Account("user", "acme-bot"),
            name="ci",
            role="write",
            created_at=NOW - timedelta(days=420),
            grants=(model.Grant(model.Entity("org", "acme", "1"), ("repo.write", "org.write")),),
        ),
        reach=model.Reach(12, 7, 120_400, (model.ReachedRepo("acme/tiny-model", "model", "write", downloads=120_400),)),
        verdict=model.Verdict(
            Severity.CRITICAL,
            "over",
            (
                model.Reason("token-exposed-active", Severity.CRITICAL, "It is public and works.", "Revoke it now."),
                model.Reason("token-classic-write", Severity.HIGH, "It can write everything its owner can."),
            ),
        ),
        recommendation=model.Recommendation(
            "trusted-publisher",
            (model.Grant(model.Entity("model", "acme/tiny-model"), ("repo.content.read", "repo.write")),),
            "https://huggingface.co/settings/tokens/new?tokenType=fineGrained",
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-token: secret\n+id-token: write\n",
            (model.Evidence("repo.write", "needed", "publish.py", 3, 'upload_folder("acme/tiny-model")'),),
        ),
    )
    problem = model.Problem(
        rule="ci-token-in-argv",
        severity=Severity.HIGH,
        target="acme/webshop",
        path=WORKFLOW,
        line=14,
        column=9,
        where="jobs.publish.steps.3.run",
        credential_name="HF_TOKEN",
        message="HF_TOKEN is passed on a command line, where every process can read it",
        remedy="Pass it as an environment variable of this step.",
    )
    return replace(clean(), credentials=(credential,), problems=(problem,), summary=model.Summary(1, 1, 1, 1, 0))


def breach(number: int = 60, spots: int = 10, seed: int = 7) -> model.Report:
    """An organization after a breach: `number` credentials with about `spots` locations each, some places unread."""
    mint = Mint(seed)
    credentials = tuple(_credential(mint, index, spots) for index in range(number))
    active = sum(c.inspection is not None and c.inspection.status == "active" for c in credentials)
    over = sum(c.verdict is not None and c.verdict.privilege == "over" for c in credentials)
    problems = tuple(_problem(mint.random, index) for index in range(number // 3))
    return replace(
        clean(),
        complete=False,
        targets=tuple(model.Target(f"spaces/acme/{name}", "space", 900, 4_000_000) for name in _REPOS),
        credentials=credentials,
        problems=problems,
        skipped=(
            model.Skipped("models/acme/archive", "the Hub answered 429 until the time ran out"),
            model.Skipped("spaces/acme/demo: data/dump.tar.gz!/inner.zip", "larger than the limit of 512 MB"),
        ),
        summary=model.Summary(number, active, over, len(problems), 3),
    )


_REPOS = ("demo", "chat", "search", "labels", "voices", "maps", "tiny-model", "base-model", "eval-set", "corpus")
_PEOPLE = ("A Committer", "Another Committer", "Build Bot", "Release Bot")
_PERMISSIONS = ("repo.content.read", "repo.write", "org.write", "inference.serverless.write", "discussion.write")
_STATUSES: Sequence[model.Status] = ("active", "active", "invalid", "expired", "unknown")


def _credential(mint: Mint, index: int, spots: int) -> model.Credential:
    chance = mint.random
    secret = Secret((mint.user_token, mint.user_token, mint.oauth_token, mint.app_token)[index % 4]())
    status = _STATUSES[index % len(_STATUSES)]
    severity = list(Severity)[(index * 3) % 5] if status != "active" else Severity.CRITICAL
    repos = tuple(
        model.ReachedRepo(
            f"acme/{name}", "model", "write" if chance.random() < 0.5 else "read", downloads=chance.randrange(10**6)
        )
        for name in chance.sample(_REPOS, 5)
    )
    created = NOW - timedelta(days=chance.randrange(30, 900))
    grant = model.Grant(model.Entity("org", "acme", "1"), tuple(chance.sample(_PERMISSIONS, 2)))
    own = model.Grant(model.Entity("user", f"person-{index}", str(index)), ("repo.content.read",))
    return model.Credential(
        fingerprint=secret.fingerprint,
        kind=("user_token", "user_token", "oauth_token", "app_token")[index % 4],
        display=secret.display,
        likelihood="credential",
        locations=tuple(_location(chance, created) for _ in range(spots)),
        inspection=model.Inspection(
            status,
            NOW,
            f"the Hub said {status}",
            model.Account("user", f"person-{index}"),
            f"laptop {index}",
            "fineGrained" if index % 2 else "write",
            created,
            None,
            (grant, own),
        ),
        reach=model.Reach(
            len(repos), sum(r.access == "write" for r in repos), sum(r.downloads or 0 for r in repos), repos
        ),
        verdict=model.Verdict(
            severity,
            "over" if index % 3 else "unknown",
            (
                model.Reason(
                    "token-org-wide-write", severity, "It can write everything in acme.", "Narrow it to one repository."
                ),
            ),
        ),
        recommendation=model.Recommendation(
            "fine-grained",
            (model.Grant(model.Entity("model", "acme/tiny-model"), ("repo.content.read",)),),
            "https://huggingface.co/settings/tokens/new?tokenType=fineGrained",
        ),
    )


def _location(chance: random.Random, created: datetime) -> model.Location:
    return model.Location(
        source=chance.choice(("history", "tree", "discussion", "space-variable")),
        target=f"spaces/acme/{chance.choice(_REPOS)}",
        path=f"src/{chance.choice(_REPOS)}/{chance.choice(('app', 'train', 'config'))}.py",
        line=chance.randrange(1, 400),
        column=chance.randrange(1, 60),
        commit=f"{chance.getrandbits(160):040x}",
        author=chance.choice(_PEOPLE),
        date=created + timedelta(days=chance.randrange(1, 29)),
        reachable=True,
        in_head=chance.random() < 0.4,
        via=("gzip", "base64") if chance.random() < 0.1 else (),
    )


def _problem(chance: random.Random, index: int) -> model.Problem:
    rule = ("ci-token-in-argv", "ci-token-workflow-wide", "ci-could-be-keyless")[index % 3]
    return model.Problem(
        rule=rule,
        severity=list(Severity)[index % 5],
        target=f"spaces/acme/{chance.choice(_REPOS)}",
        path=WORKFLOW,
        line=chance.randrange(1, 90),
        column=9,
        where=f"jobs.build.steps.{index}",
        credential_name="HF_TOKEN",
        message="HF_TOKEN reaches more steps than need it",
        remedy="Give it to the one step that uploads.",
    )


def examples() -> dict[str, model.Report]:
    """The reports of the documentation's living examples."""
    return {"nothing": clean(), "leak": leaked(Secret(Mint(3).user_token())), "breach": breach()}
