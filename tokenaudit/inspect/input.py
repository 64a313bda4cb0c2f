"""Credentials given explicitly: lines, environment variables, keyring entries, the HF token store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from tokenaudit.errors import UsageError
from tokenaudit.hub import keyring
from tokenaudit.hub.credentials import stored_tokens
from tokenaudit.interfaces import Detection, Scanner
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret

LONGEST_LINE = 64 * 1024


@dataclass(frozen=True)
class GivenCredential:
    """One credential from the input, and its source in words."""

    detection: Detection
    origin: str


CredentialInput: TypeAlias = GivenCredential | Skipped


def from_lines(stream: BinaryIO, scanner: Scanner) -> Iterator[CredentialInput]:
    """The credentials in each line of `stream`; a line without one is reported by number, never by its text.

    Empty lines are ignored. A line longer than 64 KiB is not read.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        origin = f"line {number} of stdin"
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LONGEST_LINE)
            yield Skipped(origin, f"longer than {LONGEST_LINE // 1024} KiB, not read")
        elif line.strip():
            yield from _examined(line, origin, scanner)


def from_environment(
    names: Iterable[str], scanner: Scanner, environment: Mapping[str, str] | None = None
) -> Iterator[CredentialInput]:
    """The credentials in the named environment variables.

    Raises:
        UsageError: a variable is not set, or is empty.
    """
    environment = os.environ if environment is None else environment
    for name in names:
        value = environment.get(name, "")
        if not value.strip():
            message = f"environment variable {name} is not set; set it, or remove --env {name}"
            raise UsageError(message)
        yield from _examined(value.encode("utf-8", "surrogateescape"), f"environment variable {name}", scanner)


def from_keyring(names: Iterable[str], scanner: Scanner) -> Iterator[CredentialInput]:
    """The credentials kept in this machine's keyring under these names (or `service/user`).

    Raises:
        UsageError: nothing is kept under a name.
        ConfigurationError: this machine has no safe keyring, or it refuses.
    """
    for name in names:
        kept = keyring.read(name)
        if kept is None:
            message = f"no keyring entry {name}; see 'tokenaudit auth status'"
            raise UsageError(message)
        yield from _examined(kept.reveal().encode("utf-8", "surrogateescape"), f"keyring entry {name}", scanner)


def from_store(scanner: Scanner, environment: Mapping[str, str] | None = None) -> Iterator[CredentialInput]:
    """Every token that `hf auth login` has stored on this machine.

    Raises:
        ConfigurationError: the store can't be read.
    """
    for origin, secret in stored_tokens(environment):
        yield from _examined(secret.reveal().encode("utf-8", "surrogateescape"), origin, scanner)


def _examined(text: bytes, origin: str, scanner: Scanner) -> Iterator[CredentialInput]:
    """A value that fills its line is accepted as a credential, unless it is a placeholder."""
    whole = text.strip()
    found = False
    for detection in scanner.scan(text).detections:
        found = True
        alone = detection.secret == Secret(whole.decode("utf-8", "surrogateescape"))
        if alone and detection.likelihood == "identifier":
            detection = Detection(  # noqa: PLW2901 - the same one, believed
                detection.kind,
                detection.secret,
                "credential",
                detection.line,
                detection.column,
                claims=detection.claims,
            )
        yield GivenCredential(detection, origin)
    if not found:
        yield Skipped(origin, "no Hugging Face credential")
