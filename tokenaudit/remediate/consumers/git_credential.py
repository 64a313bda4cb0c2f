"""What git has stored for the Hub, through whatever credential helpers are configured."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

from tokenaudit.remediate.consumers.interface import ConsumerError, ConsumerState
from tokenaudit.secret import Secret, fingerprint

_PATIENCE = 30.0


class GitCredential:
    """The credential that git would use for `address`, such as `https://huggingface.co`.

    The value goes to git on its standard input, never as an argument. Git asks nobody: a helper that would need a
    person fails instead.
    """

    kind = "git-credential"

    def __init__(self, address: str, environment: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(address)
        self._about = {"protocol": parts.scheme, "host": parts.netloc.rpartition("@")[2]}
        self._environment = {**(os.environ if environment is None else environment), "GIT_TERMINAL_PROMPT": "0"}
        self._environment |= {"GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GCM_INTERACTIVE": "never"}

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return f"{self._about['protocol']}://{self._about['host']}"

    def look(self) -> ConsumerState:
        """See `interface.Updater`."""
        held = self._fill()
        if not held.get("password"):
            return ConsumerState(exists=False)
        return ConsumerState(exists=True, mark=fingerprint(held["password"]), detail=f"user {held.get('username', '')}")

    def update(self, old: str, new: Secret) -> None:
        """See `interface.Updater`."""
        held = self._fill()
        password = held.get("password", "")
        if password and fingerprint(password) not in {old, new.fingerprint}:
            message = f"git's credential for {self.where} is another one than the old; nothing was changed"
            raise ConsumerError(message)
        user = held.get("username") or "hf_user"
        if password:
            self._git("reject", {**self._about, "username": user, "password": password})
        self._git("approve", {**self._about, "username": user, "password": new.reveal()})

    def _fill(self) -> dict[str, str]:
        done = self._git("fill", self._about, needed=False)
        return dict(line.split("=", 1) for line in done.splitlines() if "=" in line)

    def _git(self, verb: str, given: Mapping[str, str], *, needed: bool = True) -> str:
        text = "".join(f"{key}={value}\n" for key, value in given.items()) + "\n"
        try:
            done = subprocess.run(
                ["git", "credential", verb],
                input=text.encode(),
                env=self._environment,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"`git credential {verb}` for {self.where} did not work ({type(error).__name__})"
            raise ConsumerError(message) from None
        if done.returncode and needed:
            message = f"`git credential {verb}` for {self.where} failed with exit code {done.returncode}"
            raise ConsumerError(message)
        return done.stdout.decode("utf-8", "replace") if not done.returncode else ""
