"""The examples of the page on commands are typed at a terminal, one section a session, with what a person answers."""

from __future__ import annotations

import gzip
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.audit_log.logs import encoded, event
from tests.changes.hosted import HostedRepository
from tests.docs.terminal import ROOT, Answer, typed
from tests.hub import bodies
from tests.hub.double import hub_double
from tests.service_accounts.conftest import Organization, org
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.typed_command import typed_command
from tokenaudit.secret import fingerprint

__all__ = ["hub_double", "org"]

PAGE = (ROOT / "docs" / "cli.md").read_text("utf-8")
SECTIONS = {
    found["name"]: found["text"]
    for found in re.finditer(
        r"^## tokenaudit (?P<name>[^\n]+)\n(?P<text>.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE
    )
}
EXAMPLES = {name: re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) for name, text in SECTIONS.items()}
KEYRING = """\
import json, pathlib
from keyring.backend import KeyringBackend

FILE = pathlib.Path(__file__).with_name("keyring.json")


class Keyring(KeyringBackend):
    priority = 9

    def _all(self):
        return json.loads(FILE.read_text()) if FILE.exists() else {}

    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        FILE.write_text(json.dumps(self._all() | {f"{service}/{username}": password}))

    def delete_password(self, service, username):
        left = self._all()
        left.pop(f"{service}/{username}")
        FILE.write_text(json.dumps(left))
"""
PLUGIN = """\
import re
from detect_secrets.plugins.base import RegexBasedDetector


class Ours(RegexBasedDetector):
    secret_type = "Ours"
    denylist = [re.compile(r"ours-[0-9]{8}")]
"""


GROUPS: dict[str, tuple[int, ...]] = {
    "scan": (1, 1, 1, 0, 1),
    "sweep": (1, 1, 1),
    "inspect": (1, 1, 1),
    "doctor": (1, 1),
    "fingerprint": (0,),
    "plugins": (0, 0),
    "detect-secrets": (0, 0),
    "report": (0, 0),
    "rules": (0, 0),
    "plan": (0, 0),
    "revoke": (0, 0),
    "rotate": (0, 0),
    "incident": (0, 1, 1),
    "changes": (1, 1, 0),
    "usage": (0, 0, 1),
    "service-accounts": (1, 1, 0, 0, 0, 0),
    "inventory": (0, 0, 0, 0, 0, 0, 0, 0, 0),
    "auth": (0, 0, 0),
}
"""The exit code of each line of a command's sections, which are typed in one session."""

CHANGED = {
    # A double of the Hub listens on loopback.
    "https://huggingface.co/": "$HF_ENDPOINT/",
    # tests/sweep/test_platforms.py has the double of GitHub for this.
    "sweep acme github:acme": "sweep acme",
    # The page shows the output; `audit` needs it as a file.
    "tokenaudit detect-secrets scan": "tokenaudit detect-secrets scan > .secrets.baseline",
}
"""What is typed differently, with the reason."""


@dataclass
class Session:
    """A project whose history and `.env` hold one leaked token, and everything that the examples name."""

    org: Organization
    old: str
    new: str
    project: GitRepo
    changed: dict[str, str]

    def types(self, group: str, answers: Sequence[Answer]) -> tuple[tuple[int, ...], str]:
        """Types the examples of a command; the exit code of each line, and what the terminal showed."""
        blocks = [text for name, found in EXAMPLES.items() if name.split()[0] == group for text in found]
        lines = "".join(blocks).splitlines()
        for given, here in self.changed.items():
            lines = [line.replace(given, here) for line in lines]
        binaries = self.org.home / ".venv" / "bin"
        binaries.mkdir(parents=True)
        environment = {
            **{name: os.environ[name] for name in ("LANG",) if name in os.environ},
            **self.org.environment,
            "PATH": f"{binaries}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "NO_PROXY": "*",
            "NO_COLOR": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        if group == "auth":
            environment |= {"PYTHONPATH": str(self.org.home), "PYTHON_KEYRING_BACKEND": "file_keyring.Keyring"}
        commands = "".join(f'{line}\nprintf "\\n[exit %s]\\n" "$?"\n' for line in lines)
        with typed_command(binaries):
            code, shown = typed(commands, cwd=self.project.path, env=environment, answers=answers)
        assert code == 0, shown
        return tuple(int(found) for found in re.findall(r"^\[exit (\d+)\]", shown, re.MULTILINE)), shown


@pytest.fixture
def session(org: Organization, request: pytest.FixtureRequest) -> Session:
    group = request.node.callspec.params["group"]
    mint = Mint(2026)
    double, home = org.double, org.home
    old, new = mint.user_token(), mint.user_token()
    member = [bodies.org("acme", "write")]
    double.knows(old, bodies.user(bodies.access_token("write", created="2026-03-01T08:00:00.000Z"), orgs=member))
    scope = bodies.scope("model", ["repo.content.read"], name="acme/m")
    double.knows(new, bodies.user(bodies.fine_grained(scope, created="2026-11-02T08:00:00.000Z"), orgs=member))
    (home / "projects").mkdir()
    app = GitRepo(home / "projects" / "app")
    app.commit("Train", {"train.py": f'login("{old}")\n'})
    double.hosts(app.path, "acme/app", "space")
    project = GitRepo(home / "project")
    project.commit("First", {".gitignore": ".env\n", "app.py": "print()\n"})
    project.git("remote", "add", "origin", str(GitRepo(home / "remote.git", bare=True).path))
    project.git("push", "-q", "--set-upstream", "origin", "main")
    code = f"from huggingface_hub import snapshot_download\n\nsnapshot_download('acme/m', token='{old}')\n"
    project.commit("Train", {"train.py": code})
    (project.path / ".env").write_text(f"HF_TOKEN={old}\n")
    for name in ("tokens.txt", "token.txt"):
        (project.path / name).write_text(f"{old}\n")
    store = home / "cache" / "huggingface" / "token"
    store.parent.mkdir(parents=True)
    store.write_text(old)
    made = Session(org, old, new, project, {"fd45890e": fingerprint(old)[:8], **CHANGED})
    _files(made, group)
    return made


def _files(session: Session, group: str) -> None:
    """What the examples of a command take from earlier ones: reports, plans, an inventory, an exported log."""
    org, folder = session.org, session.project.path
    if group == "plugins":
        (folder / "my_plugin.py").write_text(PLUGIN)
    elif group == "auth":
        (org.home / "file_keyring.py").write_text(KEYRING)
    elif group in {"report", "plan", "incident", "usage", "service-accounts"}:
        report, plan = folder / "report.json", folder / "plan.json"
        assert org.run("scan", str(folder), "--inspect", "--format", f"json={report}").code == 1
        assert org.run("plan", str(report), "--format", "json", "--output", str(plan)).code == 0
    if group in {"inventory", "usage", "incident"}:
        assert org.run("sweep", "acme", "--type", "space", "--no-config").code == 1
    if group == "usage":
        events = [event(1, datetime(2026, 11, 1, tzinfo=timezone.utc), last4=session.old[-4:])]
        (folder / "audit-log.json.gz").write_bytes(gzip.compress(encoded(events)))
    if group == "changes":
        home, now = org.home, datetime.now(timezone.utc)
        model = HostedRepository(org.double, home, "acme/m")
        yesterday = (now - timedelta(days=1)).date().isoformat()
        model.commit("tune", yesterday, {"handler.py": "import subprocess\n\nsubprocess.run(['true'])\n"})
        data = HostedRepository(org.double, home, "acme/d", "dataset")
        first = data.commit("first", "2026-06-01", {"a.csv": "1\n"})
        data.commit("more", "2026-07-01", {"b.csv": "2\n"})
        session.changed["3f2c1a9"] = first


def answers_of(session: Session) -> dict[str, list[Answer]]:
    confirm = Answer(r'Type "([^"]+)" to continue', r"\1")
    return {
        "detect-secrets": [Answer(r"Should this string be committed to the repository\?", "n")] * 2,
        "revoke": [confirm],
        "rotate": [Answer("Paste the new token", session.new), confirm],
        "service-accounts": [confirm, confirm],
        "auth": [Answer("", session.new)],
    }


SLOW = {"service-accounts", "inventory", "changes", "incident", "sweep", "usage"}
"""Commands with a page of their own, whose blocks a faster test types."""


@pytest.mark.parametrize(
    "group", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in GROUPS]
)
def test_the_examples_of_a_command_are_typed(session: Session, group: str) -> None:
    codes, shown = session.types(group, answers_of(session).get(group, []))
    assert codes == GROUPS[group], shown
    assert "Traceback" not in shown
    assert session.old not in shown
    assert session.new not in shown


def test_every_section_is_typed() -> None:
    """A new command, or a new line in an example, needs its exit code above."""
    lines: Counter[str] = Counter()
    for name, blocks in EXAMPLES.items():
        lines[name.split()[0]] += sum(len(block.splitlines()) for block in blocks)
    assert {name: number for name, number in lines.items() if number} == {n: len(codes) for n, codes in GROUPS.items()}
