"""Running the real command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        return json.loads(self.out)


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a user who has configured nothing, at home in `home`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "HUGGING", "GIT_", "XDG_", "TOKENAUDIT"))
        and name not in {"NO_COLOR", "CI", "PYTHONDONTWRITEBYTECODE"}
    }
    return {**kept, "HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", **(extra or {})}


def tokenaudit(
    *arguments: str | Path,
    home: Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Runs `tokenaudit` with `arguments` and waits for it."""
    done = subprocess.run(
        [sys.executable, "-m", "tokenaudit", *(os.fspath(argument) for argument in arguments)],
        input=stdin,
        cwd=cwd,
        env=environment(home, env),
        capture_output=True,
        check=False,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
