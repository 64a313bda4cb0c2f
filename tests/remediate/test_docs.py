"""The guides are followed to the letter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.docs.terminal import Answer, blocks, script, typed
from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.remediate.consumers.resolve import FORMS
from tokenaudit.report.markdown import on_terminal

DOCS = Path(__file__).parents[2] / "docs"


def test_following_the_breach_guide_leaves_the_token_dead_and_replaced(hub_double: HubDouble, tmp_path: Path) -> None:
    """Every command of the guide is typed at a terminal, with the values and confirmations that it asks for."""
    mint = Mint(90)
    old, new = mint.user_token(), mint.user_token()
    hub_double.knows(old, bodies.user(bodies.access_token("write", created="2026-03-01T08:00:00.000Z")))
    scope = bodies.scope("model", ["repo.content.read"], name="alice/m")
    hub_double.knows(new, bodies.user(bodies.fine_grained(scope, created="2026-11-02T08:00:00.000Z")))
    hub_double.world.add_repo("alice/m", visibility="private")
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text(f"HF_TOKEN={old}\n")
    (project / "app.py").write_text('from huggingface_hub import snapshot_download\nsnapshot_download("alice/m")\n')
    for arguments in (["init", "-q"], ["add", "-Af"], ["commit", "-qm", "first"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=project, check=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "XDG_"))}
    binaries = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**kept, "HOME": str(tmp_path), "PATH": binaries, "HF_ENDPOINT": hub_double.endpoint, "NO_PROXY": "*"}
    guide = script([block for block in blocks("breach.md") if block.language == "sh"])
    answers = [
        Answer("", old),
        Answer(r'Type "([^"]+)" to continue', r"\1"),
        Answer(r"Paste the new token", new),
    ]
    code, shown = typed(guide, cwd=project, env=environment, answers=answers, seconds=200)
    assert code == 0, shown
    assert hub_double.world.revoked == [[old]]
    assert old not in hub_double.world.tokens
    assert (project / ".env").read_text() == f"HF_TOKEN={new}\n"
    runbook = (project / "runbook.md").read_text()
    assert "tokenaudit revoke" in runbook
    assert "alice/m" in runbook
    after = json.loads((project / "after.json").read_text())
    status = {c["fingerprint"]: c["inspection"]["status"] for c in after["credentials"]}
    assert "invalid" in status.values()
    lookback = (project / "lookback.md").read_text()
    assert "**1 credential affected, 0 open; " in lookback
    assert f'- [x] hf_****{old[-4:]} "laptop" of alice: invalid' in on_terminal(lookback)
    assert "not finished: see lookback.md" in shown
    for name in ("report.json", "runbook.md", "incident.md", "after.json", "lookback.md"):
        assert old not in (project / name).read_text()
        assert new not in (project / name).read_text()
    assert old not in shown
    assert new not in shown


def test_every_kind_of_consumer_is_in_the_guide() -> None:
    text = (DOCS / "rotate.md").read_text()
    for form in FORMS:
        assert f"`{form}`" in text
