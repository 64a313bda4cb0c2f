"""Changed files that run in a Space with secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.structured_text import UnreadableTextError, front_matter, yaml_entries
from tokenaudit.model import Rule, Severity

RULE = Rule(
    id="content-space-changed",
    title="Code of a Space with secrets changed",
    severity=Severity.MEDIUM,
    why="A push to a Space runs the code with all secrets of the Space, without any user action.",
    remedy="Review the change. If it is not yours, pause the Space, revert it, and replace every secret that the "
    "Space holds.",
    bad="`app.py` of a Space with the secret HF_TOKEN, modified since the exposure.",
    good="No change of code, image or packages since the exposure.",
    references=("https://huggingface.co/docs/hub/spaces-overview#managing-secrets",),
)
RULES = (RULE,)

_BUILD = re.compile(
    r"(?:dockerfile|containerfile)(?:\..*)?|(?:pre-)?requirements\.txt|packages\.txt|pyproject\.toml|"
    r"environment\.ya?ml|"
    r"package(?:-lock)?\.json|setup\.(?:py|cfg)|uv\.lock|docker-compose\.ya?ml|entrypoint.*|start(?:up)?\.sh",
    re.IGNORECASE,
)
_CODE = (".py", ".js", ".mjs", ".ts", ".tsx", ".sh", ".html", ".r")
_STATIC = (".js", ".mjs", ".html")


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """A finding for each changed file that runs, or decides what is installed, in a Space with secrets."""
    if repository.type != "space" or repository.holds_secrets is not True or change.after is None:
        return
    name = PurePosixPath(change.path).name
    if _BUILD.fullmatch(name):
        what = "decides what is installed or started"
    elif change.path == _app_file(repository):
        what = "is the app"
    elif name.lower().endswith(_CODE):
        what = "can run"
    else:
        return
    if what == "can run" and name.lower().startswith("test_"):
        return
    severity = None if what != "can run" else Severity.LOW
    verb = "was added" if change.before is None else "changed"
    del content
    yield finding(RULE, f"{name} {verb}; it {what} in a Space with secrets", risk="executes", severity=severity)


def _app_file(repository: RepositoryFacts) -> str:
    """The app that the card names, else app.py."""
    card = repository.after.get("README.md")
    if card is None or card.size > _LARGEST_CARD:
        return "app.py"
    with card.open() as file:
        text = file.read(_LARGEST_CARD).decode("utf-8", "replace")
    matter = front_matter(text)
    try:
        entries = yaml_entries(*matter) if matter is not None else []
    except UnreadableTextError:
        return "app.py"
    return next((entry.value for entry in entries if entry.path == ("app_file",)), "app.py")


_LARGEST_CARD = 1 << 20
