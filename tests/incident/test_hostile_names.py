"""Names at the Hub that hold a value: of Spaces' variables and secrets, branches, jobs, webhooks, events."""

from __future__ import annotations

import html
import urllib.parse
from pathlib import Path

import pytest

from tests.hub import resources
from tests.incident.breach import BEFORE, DURING, SINCE, Breach, event
from tests.support.traces import assert_hidden
from tokenaudit.report.incident import FORMATS


def hostile(story: Breach) -> list[str]:
    """Plants values wherever a name can be chosen freely; the values."""
    values: list[str] = [story.old, story.own, story.young]

    def value() -> str:
        values.append(story.mint.user_token())
        return values[-1]

    space = story.double.world.repos["space", "acme/app"]
    for name in (value(), f"X_{value()}", urllib.parse.quote(value()).replace("_", "%5F")):
        space.variables[name] = {**space.variables["HF_TOKEN"], "key": name, "value": "x", "description": value()}
    for name in (value(), f"X_{value()}"):
        space.secrets[name] = {**space.secrets["HF_TOKEN"], "key": name, "description": value()}
    for name, secret in space.secrets.items():
        secret["updatedAt"] = BEFORE if name != "NEW_KEY" else SINCE
    space.discussions[0]["title"] = value()
    story.double.world.jobs["acme"] = [
        resources.job(createdAt=DURING, command=["python", value()], environment={value(): value()}, spaceId=value())
    ]
    story.double.world.webhooks.append(resources.webhook(f"https://{value()}.example.com/{value()}"))
    story.double.world.audit_log["acme"].append(event(f"x.{value()}", 9, SINCE, message=f"added {value()} {value()}"))
    return values


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_view_of_an_incident_shows_a_value(story: Breach, name: str) -> None:
    values = hostile(story)
    book = story.folder / "book.sqlite"
    swept = story.run("sweep", "acme", "--format", "json", "--inventory", book)
    assert swept.code == 1, swept.err
    ran = story.incident("--format", name, "--inventory", book, stdin=f"{story.old}\n")
    assert ran.code == 1, ran.err
    assert "****" in html.unescape(ran.out).replace("\\*", "*")
    written = [ran.out, ran.err, swept.out, swept.err]
    for command in ("list", "list --sweeps", "export", "diff", "list --format json"):
        shown = story.run("inventory", *command.split(), "--inventory", str(book))
        written += [shown.out, shown.err]
    for text in written:
        assert_hidden(html.unescape(text), values, name)
    files = [path for path in story.folder.rglob("*") if path.is_file() and not _is_a_repository(path)]
    assert book in files
    for path in files:
        assert_hidden(path.read_bytes().decode("latin-1"), values, str(path))


def _is_a_repository(path: Path) -> bool:
    return ".git" in path.parts or any(
        (folder / "HEAD").is_file() or (folder / ".git").exists() for folder in path.parents
    )
