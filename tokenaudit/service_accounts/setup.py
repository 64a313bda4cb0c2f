"""Sets up changes to the tokens of service accounts from a command's arguments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec
from platformdirs import user_state_path

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.file_access import read_argument
from tokenaudit.hub import service_accounts as api
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.result import Failure
from tokenaudit.model import Entity, Evidence, Grant, ServiceAccount, ServiceToken
from tokenaudit.permissions import name_of
from tokenaudit.remediate.consumers import Updater
from tokenaudit.remediate.consumers.resolve import Owners, destination
from tokenaudit.remediate.revocation import WriteOnlyCache
from tokenaudit.remediate.rotation.journal import HaltedError, Journal, Record, ServiceTokenState, read
from tokenaudit.remediate.runbook import PlannedCredential, Runbook
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.delivery import TokenDelivery, is_interrupted
from tokenaudit.service_accounts.resolve import find_account, find_token, own_token
from tokenaudit.service_accounts.rights import TokenRights, express, parse_grants, rights_of, with_ids
from tokenaudit.text import file_name, listed, shorten

_FINGERPRINT = 12


@dataclass(frozen=True)
class ChangeContext:
    """Collaborators of a change: Hub, environment, output, confirmation, clock. `journal` None: the default path."""

    hub: Hub
    environment: Mapping[str, str]
    say: Callable[[str], None]
    confirm: Callable[[str, str], bool]
    now: Callable[[], datetime]
    cache: WriteOnlyCache | None = None
    dry_run: bool = False
    journal: Path | None = None


@dataclass(frozen=True)
class WantedRights:
    """The grants from the arguments, and their evidence in a plan."""

    grants: tuple[Grant, ...]
    evidence: tuple[Evidence, ...] = ()


def wanted_rights(organization: str, plan: Path | None, credential: str | None, spelled: Sequence[str]) -> WantedRights:
    """Return the grants of a plan's credential (the only one, or the one with the fingerprint), or those of arguments.

    Raises:
        UsageError: both or neither are given, or the plan has no rights.
        ConfigurationError: the plan can't be read.
    """
    if (plan is None) == (not spelled):
        message = "pass either --plan FILE or --grant PERMISSION@ENTITY (repeatable)"
        raise UsageError(message)
    if plan is None:
        return WantedRights(parse_grants(spelled, organization))
    planned = _planned(plan, credential)
    found = planned.recommendation
    if not found.grants:
        why = "needs no token" if found.replacement == "no-token" else "names no permission; name them with --grant"
        message = f"{plan}: {planned.display} ({planned.fingerprint[:_FINGERPRINT]}) {why}; nothing was created"
        raise UsageError(message)
    return WantedRights(found.grants, found.evidence)


def _planned(path: Path, credential: str | None) -> PlannedCredential:
    try:
        plan = msgspec.json.decode(read_argument(path), type=Runbook)
    except OSError as error:
        message = f"plan {path} can't be read: {error.strerror}"
        raise ConfigurationError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = f"{path} is not a plan; write one with `tokenaudit plan --format json`"
        raise ConfigurationError(message) from None
    found = [each for each in plan.credentials if credential is None or each.fingerprint.startswith(credential)]
    if len(found) == 1:
        return found[0]
    if not found:
        wanted = f"credential with the fingerprint {credential}" if credential else "credential"
        message = f"{path} has no {wanted}"
        raise UsageError(message)
    fingerprints = listed([each.fingerprint[:_FINGERPRINT] for each in found])
    message = f"{path} has {len(found)} credentials; choose one with --credential: {fingerprints}"
    raise UsageError(message)


def begin_create(
    organization: str, account: str, wanted: WantedRights, to: Sequence[str], name: str | None, around: ChangeContext
) -> TokenDelivery:
    """A creation, new or resumed from its journal.

    Raises:
        UsageError: an argument is invalid, or the API can't express the rights.
        ConfigurationError: one of the operator's tokens is missing, or the journal can't be read.
        HaltedError: the Hub denied access or did not answer.
    """
    rights = express(wanted.grants, organization)
    _check_journal(around)
    consumers = _consumers(to, around)
    shown = name or shorten(consumers[0].where, api.LONGEST_NAME)
    if not 1 <= len(shown) <= api.LONGEST_NAME:
        message = f"a token's name has 1 to {api.LONGEST_NAME} characters"
        raise UsageError(message)
    own = own_token(around.hub)
    found = find_account(around.hub, organization, account, own)
    rights = with_ids(rights, lambda entity: look_up(around.hub, entity, organization, own))
    key = json.dumps([around.hub.endpoint, found.id, shown, rights.body(), sorted(to)], sort_keys=True)
    path = journal_path(organization, f"create-{hashlib.sha256(key.encode()).hexdigest()[:16]}")
    state = token_state(found, shown, rights)
    return _delivery(found, rights.grants(organization), consumers, own, path, state, around)


def _check_journal(around: ChangeContext) -> None:
    """Reads a named journal before any request is sent, so that an unreadable one ends the command without changes."""
    if around.journal is not None:
        read(around.journal)


def begin_rotate(
    organization: str, account: str, token: str, to: Sequence[str], around: ChangeContext
) -> TokenDelivery:
    """A rotation, new or resumed from its journal.

    Raises:
        UsageError: an argument is invalid.
        ConfigurationError: one of the operator's tokens is missing, or the journal can't be read.
        HaltedError: the Hub denied access or did not answer.
    """
    _check_journal(around)
    consumers = _consumers(to, around)
    own = own_token(around.hub)
    found = find_account(around.hub, organization, account, own)
    resumed = _unfinished(around, found, token)
    if resumed is not None:
        path, state = resumed
        rights = _of_state(state, found)
        return _delivery(found, rights.grants(organization), consumers, own, path, state, around)
    chosen = find_token(found, token)
    refuse_own(around.hub, found, chosen, own, "rotated")
    if not chosen.details_known or chosen.role != "fineGrained":
        message = (
            f"the rights of {chosen.name} are not completely known (role {chosen.role}), so an interrupted rotation "
            "could not be repaired; create a new token with create-token, then delete this one"
        )
        raise UsageError(message)
    path = journal_path(organization, f"rotate-{file_name(chosen.id)}")
    rights = rights_of(chosen)
    state = replace(
        token_state(found, chosen.name, rights),
        token_id=chosen.id,
        last4=chosen.last4,
        created_at=chosen.created_at,
        expires=chosen.expires_at is not None,
        skips_network_security=chosen.skips_network_security,
    )
    return _delivery(found, rights.grants(organization), consumers, own, path, state, around)


def _of_state(state: ServiceTokenState, account: ServiceAccount) -> TokenRights:
    """The rights in a journal, with repository names from the account's other tokens."""
    names = {each.id: each for token in account.tokens for each in token.repositories}
    entities = []
    for identifier in state.rights.get("repoIds", []):
        known = names.get(identifier)
        kind = known.type if known is not None and known.type else "repository"
        entities.append(Entity(kind, known.name if known is not None else None, identifier))
    return TokenRights(
        tuple(state.rights.get("permissions", [])),
        tuple(entities),
        tuple(state.rights.get("repoPermissions", [])),
        tuple(state.rights.get("endpointPatterns", [])),
    )


def token_state(account: ServiceAccount, name: str, rights: TokenRights) -> ServiceTokenState:
    """Return the part of a journal about a token to be created in `account`."""
    known = tuple(token.id for token in account.tokens)
    fields = {key: [str(each) for each in names] for key, names in rights.body().items() if isinstance(names, list)}
    return ServiceTokenState(account.organization, account.name, account.id, name, known, fields)


def _delivery(
    account: ServiceAccount,
    grants: Sequence[Grant],
    consumers: Sequence[Updater],
    own: Secret,
    path: Path,
    state: ServiceTokenState,
    around: ChangeContext,
) -> TokenDelivery:
    chosen = around.journal or path
    fresh = Record("", state.name, around.hub.endpoint, "planned", around.now(), service_token=state)
    known = read(chosen)
    if known is not None and known.service_token is not None and is_interrupted(known):
        same = (known.service_token.account_id, known.service_token.token_id) == (state.account_id, state.token_id)
        if not same or known.endpoint != around.hub.endpoint:
            message = f"{chosen} belongs to another token; finish that one, or use another file with --journal"
            raise ConfigurationError(message)
        fresh = known
    elif known is not None and known.service_token is None:
        message = f"{chosen} belongs to another rotation; use another file with --journal"
        raise ConfigurationError(message)
    journal = Journal(None if around.dry_run else chosen, fresh, around.now)
    return TokenDelivery(
        around.hub, own, account, tuple(grants), consumers, journal,
        around.confirm, around.say, around.now, around.dry_run, around.cache,
    )  # fmt: skip


def journal_path(organization: str, name: str) -> Path:
    """The default path of the journal of one change of a service account's token."""
    return user_state_path("tokenaudit") / "rotations" / f"service-{file_name(organization)}-{name}.json"


def _unfinished(around: ChangeContext, account: ServiceAccount, wanted: str) -> tuple[Path, ServiceTokenState] | None:
    """The journal of an interrupted rotation of the token `wanted`: its id and last four can have changed since."""
    folder = journal_path(account.organization, "x").parent
    paths = [around.journal] if around.journal is not None else sorted(folder.glob("service-*rotate-*.json"))
    found = []
    for path in paths:
        record = read(path)
        state = record.service_token if record is not None and is_interrupted(record) else None
        if record is None or state is None or record.endpoint != around.hub.endpoint:
            continue
        names = {state.token_id, state.new_token_id, state.name, state.last4}
        if state.token_id is not None and state.account_id == account.id and wanted in names:
            found.append((path, state))
    if len(found) > 1:
        paths_shown = listed([str(path) for path, _ in found])
        message = f"several interrupted rotations match {wanted!r}; choose one with --journal: {paths_shown}"
        raise UsageError(message)
    return found[0] if found else None


def _consumers(to: Sequence[str], around: ChangeContext) -> list[Updater]:
    if not to:
        message = "no consumer; name one with --to, since the value is never printed"
        raise UsageError(message)
    owners = Owners(around.hub, around.environment)
    return [destination(spelled, owners) for spelled in dict.fromkeys(to)]


def look_up(hub: Hub, entity: Entity, organization: str, own: Secret) -> str:
    """Return the id of a repository.

    Raises:
        HaltedError: the Hub does not return it.
    """
    found = api.repository_id(hub, entity.type, entity.name or "", own)
    if isinstance(found, Failure):
        needed = f"repo.content.read on {entity.name} (a repository of {organization}, or a public one)"
        message = f"{name_of(entity)}: {needs(found, needed)}; nothing was changed"
        raise HaltedError(message)
    return found


def refuse_own(hub: Hub, account: ServiceAccount, token: ServiceToken, own: Secret, what: str) -> None:
    """Stop if the token is the one that authenticates this call.

    Raises:
        UsageError: the token authenticates this call.
    """
    if token.last4 is None or not own.reveal().endswith(token.last4):
        return
    answer = hub.whoami(own)
    body = {} if isinstance(answer, Failure) or not isinstance(answer.body, dict) else answer.body
    if isinstance(answer, Failure) or text(body.get("name")) in {account.user, account.name}:
        message = f"{token.name} is the token that authenticates this call, so it can't be {what}; use another one"
        raise UsageError(message)
