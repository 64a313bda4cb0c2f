"""Invalidating credentials, with a look before and proof after.

Nothing here is sent unless the caller has a confirmation. An accepted request proves nothing; a credential counts as
dead when the Hub itself refuses it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.errors import UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.revoke import revoke, revoke_in_organization
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.inspector import Cache
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Inspection
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.secret import Secret
from tokenaudit.text import parse_fingerprint

RevocationStatus: TypeAlias = Literal["revoked", "already-dead", "alive", "unproven", "left-out"]
_SHOWN_DIGITS = 8
WAITS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the questions whether a credential is dead."""


class WriteOnlyCache:
    """A cache that is written to and never read: what is about to be revoked is asked about anew.

    Without it, a scan within the next hour would still call a revoked credential active.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, fingerprint: str, endpoint: str, now: datetime) -> Inspection | None:  # noqa: ARG002 - the face of a cache
        """Nothing, ever."""
        return None

    def put(self, fingerprint: str, inspection: Inspection) -> None:
        """Keeps an inspection for others."""
        self._cache.put(fingerprint, inspection)


@dataclass(frozen=True)
class RevocationCandidate:
    """A credential to be revoked: its value, its kind, what the Hub says of it, and who is known to use it."""

    secret: Secret
    kind: str
    inspection: Inspection | None = None
    consumers: tuple[RunbookConsumer, ...] = ()

    @property
    def dead(self) -> bool:
        """Whether the Hub refuses it already."""
        return self.inspection is not None and self.inspection.dead


@dataclass(frozen=True)
class RevocationOutcome:
    """What became of one credential, and how that is known."""

    fingerprint: str
    display: str
    result: RevocationStatus
    reason: str


def chosen(fingerprints: Sequence[str], values: Iterable[Secret]) -> tuple[Secret, ...]:
    """The values that `fingerprints` (or their beginnings, 8 digits at least) name; all others are left alone.

    Raises:
        UsageError: a fingerprint is too short, names no value, or names two.
    """
    known = {secret.fingerprint: secret for secret in values}
    found: dict[str, Secret] = {}
    for wanted in fingerprints:
        cleaned = parse_fingerprint(wanted)
        matching = [secret for mark, secret in known.items() if mark.startswith(cleaned)]
        if len(matching) != 1:
            what = "no value" if not matching else f"{len(matching)} values"
            message = f"{what} with the fingerprint {cleaned} came from stdin, keyring or --from: nothing was sent"
            raise UsageError(message)
        found[matching[0].fingerprint] = matching[0]
    return tuple(found.values())


def recognised(secrets: Sequence[Secret], scanner: Scanner) -> dict[str, str]:
    """The kind of each value, by fingerprint.

    Raises:
        UsageError: a value is a placeholder, or no Hugging Face credential at all.
    """
    kinds = {}
    for secret in secrets:
        seen = [d for d in scanner.scan(secret.reveal().encode()).detections if d.secret == secret]
        real = [d for d in seen if d.likelihood == "credential"]
        if not real:
            what = f"a {seen[0].likelihood}" if seen else "no Hugging Face credential"
            message = f"{secret.fingerprint[:12]} ({secret.display}) is {what}: nothing was sent"
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
    """Each credential with what the Hub says of it now."""
    asked = dict(inspect_credentials([(kinds[s.fingerprint], s) for s in secrets], hub, now=now, cache=cache))
    known = consumers or {}
    return tuple(
        RevocationCandidate(s, kinds[s.fingerprint], asked.get(s.fingerprint), known.get(s.fingerprint, ()))
        for s in secrets
    )


def preview(found: Sequence[RevocationCandidate], endpoint: str, organization: str | None = None) -> list[str]:
    """What is about to happen, one line a fact."""
    where = f"the organization {organization} at {endpoint}" if organization else endpoint
    lines = [f"To be revoked for good at {where}:"]
    for candidate in found:
        lines.append(f"  {candidate.secret.fingerprint[:12]}  {candidate.secret.display}  {_who(candidate.inspection)}")
        if candidate.dead:
            lines.append("    it is dead already; nothing will be sent for it")
        lines += [f"    stops working: {c.kind} {c.name or ''} in {c.where}" for c in candidate.consumers]
        if not candidate.consumers and not candidate.dead:
            lines.append("    stops working: whatever uses it, none of which is known here")
    return lines


def phrase(found: Sequence[RevocationCandidate]) -> str:
    """What has to be typed to go on: the beginning of the fingerprint, or how many where it is not exactly one."""
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
    """Revokes every candidate that lives, and asks until each is refused. IRREVERSIBLE."""
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
    """Asks the Hub, again and again with growing waits, until it refuses each of `found` or the waits are used up."""
    outcomes: dict[str, RevocationOutcome] = {}
    waiting = list(found)
    for wait in waits:
        if not waiting:
            break
        if wait:
            hub.rate_limiter.sleep(wait)
            hub.breaker.reset()  # what went unanswered before the wait is what is waited for
        asked = dict(inspect_credentials([(c.kind, c.secret) for c in waiting], hub, now=now, cache=cache))
        for candidate in waiting:
            seen = asked.get(candidate.secret.fingerprint)
            outcomes[candidate.secret.fingerprint] = _judged(candidate, seen)
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
    """Shuts each candidate out of one organization. PERMANENT there, without effect elsewhere."""
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
    """Whether a credential is shut out of `organization`; None where the Hub does not say."""
    if seen.dead:
        return True
    restrictions = next((o.restrictions for o in seen.orgs if o.name == organization), None)
    return None if restrictions is None else "token-revoked" in restrictions


def _shown(shut: bool | None, organization: str) -> str:  # noqa: FBT001 - the answer to one question
    if shut is None:
        return f"the Hub does not say whether it is out of {organization}"
    return f"the Hub says it is {'' if shut else 'not '}shut out of {organization}"


def _judged(candidate: RevocationCandidate, seen: Inspection | None) -> RevocationOutcome:
    if seen is not None and seen.dead:
        return _outcome(candidate, "revoked", "the Hub refuses it (whoami answered 401)")
    if seen is not None and seen.status == "active":
        return _outcome(candidate, "alive", "the request was accepted, but the Hub still knows it: ask again later")
    reason = seen.reason if seen is not None else "it was not asked"
    return _outcome(candidate, "unproven", f"the request was accepted, but there is no proof yet: {reason}")


def _outcome(candidate: RevocationCandidate, result: RevocationStatus, reason: str) -> RevocationOutcome:
    return RevocationOutcome(candidate.secret.fingerprint, candidate.secret.display, result, reason)


def _who(inspection: Inspection | None) -> str:
    if inspection is None:
        return "not asked about"
    if inspection.status != "active":
        return f"{inspection.status}: {inspection.reason}"
    account = f"{inspection.account.type} {inspection.account.name}" if inspection.account else "unnamed account"
    named = f' "{inspection.name}"' if inspection.name else ""
    return f"active: {account}, role {inspection.role}{named}"
