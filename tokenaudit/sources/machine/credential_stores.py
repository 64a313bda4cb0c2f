"""What git's credential helpers would hand out for the Hub."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping

from tokenaudit.model import Skipped

_HOSTS = ("huggingface.co",)
_SECONDS = 10
_NEVER_ASK_ANYBODY = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "0"}


def helper_answers(environment: Mapping[str, str]) -> Iterator[tuple[str, str | Skipped]]:
    """The password git would send to the Hub, from whatever helper the user has configured.

    Runs `git credential fill` with the user's own configuration, never asking anybody: helpers are part of the machine
    that is audited. A helper that doesn't answer in time comes out as `Skipped`; having nothing to say is fine.
    """
    if shutil.which("git", path=environment.get("PATH")) is None:
        return
    for host in _HOSTS:
        name = f"git credential helper for {host}"
        try:
            if not _ask(["config", "--get-regexp", r"^credential\..*helper$"], b"", environment):
                return
            answer = _ask(["credential", "fill"], f"protocol=https\nhost={host}\n\n".encode(), environment)
        except subprocess.TimeoutExpired:
            yield name, Skipped(name, f"gave no answer within {_SECONDS} s")
            continue
        for line in answer.splitlines():
            if line.startswith("password="):
                yield name, line.removeprefix("password=")


def _ask(arguments: list[str], question: bytes, environment: Mapping[str, str]) -> str:
    answer = subprocess.run(
        ["git", *arguments],
        input=question,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
        env={**environment, **_NEVER_ASK_ANYBODY},
    )
    return answer.stdout.decode("utf-8", "surrogateescape")
