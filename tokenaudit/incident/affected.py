"""Which credentials and kept secrets an incident touches, and what that is known by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from tokenaudit.ci.names import Names
from tokenaudit.incident.model import Touch
from tokenaudit.model import Credential, Inspection, SecretName
from tokenaudit.policy.settings import Incident

_VARIABLES = frozenset({"space-variable", "github-variable", "gitlab-variable"})
_AGES: dict[str, tuple[str, Touch | Literal["no"]]] = {
    "endpoint-secret": ("the endpoint was changed", "perhaps"),
    "job-secret": ("the schedule was made", "no"),
    "job-token": ("the schedule was made", "no"),
}
"""What the recorded time of a kind means where it is not that of the value, and what follows from one that is since:
a schedule gets its values when it is made, an endpoint can be changed without them."""


def created(inspections: Iterable[Inspection]) -> datetime | None:
    """When a credential was created, as any answer of the Hub tells it."""
    return next((said.created_at for said in inspections if said.created_at is not None), None)


def credential_touched(
    credential: Credential, said: Iterable[Inspection], first_seen: datetime | None, incident: Incident
) -> tuple[Touch | Literal["no"], str]:
    """Whether it is older than the cut-off, and why. Only a time of creation can say no."""
    cutoff = incident.cutoff
    made = created(said)
    if made is not None:
        return ("yes" if made < cutoff else "no"), f"created {made:%Y-%m-%d}"
    claims = credential.claims
    if claims is not None and claims.issued_at is not None:
        issued = claims.issued_at
        return ("yes" if issued < cutoff else "no"), f"issued {issued:%Y-%m-%d}, by its own claims"
    if first_seen is not None and first_seen < cutoff:
        return "yes", f"a sweep saw it on {first_seen:%Y-%m-%d} already"
    dated = [(location.date, location) for location in credential.locations if location.date is not None]
    if dated:
        date, location = min(dated, key=lambda pair: pair[0])
        if date < cutoff:
            what = f"commit {location.commit[:12]}" if location.commit else location.source
            return "yes", f"{what} of {date:%Y-%m-%d} holds it already"
    return "perhaps", "when it was created is not known"


def counts(secret: SecretName, touched: Iterable[str], names: Names) -> bool:
    """Whether a kept name is a place that the incident may concern at all.

    Every secret of a Space is one, whatever it is for: the Hub held its value. Elsewhere only names that stand for a
    Hugging Face credential count, and variables whose value is a touched one. One-off Jobs keep nothing.
    """
    if secret.kind == "space-secret":
        return True
    if secret.target.startswith("jobs/"):
        return False
    if secret.kind in _VARIABLES and (secret.fingerprint is not None or secret.kind == "space-variable"):
        return secret.fingerprint is not None and secret.fingerprint in touched
    return secret.kind == "job-token" or names.match(secret.name)


def secret_touched(secret: SecretName, incident: Incident) -> tuple[Touch | Literal["no"], str]:
    """Whether what is kept was last set before the cut-off, and why. `no` means that it was set since."""
    updated = secret.updated_at
    if updated is None:
        return "perhaps", "when it was last set is not known"
    what, since = _AGES.get(secret.kind, ("last set", "no"))
    if updated < incident.cutoff:
        return "yes", f"{what} {updated:%Y-%m-%d}"
    doubt = ", which does not tell how old the value is" if since == "perhaps" else ""
    return since, f"{what} {updated:%Y-%m-%d}{doubt}"


def spaces_of(secrets: Iterable[SecretName]) -> Iterator[str]:
    """The Spaces, as `owner/name`, that keep something."""
    for secret in secrets:
        if secret.target.startswith("spaces/"):
            yield secret.target.removeprefix("spaces/")
