"""Creates or rotates a token of a service account, delivers it to its consumers and verifies it.

The Hub shows a value only once. If the process is killed before every consumer has the value, or a response is lost,
the value is lost too. The next run then creates another token with the same rights, delivers it, and deletes the one
whose value was lost. The journal contains ids, names and fingerprints, never a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import NoReturn

from filelock import FileLock, Timeout

from tokenaudit.hub import service_accounts as api
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.raw_request import NOT_DONE
from tokenaudit.hub.result import Failure
from tokenaudit.hub.service_accounts import MintedToken
from tokenaudit.model import Grant, ServiceAccount, ServiceToken
from tokenaudit.remediate.consumers import Content, Updater, took
from tokenaudit.remediate.revocation import WriteOnlyCache
from tokenaudit.remediate.rotation.journal import HaltedError, Journal, Record, ServiceTokenState
from tokenaudit.remediate.rotation.runner import Restartable
from tokenaudit.remediate.rotation.survey import step_of
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.prove import differences, prove
from tokenaudit.service_accounts.read import read_account
from tokenaudit.service_accounts.rights import rights_of

_TRIES = 4
_MINTS = 2
_MADE_STEPS = ("create", "rotate")
_WHOLE_VALUE = frozenset({"keyring", "file"})
"""Kinds of consumers that contain only the value."""


@dataclass(frozen=True)
class DeliveryResult:
    """The record of an operation, and whether the new token was verified (False: the Hub gave no clear response)."""

    record: Record
    proven: bool = True


@dataclass
class TokenDelivery:
    """One creation or rotation.

    Args:
        hub: the Hub.
        own: the operator's token.
        account: the service account with its tokens, as read before.
        grants: the rights of the token, as grants.
        consumers: receive the value, in this order.
        journal: the record, continued from an interrupted run or new. It has `service_token`.
        confirm: asks for confirmation, given the effect and the phrase to type.
        say: prints one line.
        now: the clock.
        dry_run: read everything, change nothing.
        cache: receives the inspections, for later scans.
    """

    hub: Hub
    own: Secret
    account: ServiceAccount
    grants: Sequence[Grant]
    consumers: Sequence[Updater]
    journal: Journal
    confirm: Callable[[str, str], bool]
    say: Callable[[str], None]
    now: Callable[[], datetime]
    dry_run: bool = False
    cache: WriteOnlyCache | None = None
    _lost: bool = False

    @property
    def state(self) -> ServiceTokenState:
        """The part of the record about the token."""
        found = self.journal.record.service_token
        if found is None:
            message = "the journal does not belong to a service account's token"
            raise HaltedError(message)
        return found

    @property
    def is_started(self) -> bool:
        """Whether a change was made that the next run has to continue."""
        return is_interrupted(self.journal.record)

    def run(self) -> DeliveryResult:
        """Create the token, or rotate it if the record names one, and deliver it.

        Raises:
            HaltedError: a step failed or could not be verified, or another process runs it.
            ConsumerError: a consumer can't be read or updated.
        """
        if self.journal.path is None:
            return self._run()
        self.journal.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(f"{self.journal.path}.lock", timeout=0):
                return self._run()
        except Timeout:
            message = f"another process is changing {self.state.name}; wait for it"
            raise HaltedError(message) from None

    def _run(self) -> DeliveryResult:
        rotates = self.state.token_id is not None
        self._lost = self.is_started
        self._survey()
        what = self._effect(rotates=rotates)
        for line in what:
            self.say(line)
        if self.dry_run:
            return DeliveryResult(self.journal.record)
        phrase = f"{'rotate' if rotates else 'create'} {self.state.name}"
        if not self.confirm(what[0], phrase):
            self._halt("Confirm", "confirm", "not confirmed; nothing was changed")
        if rotates and not self._lost:
            minted = self._rotate()
        else:
            minted = self._create()
            self._check_new(minted)
        for consumer in self.consumers:
            self._deliver(consumer, minted.secret)
        if not self._lost:
            self._settle()
        proven = self._prove(minted, delivered=True) if rotates else True
        if not rotates and self.journal.entry("prove") is not None:
            proven = self._is_done("prove")
        self._restart()
        if self._lost:
            if self.state.expires:
                self.say(f"{self.state.name} had an expiration, which the API can't set: set it on the token's page")
            self._delete_leftovers(minted.id)
            self._settle()
        self.journal.change(finished_at=self.now())
        return DeliveryResult(self.journal.record, proven)

    def create(self) -> Secret:
        """Create the token with exactly its rights. The caller delivers and verifies it.

        Raises:
            HaltedError: the token was not created, or had other rights and was deleted.
        """
        self._lost = self.is_started
        minted = self._create()
        self._compare(minted)
        return minted.secret

    def delete_leftovers(self) -> None:
        """Delete the tokens whose values were lost; the caller has delivered the last one everywhere.

        Raises:
            HaltedError: a token could not be deleted.
        """
        self._delete_leftovers(self.state.new_token_id or "")
        self._settle()

    def _effect(self, *, rotates: bool) -> list[str]:
        state = self.state
        names = ", ".join(f"{consumer.kind} {consumer.where}" for consumer in self.consumers)
        of = f"{state.name} of the service account {state.account} of {state.organization}"
        if rotates and self._lost:
            first = (
                f"an interrupted run replaced {of}, or tried to; a second token with the same rights will be "
                f"created and delivered to {names}, then the first one deleted"
            )
        elif rotates:
            first = f"{of} will be rotated: its old value stops working at once; the new one is delivered to {names}"
        else:
            again = "; tokens of the interrupted run are deleted afterwards" if self._lost else ""
            first = f"the token {of} will be created and delivered to {names}{again}"
        rights = [
            f"rights: {', '.join(grant.permissions)} on {grant.entity.type} {grant.entity.name}"
            for grant in self.grants
        ]
        held = []
        for consumer in self.consumers:
            seen = consumer.look()
            detail = f" ({seen.detail})" if seen.detail else ""
            held.append(f"{consumer.kind} {consumer.where}: {'exists' if seen.exists else 'will be created'}{detail}")
        return [first, *rights, *held]

    def _survey(self) -> None:
        """Checks every consumer before anything is changed."""
        named = {step_of(consumer) for consumer in self.consumers}
        for entry in self.journal.record.entries:
            if entry.id.startswith("consumer ") and entry.id not in named and not self.dry_run:
                reason = (
                    f"an interrupted run has delivered a value to {entry.title.partition(' ')[2]}; add it with --to"
                )
                self._halt("Check the consumers", "consumers", reason)
        for consumer in self.consumers:
            consumer.check_writable(dry_run=self.dry_run)
            seen = consumer.look()
            if self.state.token_id is not None and consumer.kind in _WHOLE_VALUE and seen.fingerprint is not None:
                self._check_value(consumer, seen.fingerprint)

    def _check_value(self, consumer: Updater, fingerprint: str) -> None:
        """Stops if a consumer has a value that is neither the token's nor one that this operation created."""
        last4 = self.state.last4
        if last4 is None or fingerprint in self.state.made:
            return
        held = [each.data.strip() for each in consumer.contents() if isinstance(each, Content)]
        if not any(value.endswith(last4.encode()) for value in held):
            reason = f"{consumer.where} has a value that does not end in {last4}; empty it first, or leave it out"
            self._halt("Check the consumers", "consumers", reason)

    def _rotate(self) -> MintedToken:
        title = f"Rotate {self.state.name}"
        self.journal.note("rotate", title, "begun")
        token_id = self.state.token_id or ""
        answer = api.rotate(self.hub, self.state.organization, self.state.account_id, token_id, self.own)
        if isinstance(answer, MintedToken):
            self._made("rotate", title, answer)
            return answer
        if answer.kind in NOT_DONE:
            reason = f"{self._needs(answer)}; the old value still works"
            self.journal.note("rotate", title, "failed", reason)
            _stop(title, reason)
        self.say(f"{title}: {answer.message}; the Hub can have replaced the value: creating a second token")
        self._lost = True
        return self._create()

    def _create(self) -> MintedToken:
        title = f"Create {self.state.name}"
        for attempt in count(1):
            self.journal.note("create", title, "begun")
            body: dict[str, object] = {"displayName": self.state.name, **self.state.rights}
            if self.state.skips_network_security:
                body["skipNetworkSecurity"] = True
            answer = api.create(self.hub, self.state.organization, self.state.account_id, body, self.own)
            if isinstance(answer, MintedToken):
                self._made("create", title, answer)
                return answer
            if answer.kind in NOT_DONE:
                reason = f"{self._needs(answer)}; nothing was created"
                if not self._lost:
                    self.journal.note("create", title, "failed", reason)
                _stop(title, reason)
            self._lost = True
            left = self._leftovers(None)
            found = f"{len(left)} of its name exist" if left else "none of its name exists"
            self.say(f"{title}: {answer.message}; it is unknown whether the Hub created the token: {found}")
            if attempt == _MINTS:
                again = "run the same command again: it deletes tokens whose value was lost"
                _stop(title, f"the Hub gave no clear response to {attempt} requests; {again}")
        raise AssertionError  # the loop ends by a return or an error

    def _made(self, step: str, title: str, minted: MintedToken) -> None:
        secret = minted.secret
        state = replace(self.state, new_token_id=minted.id, made=(*self.state.made, secret.fingerprint))
        self.journal.change(service_token=state, new_fingerprint=secret.fingerprint, new_display=secret.display)
        # "begun" until every consumer has the value: a run that ends before that loses it.
        self.journal.note(step, title, "begun", f"{secret.display}, id {minted.id}")
        self.say(f"{title}: {secret.display}, id {minted.id}")

    def _settle(self) -> None:
        """Records that no value can be lost anymore."""
        for step in _MADE_STEPS:
            entry = self.journal.entry(step)
            if entry is not None and entry.state == "begun":
                self.journal.note(step, entry.title, "done", entry.evidence)

    def _check_new(self, minted: MintedToken) -> None:
        """Stops and deletes the token if its rights differ from the requested ones; nothing was delivered yet."""
        self._compare(minted)
        if self.state.token_id is None:
            self._prove(minted, delivered=False)

    def _compare(self, minted: MintedToken) -> None:
        """Compares the rights in the Hub's description with the requested ones; missing fields are read again."""
        rights: dict[str, object] = dict(self.state.rights)
        info = dict(minted.info)
        if not rights.keys() <= info.keys():
            read = read_account(self.hub, self.state.organization, self.state.account_id, self.own)
            tokens = () if isinstance(read, Failure) else read.tokens
            found = next((token for token in tokens if token.id == minted.id), None)
            if found is None:
                reason = read.message if isinstance(read, Failure) else "the Hub does not list it"
                self._discard(minted.id, f"its rights can't be compared: {reason}")
            info = {**rights_of(found).body(), **info}
        wrong = differences(info, rights)
        if info.get("skipNetworkSecurity") is True and not self.state.skips_network_security:
            wrong.append("it is exempt from the network rules")
        if wrong:
            self._discard(minted.id, f"the Hub gave it other rights: {'; '.join(wrong)}")

    def _prove(self, minted: MintedToken, *, delivered: bool) -> bool:
        title = "Verify the new token"
        proof = prove(self.hub, minted.secret, self.grants, self.own, self.now, self.cache)
        messages = "; ".join(proof.messages)
        if proof.ok is False:
            if not delivered:
                self._discard(minted.id, messages)
            self._halt(title, "prove", messages)
        self.journal.note("prove", title, "done" if proof.ok else "failed", messages)
        self.say(f"{title}: {messages if proof.ok else f'no clear response: {messages}'}")
        return proof.ok is True

    def _discard(self, token_id: str, reason: str) -> NoReturn:
        answer = api.delete(self.hub, self.state.organization, self.state.account_id, token_id, self.own)
        end = f"it could not be deleted: {answer.message}" if isinstance(answer, Failure) else "it was deleted"
        if not isinstance(answer, Failure):
            self.journal.note("create", f"Create {self.state.name}", "failed", "deleted again")
        self._halt("Verify the new token", "prove", f"{reason}; {end}, nothing was delivered")

    def _deliver(self, consumer: Updater, new: Secret) -> None:
        name, title = step_of(consumer), f"Update {consumer.where}"
        before = consumer.look()
        self.journal.note(name, title, "begun", before=before.updated_at)
        consumer.update(before.fingerprint or new.fingerprint, new)
        old = before.fingerprint if before.fingerprint not in {None, new.fingerprint} else ""
        for attempt in range(_TRIES):
            if attempt:
                self.hub.rate_limiter.sleep(float(attempt))
            after = consumer.look()
            evidence = took(before, after, old or "", new)
            if evidence is not None:
                self.journal.note(name, title, "done", evidence, before=before.updated_at, after=after.updated_at)
                self.say(f"{title}: {evidence}")
                return
        self._halt(title, name, "the update was accepted, but can't be verified")

    def _restart(self) -> None:
        for consumer in self.consumers:
            if isinstance(consumer, Restartable):
                title = f"Restart {consumer.where}"
                state = consumer.restart()
                if "ERROR" in state.upper():
                    self._halt(title, f"restart {consumer.where}", state)
                self.journal.note(f"restart {consumer.where}", title, "done", state)
                self.say(f"{title}: {state}")

    def _leftovers(self, new_id: str | None) -> list[ServiceToken]:
        """The tokens whose value was lost: those that did not exist before, and the one to be rotated."""
        state = self.state
        read = read_account(self.hub, state.organization, state.account_id, self.own)
        if isinstance(read, Failure):
            title = "List the tokens of the service account"
            reason = f"{needs(read, f'{api.READ_PERMISSION} on {state.organization}')}; run the same command again"
            self._halt(title, "leftovers", reason)
        wanted = {key: sorted(names) for key, names in state.rights.items()}
        return [
            token
            for token in read.tokens
            if token.id != new_id
            and (
                token.id == state.token_id
                or (token.id not in state.known and token.name == state.name and _fields(token) == wanted)
            )
        ]

    def _delete_leftovers(self, new_id: str) -> None:
        for token in self._leftovers(new_id):
            title = f"Delete the token {token.name} ({token.id})"
            answer = api.delete(self.hub, self.state.organization, self.state.account_id, token.id, self.own)
            if isinstance(answer, Failure):
                self._halt(title, f"delete {token.id}", f"{self._needs(answer)}; delete it on its page")
            self.journal.note(f"delete {token.id}", title, "done", "its value was lost, or replaced by the new one")
            self.say(f"{title}: done")

    def _needs(self, failure: Failure) -> str:
        return needs(failure, f"{api.WRITE_PERMISSION} on {self.state.organization}")

    def _is_done(self, step: str) -> bool:
        entry = self.journal.entry(step)
        return entry is not None and entry.state == "done"

    def _halt(self, title: str, name: str, reason: str) -> NoReturn:
        if not self.dry_run:
            self.journal.note(f"halt {name}", title, "failed", reason)
        _stop(title, reason)


def is_interrupted(record: Record) -> bool:
    """Return whether a token was created, or can have been, and not every consumer has its value."""
    begun = any(entry.id in _MADE_STEPS and entry.state == "begun" for entry in record.entries)
    return begun and record.finished_at is None


def _stop(title: str, reason: str) -> NoReturn:
    message = f"{title}: {reason}"
    raise HaltedError(message)


def _fields(token: ServiceToken) -> dict[str, list[str]]:
    return {key: sorted(map(str, names)) for key, names in _lists(rights_of(token).body().items())}


def _lists(items: Iterable[tuple[str, object]]) -> list[tuple[str, list[object]]]:
    return [(key, names) for key, names in items if isinstance(names, list)]
