"""The page on planted changes is followed at a terminal, from the first look to the restored revision."""

from __future__ import annotations

import json
from pathlib import Path

from tests.changes.hosted import HostedRepository
from tests.docs.terminal import blocks, script, typed
from tests.docs.test_blocks import Desk
from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double

__all__ = ["hub_double"]

PAGE = "changes.md"


def test_the_page_is_followed_step_by_step(tmp_path: Path, hub_double: HubDouble) -> None:
    desk = Desk(tmp_path / "home", hub_double)
    hub_double.world.organizations.add("acme")
    hub_double.knows(desk.own, bodies.classic("write", orgs=[bodies.org("acme", "write")]))
    model = HostedRepository(hub_double, tmp_path, "acme/sentiment")
    good = model.commit("start", "2026-06-01", {"README.md": "# Sentiment\n", "config.json": "{}\n"})
    model.commit("tune", "2026-07-10", {"handler.py": "import subprocess\n\nsubprocess.run(['true'])\n"})
    found = blocks(PAGE)
    environment = {**desk.environment, "GOOD": good}
    code, shown = typed(script(found[:-1]), cwd=desk.repo.path, env=environment)
    assert code == 0, shown
    assert f'revision="{good}"' in shown
    assert "acme/sentiment now runs `subprocess.run` when loaded" in " ".join(shown.split())
    for name in ("changes.md", "changes.html", "changes.json"):
        assert "handler.py" in (desk.repo.path / name).read_text()

    model.repo.git("restore", "--source", good[:12], "--staged", "--worktree", ".")
    model.commit("Restore the good revision", "2026-07-12")
    code, shown = typed(script(found[-1:]), cwd=desk.repo.path, env=environment)
    assert code == 0, shown
    document = json.loads((desk.repo.path / "after.json").read_text())
    (file,) = document["repositories"][0]["files"]
    assert (file["path"], file["removed_in"]) == ("handler.py", model.repo.head())
