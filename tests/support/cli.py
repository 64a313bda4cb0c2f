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

from tests.support import fork_server

_SECONDS = 300
_SERVER = fork_server.ForkServer()


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
    if sys.platform == "win32":
        kept |= {"USERPROFILE": str(home), "APPDATA": str(home / "Roaming"), "LOCALAPPDATA": str(home / "Local")}
    return {**kept, "HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", **(extra or {})}


def tokenaudit(
    *arguments: str | Path,
    home: Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Runs `tokenaudit` with `arguments` and waits for it."""
    words = [os.fspath(argument) for argument in arguments]
    variables = environment(home, env)
    if fork_server.usable(variables) and "TOKENAUDIT_TEST_NO_FORK" not in os.environ:
        code, out, err = _SERVER.run(words, variables, os.fspath(cwd or Path.cwd()), stdin, _SECONDS)
    else:
        command = [sys.executable, "-m", "tokenaudit", *words]
        done = subprocess.run(
            command, input=stdin, cwd=cwd, env=variables, capture_output=True, check=False, timeout=_SECONDS
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    return Ran(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
