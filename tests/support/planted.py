"""The example of changes planted with a leaked token: a fictional organization, for the documentation."""

from __future__ import annotations

from datetime import datetime, timezone

from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository, LoadedBy, RepositoryCommit
from tokenaudit.changes.run import summarized
from tokenaudit.content.change import ContentFinding
from tokenaudit.model import Severity, Tool

_AT = datetime(2026, 7, 10, 3, 12, tzinfo=timezone.utc)
_NOW = datetime(2026, 7, 16, 9, 0, tzinfo=timezone.utc)
_GOOD, _TUNE, _CARD = "3f2c" * 10, "9b1d" * 10, "c07e" * 10


def planted() -> ChangesReport:
    """Three repositories: a pickle that runs a program, a card that misleads, and new weights without objection."""
    pickle = ContentFinding(
        "content-pickle-code", Severity.CRITICAL, "imports posix.system, which the version before did not",
        "Don't load the file. Restore the last good revision, and look at every machine that loaded this one.",
        names=("posix.system",), risk="executes",
    )  # fmt: skip
    link = ContentFinding(
        "content-card-command", Severity.HIGH, "a new command downloads a script and runs it", "Restore the card.",
        line=14, risk="misleads",
    )  # fmt: skip
    tune = RepositoryCommit(_TUNE, _AT, "release-bot", "Update weights", _AT, "release-bot")
    card = RepositoryCommit(_CARD, _AT, "release-bot", "Update README.md")
    model = ExaminedRepository(
        "acme/sentiment", "model", _TUNE, _GOOD, 41_000, private=False, commits=(tune,),
        files=(
            ChangedFile("pytorch_model.bin", "modified", "torch", 438_000_000, "1" * 64, "2" * 64, (_TUNE,), "executes",
                        "safe", (pickle,)),
        ),
        loaded_by=(LoadedBy("github:acme/service", "serve.py", 12, 'from_pretrained("acme/sentiment")'),),
    )  # fmt: skip
    data = ExaminedRepository(
        "acme/reviews", "dataset", _CARD, _GOOD, 900, private=False, commits=(card,),
        files=(
            ChangedFile("README.md", "modified", "card", 4_100, "a" * 40, "b" * 40, (_CARD,), "misleads", "safe",
                        (link,)),
        ),
    )  # fmt: skip
    quiet = ExaminedRepository(
        "acme/embeddings", "model", _TUNE, _GOOD, 12_000, private=True, commits=(tune,),
        files=(ChangedFile("model.safetensors", "modified", "safetensors", 90_000_000, "3" * 64, "4" * 64, (_TUNE,)),),
    )  # fmt: skip
    repositories = (model, data, quiet)
    return ChangesReport(
        Tool("tokenaudit", "1.0"), _NOW, _NOW, "2026-07-09T00:00:00Z", complete=True, repositories=repositories,
        summary=summarized(repositories), endpoint="https://huggingface.co", examined=14, downloaded=412_000,
    )  # fmt: skip
