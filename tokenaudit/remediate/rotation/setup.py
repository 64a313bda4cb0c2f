"""Sets up a rotation from the command's arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platformdirs import user_state_path

from tokenaudit.errors import AuditError, ConfigurationError, UsageError
from tokenaudit.hub import keyring
from tokenaudit.hub.client import Hub
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Entity, Grant, Recommendation, Report
from tokenaudit.permissions import namespace_of
from tokenaudit.remediate.consumers import ConsumerError
from tokenaudit.remediate.consumers.keyring_entry import KeyringEntry
from tokenaudit.remediate.consumers.resolve import Owners, resolve
from tokenaudit.remediate.grants import creation_link
from tokenaudit.remediate.revocation import SecretValues, WriteOnlyCache, chosen, kept, recognised, together, typed
from tokenaudit.remediate.rotation.journal import Journal, Record, read
from tokenaudit.remediate.rotation.runner import Rotation, TokenMaker
from tokenaudit.remediate.rotation.survey import left_to_do
from tokenaudit.remediate.runbook import Mode, RunbookConsumer
from tokenaudit.secret import Secret

_CREATED = frozenset({"fine-grained", "service-account"})


@dataclass(frozen=True)
class RotationRequest:
    """The arguments of the command.

    `journal` None is the default path; `new_keyring` an entry with the new value; `service_account` the account that
    gets the new token, as `ORGANIZATION/ACCOUNT`.
    """

    fingerprint: str
    consumers: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    mode: Mode = "planned"
    journal: Path | None = None
    new_keyring: str | None = None
    keep_in_keyring: bool = False
    dry_run: bool = False
    service_account: str | None = None


@dataclass(frozen=True)
class KnownValues:
    """Input of the rotation: values, those passed on stdin, and the recommendation of a scan."""

    values: SecretValues
    handed: tuple[Secret, ...] | None = None
    """The values from stdin; None if a prompt is possible."""
    advice: Recommendation | None = None


@dataclass(frozen=True)
class RotationContext:
    """Collaborators of a rotation: Hub, detectors, environment, output, confirmation, clock."""

    hub: Hub
    scanner: Scanner
    environment: Mapping[str, str]
    say: Callable[[str], None]
    confirm: Callable[[str, str], bool]
    now: Callable[[], datetime]
    cache: WriteOnlyCache | None = None
    maker: Callable[[str, str | None], TokenMaker] | None = None
    """Returns the maker of tokens for an organization and an account (None: its only one)."""


def begin(
    request: RotationRequest, known: KnownValues, around: RotationContext, rescan: Callable[[], Sequence[str]] | None
) -> Rotation:
    """A rotation, new or resumed from its journal.

    Raises:
        UsageError: the old value is missing or not a credential, or a consumer or grant is invalid.
        ConfigurationError: the journal belongs to another rotation, or a token of the auditor is missing.
    """
    (old,) = chosen([request.fingerprint], known.values.secrets)
    kind = recognised([old], around.scanner)[old.fingerprint]
    owners = Owners(around.hub, around.environment)
    consumers = [resolve(spelled, old.fingerprint, owners) for spelled in request.consumers]
    _report_other_consumers(known.values.consumers.get(old.fingerprint, ()), around.say)
    wanted = grants(request.grants) or _advised(known.advice)
    path = None if request.dry_run else request.journal or journal_path(old.fingerprint)
    fresh = Record(old.fingerprint, old.display, around.hub.endpoint, request.mode, around.now())
    return Rotation(
        hub=around.hub,
        scanner=around.scanner,
        journal=Journal.opened(path, fresh, around.now),
        old=old,
        kind=kind,
        consumers=consumers,
        wanted=wanted,
        new=lambda: _new(request, known, old, wanted, around),
        confirm=around.confirm,
        say=around.say,
        now=around.now,
        rescan=rescan,
        dry_run=request.dry_run,
        cache=around.cache,
        maker=_maker(request, known, old, wanted, around),
        check_new=lambda: _check_new(request, known, old, around),
    )


def _maker(
    request: RotationRequest, known: KnownValues, old: Secret, wanted: Sequence[Grant], around: RotationContext
) -> TokenMaker | None:
    """The maker of the new token, if it belongs to a service account: by the option, or the advice of the scan.

    Raises:
        UsageError: the option is invalid, or its account does not exist.
    """
    if around.maker is None:
        return None
    if request.service_account is not None:
        organization, slash, account = request.service_account.partition("/")
        if not (organization and slash and account):
            message = f"invalid service account {request.service_account!r}; use ORGANIZATION/ACCOUNT"
            raise UsageError(message)
        return around.maker(organization, account)
    advised = known.advice is not None and known.advice.replacement == "service-account" and not request.grants
    has_new = request.new_keyring is not None or any(secret != old for secret in known.handed or ())
    if not advised or has_new or request.keep_in_keyring:
        return None
    entity = wanted[0].entity
    organization = (entity.name if entity.type == "org" else namespace_of(entity)) or ""
    try:
        return around.maker(organization, None)
    except AuditError as error:
        around.say(f"the token can't be created by the API: {error}")
        return None


def finished(request: RotationRequest, around: RotationContext) -> Record | None:
    """The record of this rotation if it is finished and no consumer is left to update; else None.

    Asks for no value and changes nothing.

    Raises:
        UsageError: a consumer is invalid.
        ConfigurationError: a token of the auditor is missing, or the journal can't be read.
    """
    path = request.journal or _existing_journal(request.fingerprint)
    record = read(path) if path is not None else None
    if record is None or record.finished_at is None or record.endpoint != around.hub.endpoint:
        return None
    if not record.fingerprint.startswith(request.fingerprint):
        return None
    owners = Owners(around.hub, around.environment)
    consumers = [resolve(spelled, record.fingerprint, owners) for spelled in request.consumers]
    try:
        return None if left_to_do(record, consumers) else record
    except ConsumerError:  # the rotation raises it again and names the step
        return None


def _existing_journal(fingerprint: str) -> Path | None:
    """The journal at the default path of the one credential whose fingerprint starts with this."""
    found = sorted(journal_path(fingerprint).parent.glob(f"{fingerprint}*.json"))
    return found[0] if len(found) == 1 else None


def journal_path(fingerprint: str) -> Path:
    """The default path of the journal of a credential's rotation."""
    return user_state_path("tokenaudit") / "rotations" / f"{fingerprint}.json"


def entry_name(fingerprint: str) -> str:
    """The name of the keyring entry that stores the new value between two runs."""
    return f"rotation-{fingerprint[:12]}"


def forget(fingerprint: str) -> None:
    """Deletes the new value from the keyring, if present."""
    if keyring.available() is not None:
        keyring.clear(entry_name(fingerprint))


def _new(
    request: RotationRequest, known: KnownValues, old: Secret, wanted: Sequence[Grant], around: RotationContext
) -> Secret:
    new = _given(request, known, old, around) or _asked(wanted, around)
    recognised([new], around.scanner)
    if request.keep_in_keyring:
        keyring.write(entry_name(old.fingerprint), new)
    return new


def _check_new(request: RotationRequest, known: KnownValues, old: Secret, around: RotationContext) -> None:
    if request.keep_in_keyring:
        KeyringEntry(entry_name(old.fingerprint)).check_writable(dry_run=False)
    _given(request, known, old, around)


def _given(request: RotationRequest, known: KnownValues, old: Secret, around: RotationContext) -> Secret | None:
    """The new value from the keyring or stdin; None if it has to be asked for.

    Raises:
        UsageError: the entry does not exist, or stdin has not exactly one value besides the old one.
        ConfigurationError: the keyring can't be read.
    """
    new = kept(request.new_keyring) if request.new_keyring is not None else None
    if new is None and request.keep_in_keyring:
        new = keyring.read(entry_name(old.fingerprint))
    if new is None and known.handed is not None:
        new = _from_stdin(known.handed, old)
    if new is not None:
        recognised([new], around.scanner)
    return new


def _from_stdin(values: Sequence[Secret], old: Secret) -> Secret:
    others = [secret for secret in values if secret != old]
    if len(others) != 1:
        message = f"stdin has {len(others)} values besides the old one; pass exactly one, the new one"
        raise UsageError(message)
    return others[0]


def _asked(wanted: Sequence[Grant], around: RotationContext) -> Secret:
    link = creation_link(wanted, endpoint=around.hub.endpoint)
    around.say(f"create the new token at {link.url}")
    for line in link.by_hand:
        around.say(f"  {line}")
    found = typed(["the new token"]).secrets
    if not found:
        message = "no new token; nothing was changed"
        raise UsageError(message)
    return found[0]


def _advised(advice: Recommendation | None) -> tuple[Grant, ...]:
    return advice.grants if advice is not None and advice.replacement in _CREATED else ()


def _report_other_consumers(found: Sequence[RunbookConsumer], say: Callable[[str], None]) -> None:
    """Reports consumers that a scan found and that no `--consumer` names."""
    for consumer in found:
        say(f"other consumer: {consumer.kind} in {consumer.where}; update it by hand unless a --consumer names it")


def old_in_keyring(name: str) -> SecretValues:
    """The old value from the keyring.

    Raises:
        ConfigurationError: no secure keyring is available.
        UsageError: the entry does not exist.
    """
    if keyring.available() is None:
        message = "no secure keyring on this machine; use stdin or --from"
        raise ConfigurationError(message)
    return SecretValues((kept(name),))


def known(
    fingerprint: str, parts: Sequence[SecretValues], handed: SecretValues | None, report: Report | None
) -> KnownValues:
    """All input of the rotation, merged; `report` is of a scan in the same run."""
    everything = together(*parts, *([handed] if handed is not None else []))
    found = [c for c in report.credentials if c.fingerprint.startswith(fingerprint)] if report is not None else []
    return KnownValues(
        everything, handed.secrets if handed is not None else None, found[0].recommendation if found else None
    )


def places(fingerprint: str, report: Report) -> list[str]:
    """The places that have the credential according to `report`."""
    found = [c for c in report.credentials if c.fingerprint.startswith(fingerprint)]
    return [f"{place.target}: {place.path}" for c in found for place in c.locations]


_SPELLED = re.compile(r"(?P<permission>[A-Za-z][\w.-]*)@(?P<type>[a-z-]+)(?::(?P<name>[\w./-]+))?")


def grants(spelled: Sequence[str]) -> tuple[Grant, ...]:
    """Grants from `PERMISSION@TYPE[:NAME]`, such as `repo.write@model:acme/m` or `inference.serverless.write@user`.

    Raises:
        UsageError: a grant is invalid.
    """
    found: dict[Entity, list[str]] = {}
    for text in spelled:
        parts = _SPELLED.fullmatch(text)
        if not parts:
            message = f"invalid grant {text!r}; use PERMISSION@TYPE:NAME, such as repo.write@model:acme/m"
            raise UsageError(message)
        found.setdefault(Entity(parts["type"], parts["name"]), []).append(parts["permission"])
    return tuple(Grant(entity, tuple(sorted(set(permissions)))) for entity, permissions in found.items())
