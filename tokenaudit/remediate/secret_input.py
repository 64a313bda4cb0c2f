"""Where the values of credentials may come from when something is to be done with them: never from a file of ours."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tokenaudit.errors import UsageError
from tokenaudit.model import Report
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.remediate.runbook.consumers import consumers_of
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class SecretValues:
    """Values, and the consumers that a scan found beside them, by fingerprint."""

    secrets: tuple[Secret, ...] = ()
    consumers: Mapping[str, tuple[RunbookConsumer, ...]] = field(default_factory=dict)


def of_lines(lines: Iterable[bytes]) -> SecretValues:
    """One value a line; surrounding blanks and empty lines don't count."""
    texts = (line.decode("utf-8", "surrogateescape").strip() for line in lines)
    return SecretValues(tuple(Secret(text, masking="whole") for text in texts if text))


def typed(names: Sequence[str]) -> SecretValues:
    """Values typed or pasted at a prompt that does not show them.

    Raises:
        UsageError: the terminal was closed.
    """
    try:
        texts = [getpass.getpass(f"Paste {name} (it is not shown): ").strip() for name in names]
    except EOFError:
        message = "the terminal was closed: nothing was done"
        raise UsageError(message) from None
    return SecretValues(tuple(Secret(text) for text in texts if text))


def kept(name: str) -> Secret:
    """What the OS keyring keeps under `name`.

    Raises:
        UsageError: nothing is kept under this name.
        ConfigurationError: this machine has no safe keyring, or it refuses.
    """
    from tokenaudit.hub import keyring  # noqa: PLC0415 - the keyring is slow to load

    found = keyring.read(name)
    if found is None:
        message = f"the keyring holds nothing under {name!r}; store it first, or use stdin"
        raise UsageError(message)
    return found


def of_audit(report: Report, secrets: Mapping[str, Secret]) -> SecretValues:
    """What a scan made in this same run found, with the consumers it knows."""
    known = {c.fingerprint: consumers_of(c, report) for c in report.credentials}
    return SecretValues(tuple(secrets.values()), known)


def together(*parts: SecretValues) -> SecretValues:
    """Several sources as one."""
    secrets = tuple(dict.fromkeys(secret for part in parts for secret in part.secrets))
    return SecretValues(secrets, {mark: found for part in parts for mark, found in part.consumers.items()})
