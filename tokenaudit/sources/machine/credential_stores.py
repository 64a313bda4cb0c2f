"""What git's credential helpers and the OS keyring hold for the Hub."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.keyring import configured
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


_ENTRIES = (
    ("huggingface_hub", "token"),
    ("huggingface", "token"),
    ("huggingface.co", "hf_user"),
    ("tokenaudit", "hf"),
)


def keyring_entries() -> Iterator[tuple[str, str | Skipped]]:
    """The entries under the names in use for Hugging Face tokens; a keyring can't be listed, only asked by name.

    A machine without a keyring has nothing there and yields nothing; a locked or failing one is `Skipped`.
    """
    from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415 - slow to load
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    try:
        backend = configured()
    except ConfigurationError as error:
        yield "keyring", Skipped("OS keyring", str(error))
        return
    if isinstance(backend, NoKeyring):
        return
    for service, user in _ENTRIES:
        name = f"keyring entry {service}/{user}"
        try:
            value = backend.get_password(service, user)
        except KeyringError as error:
            yield name, Skipped("OS keyring", f"can't be read: {type(error).__name__}; unlock it and run again")
            return
        if value:
            yield name, value
