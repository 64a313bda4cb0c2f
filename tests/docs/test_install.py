"""The commands that install are typed word for word, in a clone as a user has it; the index is this environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.terminal import ROOT, Block, blocks, script, typed
from tests.docs.test_blocks import INSTALL


def clone(folder: Path) -> Path:
    """A clone of the repository with the files as they are now."""
    place = folder / "tokenaudit"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(place)], check=True)
    changed = subprocess.run(
        ["git", "diff", "--binary", "HEAD"], cwd=ROOT, capture_output=True, check=True, text=False
    ).stdout
    if changed:
        subprocess.run(["git", "apply", "--index"], cwd=place, input=changed, check=True)
    return place


def offline(home: Path) -> dict[str, str]:
    """The variables of a user whose packages, and those that a build needs, are the ones of this environment."""
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(packages),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # "0" is how pip spells it: https://github.com/pypa/pip/issues/5735
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_COLOR": "1",
    }


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_the_installation_is_typed_in_a_clone(page: str, tmp_path: Path) -> None:
    """README's audit command finds nothing in its own repository; the one of Getting started leaves the program."""
    place = clone(tmp_path)
    if page == "README.md":
        (command,) = re.findall(r"<!-- audit-command -->\n```sh\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        expected = "Clean"
    else:
        (command,) = [block.commands for block in blocks("start.md") if block.text.strip() == INSTALL]
        command += ".venv/bin/tokenaudit --version\n"
        expected = "tokenaudit"
    code, shown = typed(script([Block(command, 0, "sh")]), cwd=place, env=offline(tmp_path), seconds=240)
    assert code == 0, shown
    assert expected in shown
    installed = list((place / ".venv").glob("lib/python*/site-packages/tokenaudit/__init__.py"))
    assert len(installed) == 1


def test_the_blocks_are_the_same_command() -> None:
    (audit,) = re.findall(
        r"<!-- audit-command -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert audit.strip() == f"{INSTALL} && .venv/bin/tokenaudit scan ."
