"""Reads the values of credentials and revokes them, with a preview before and a check afterwards.

Values come from stdin, a prompt, the keyring or a scan, never from a file of tokenaudit. Callers ask for confirmation
first. A credential counts as revoked when the Hub rejects it afterwards; an accepted request is not evidence.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.errors import UsageError
from tokenaudit.hub import keyring
from tokenaudit.hub.client import Hub
from tokenaudit.hub.revoke import revoke, revoke_in_organization
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.inspector import Cache
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Inspection, Report
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.remediate.runbook.consumers import consumers_of
from tokenaudit.secret import Secret
from tokenaudit.text import parse_fingerprint

RevocationStatus: TypeAlias = Literal["revoked", "already-dead", "alive", "unproven", "left-out"]
_SHOWN_DIGITS = 8
WAITS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds to wait before each check whether a credential is revoked."""


class WriteOnlyCache:
    """A cache that is written and never read, so that a credential is always inspected before its revocation.

    Without the writes, a scan within the next hour would still report a revoked credential as active.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, fingerprint: str, endpoint: str, now: datetime) -> Inspection | None:  # noqa: ARG002 - the signature of a cache
        """Always None."""
        return None

    def put(self, fingerprint: str, inspection: Inspection) -> None:
        """Stores an inspection for other commands."""
        self._cache.put(fingerprint, inspection)


@dataclass(frozen=True)
class RevocationCandidate:
    """A credential to revoke: value, kind, inspection, and known consumers."""

    secret: Secret
    kind: str
    inspection: Inspection | None = None
    consumers: tuple[RunbookConsumer, ...] = ()

    @property
    def dead(self) -> bool:
        """Whether the Hub already rejects it."""
        return self.inspection is not None and self.inspection.dead


@dataclass(frozen=True)
class RevocationOutcome:
    """The result for one credential, with the evidence."""

    fingerprint: str
    display: str
    result: RevocationStatus
    reason: str


def chosen(fingerprints: Sequence[str], values: Iterable[Secret]) -> tuple[Secret, ...]:
    """The values with these `fingerprints` (or prefixes of at least 8 digits); all others are ignored.

    Raises:
        UsageError: a fingerprint is too short, matches no value, or matches several.
    """
    known = {secret.fingerprint: secret for secret in values}
    found: dict[str, Secret] = {}
    for wanted in fingerprints:
        cleaned = parse_fingerprint(wanted)
        matching = [secret for fingerprint, secret in known.items() if fingerprint.startswith(cleaned)]
        if len(matching) != 1:
            what = "no value" if not matching else f"{len(matching)} values"
            message = f"{what} with fingerprint {cleaned} in stdin, keyring or --from; nothing was sent"
            raise UsageError(message)
        found[matching[0].fingerprint] = matching[0]
    return tuple(found.values())


def recognised(secrets: Sequence[Secret], scanner: Scanner) -> dict[str, str]:
    """The kind of each value, by fingerprint.

    Raises:
        UsageError: a value is a placeholder or not a Hugging Face credential.
    """
    kinds = {}
    for secret in secrets:
        seen = [d for d in scanner.scan(secret.reveal().encode()).detections if d.secret == secret]
        real = [d for d in seen if d.likelihood == "credential"]
        if not real:
            what = f"a {seen[0].likelihood}" if seen else "not a Hugging Face credential"
            message = f"{secret.fingerprint[:12]} ({secret.display}) is {what}; nothing was sent"
            raise UsageError(message)
        kinds[secret.fingerprint] = real[0].kind
    return kinds


def candidates(
    secrets: Sequence[Secret],
    kinds: Mapping[str, str],
    hub: Hub,
    *,
    now: Callable[[], datetime],
    consumers: Mapping[str, tuple[RunbookConsumer, ...]] | None = None,
    cache: WriteOnlyCache | None = None,
) -> tuple[RevocationCandidate, ...]:
    """Each credential with a new inspection."""
    asked = dict(inspect_credentials([(kinds[s.fingerprint], s) for s in secrets], hub, now=now, cache=cache))
    known = consumers or {}
    return tuple(
        RevocationCandidate(s, kinds[s.fingerprint], asked.get(s.fingerprint), known.get(s.fingerprint, ()))
        for s in secrets
    )


def preview(found: Sequence[RevocationCandidate], endpoint: str, organization: str | None = None) -> list[str]:
    """The preview of a revocation, in lines."""
    where = f"the organization {organization} at {endpoint}" if organization else endpoint
    lines = [f"To be revoked permanently at {where}:"]
    for candidate in found:
        lines.append(f"  {candidate.secret.fingerprint[:12]}  {candidate.secret.display}  {_who(candidate.inspection)}")
        if candidate.dead:
            lines.append("    already invalid; no request will be sent")
        lines += [f"    stops working: {c.kind} {c.name or ''} in {c.where}" for c in candidate.consumers]
        if not candidate.consumers and not candidate.dead:
            lines.append("    stops working: everything that uses it; no known consumer")
    return lines


def phrase(found: Sequence[RevocationCandidate]) -> str:
    """The text to type as confirmation: the start of the fingerprint, or the number of credentials if not one."""
    living = [candidate.secret.fingerprint for candidate in found if not candidate.dead]
    return f"revoke {living[0][:_SHOWN_DIGITS] if len(living) == 1 else len(living)}"


def revoke_all(
    found: Sequence[RevocationCandidate],
    hub: Hub,
    *,
    now: Callable[[], datetime],
    waits: Sequence[float] = WAITS,
    cache: WriteOnlyCache | None = None,
) -> tuple[RevocationOutcome, ...]:
    """Revokes every active candidate and checks until each is rejected. IRREVERSIBLE."""
    outcomes: dict[str, RevocationOutcome] = {}
    for candidate in found:
        if candidate.dead and candidate.inspection:
            outcomes[candidate.secret.fingerprint] = _outcome(candidate, "already-dead", candidate.inspection.reason)
    living = [c for c in found if c.secret.fingerprint not in outcomes]
    sent = revoke(hub, [c.secret for c in living])
    reasons = dict(sent.left_out)
    for candidate in living:
        reason = reasons.get(candidate.secret.fingerprint)
        if reason is not None:
            outcomes[candidate.secret.fingerprint] = _outcome(candidate, "left-out", f"not revoked: {reason}")
    waiting = [c for c in living if c.secret.fingerprint in sent.accepted]
    outcomes |= {o.fingerprint: o for o in proven(waiting, hub, now=now, waits=waits, cache=cache)}
    return tuple(outcomes[c.secret.fingerprint] for c in found)


def proven(
    found: Sequence[RevocationCandidate],
    hub: Hub,
    *,
    now: Callable[[], datetime],
    waits: Sequence[float] = WAITS,
    cache: WriteOnlyCache | None = None,
) -> tuple[RevocationOutcome, ...]:
    """Inspects each of `found` after each wait until the Hub rejects it or the waits are used up."""
    outcomes: dict[str, RevocationOutcome] = {}
    waiting = list(found)
    for wait in waits:
        if not waiting:
            break
        if wait:
            hub.rate_limiter.sleep(wait)
            hub.breaker.reset()  # failures from before the wait don't count
        asked = dict(inspect_credentials([(c.kind, c.secret) for c in waiting], hub, now=now, cache=cache))
        for candidate in waiting:
            seen = asked.get(candidate.secret.fingerprint)
            outcomes[candidate.secret.fingerprint] = _verified(candidate, seen)
        waiting = [c for c in waiting if outcomes[c.secret.fingerprint].result != "revoked"]
    return tuple(outcomes[c.secret.fingerprint] for c in found)


def revoke_all_in_organization(
    found: Sequence[RevocationCandidate],
    hub: Hub,
    organization: str,
    *,
    admin: Secret,
    token_id: str | None,
    now: Callable[[], datetime],
) -> tuple[RevocationOutcome, ...]:
    """Revokes the access of each candidate to one organization. PERMANENT there, no effect elsewhere."""
    outcomes = []
    for candidate in found:
        done = revoke_in_organization(hub, organization, candidate.secret, admin=admin, token_id=token_id)
        tried = "; ".join(done.tried)
        if not done.accepted:
            outcomes.append(_outcome(candidate, "left-out", f"not revoked: {tried}"))
            continue
        (seen,) = dict(inspect_credentials([(candidate.kind, candidate.secret)], hub, now=now)).values()
        shut = candidate_is_out(seen, organization)
        result: RevocationStatus = "revoked" if shut else "unproven" if shut is None else "alive"
        outcomes.append(_outcome(candidate, result, f"{tried}; {_shown(shut, organization)}"))
    return tuple(outcomes)


def candidate_is_out(seen: Inspection, organization: str) -> bool | None:
    """Whether `organization` has revoked a credential's access; None if the Hub does not say."""
    if seen.dead:
        return True
    restrictions = next((o.restrictions for o in seen.orgs if o.name == organization), None)
    return None if restrictions is None else "token-revoked" in restrictions


def _shown(shut: bool | None, organization: str) -> str:  # noqa: FBT001 - a single flag
    if shut is None:
        return f"access to {organization} unknown"
    return f"{'no access' if shut else 'still has access'} to {organization}"


def _verified(candidate: RevocationCandidate, seen: Inspection | None) -> RevocationOutcome:
    if seen is not None and seen.dead:
        return _outcome(candidate, "revoked", "the Hub rejects it (whoami returned 401)")
    if seen is not None and seen.status == "active":
        return _outcome(candidate, "alive", "request accepted, but still active; check again later")
    reason = seen.reason if seen is not None else "not inspected"
    return _outcome(candidate, "unproven", f"request accepted, revocation not verified: {reason}")


def _outcome(candidate: RevocationCandidate, result: RevocationStatus, reason: str) -> RevocationOutcome:
    return RevocationOutcome(candidate.secret.fingerprint, candidate.secret.display, result, reason)


def _who(inspection: Inspection | None) -> str:
    if inspection is None:
        return "not inspected"
    if inspection.status != "active":
        return f"{inspection.status}: {inspection.reason}"
    account = f"{inspection.account.type} {inspection.account.name}" if inspection.account else "unknown account"
    named = f' "{inspection.name}"' if inspection.name else ""
    return f"active: {account}, role {inspection.role}{named}"


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
