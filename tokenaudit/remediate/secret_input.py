"""Reads credential values from stdin, a prompt, the keyring or a scan, never from a file of tokenaudit."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tokenaudit.errors import UsageError
from tokenaudit.hub import keyring
from tokenaudit.model import Report
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.remediate.runbook.consumers import consumers_of
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class SecretValues:
    """Values, and the consumers that a scan found, by fingerprint."""

    secrets: tuple[Secret, ...] = ()
    consumers: Mapping[str, tuple[RunbookConsumer, ...]] = field(default_factory=dict)


def of_lines(lines: Iterable[bytes]) -> SecretValues:
    """One value per line; surrounding whitespace and empty lines are ignored."""
    texts = (line.decode("utf-8", "surrogateescape").strip() for line in lines)
    return SecretValues(tuple(Secret(text, masking="whole") for text in texts if text))


def typed(names: Sequence[str]) -> SecretValues:
    """Values typed or pasted at a hidden prompt.

    Raises:
        UsageError: the terminal was closed.
    """
    try:
        texts = [getpass.getpass(f"Paste {name} (input is hidden): ").strip() for name in names]
    except EOFError:
        message = "no input; nothing was done"
        raise UsageError(message) from None
    return SecretValues(tuple(Secret(text) for text in texts if text))


def kept(name: str) -> Secret:
    """The value of the OS keyring entry `name`.

    Raises:
        UsageError: the entry does not exist.
        ConfigurationError: no secure keyring is available, or it returns an error.
    """
    found = keyring.read(name)
    if found is None:
        message = f"no keyring entry {name!r}; store it first, or use stdin"
        raise UsageError(message)
    return found


def of_audit(report: Report, secrets: Mapping[str, Secret]) -> SecretValues:
    """The values that a scan in the same run found, with their consumers."""
    known = {c.fingerprint: consumers_of(c, report) for c in report.credentials}
    return SecretValues(tuple(secrets.values()), known)


def together(*parts: SecretValues) -> SecretValues:
    """Several sources merged."""
    secrets = tuple(dict.fromkeys(secret for part in parts for secret in part.secrets))
    return SecretValues(secrets, {mark: found for part in parts for mark, found in part.consumers.items()})
