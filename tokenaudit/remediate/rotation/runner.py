"""Runs a rotation: identify, verify the new credential, update every consumer, revoke, verify the revocation.

The journal alone is not evidence: every step is verified again where possible. Running an interrupted rotation again
resumes it from the observed state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from tokenaudit.errors import AuditError
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Grant, Inspection
from tokenaudit.permissions import label_of, name_of
from tokenaudit.remediate.consumers import ConsumerState, Updater, took
from tokenaudit.remediate.revocation import WAITS, RevocationCandidate, WriteOnlyCache, phrase, revoke_all
from tokenaudit.remediate.rotation.journal import Journal, Record
from tokenaudit.remediate.rotation.verify import (
    Copies,
    Identity,
    check_access,
    compare,
    copies,
    identity_error,
    messages_of,
    overreach,
)
from tokenaudit.secret import Secret
from tokenaudit.text import listed

_TRIES = 4
_SHOWN = 5


class HaltedError(AuditError):
    """A step failed or could not be verified. All steps before it are done, none after it was started."""


@runtime_checkable
class Restartable(Protocol):
    """A consumer that only reads its settings when it starts."""

    def restart(self) -> str:
        """Restarts it and returns its state."""


class TokenMaker(Protocol):
    """Creates the new token with the Hub's API if it belongs to a service account."""

    def make(self, journal: Journal, wanted: Sequence[Grant]) -> Secret:
        """Creates a token with exactly the grants `wanted`.

        An interrupted run can leave tokens whose values nobody knows; they are recorded in `journal`.

        Raises:
            HaltedError: the token was not created, or has other grants.
            UsageError: the API can't express the grants, or the account does not exist.
        """

    def clean_up(self, journal: Journal) -> Sequence[str]:
        """Deletes the tokens whose values were lost, and returns what was done.

        Raises:
            HaltedError: a token could not be deleted.
        """


@dataclass
class Rotation:
    """Everything a rotation needs.

    Args:
        hub: the Hub.
        scanner: the detectors, used to search for copies of the old credential.
        journal: the record, continued from an earlier run or new.
        old: the credential to replace, and its `kind`.
        consumers: the settings that store it, in the order of their update.
        wanted: the exact grants of the new credential.
        new: returns the value of the new credential.
        confirm: asks for confirmation, given the effect and the phrase to type.
        say: prints one line.
        rescan: searches for the old value again and returns the places that still have it.
        dry_run: read everything, change nothing.
        waits: seconds to wait before each check whether the old credential is revoked.
        cache: receives the inspections, for later scans.
        maker: creates the new token instead of `new`.
    """

    hub: Hub
    scanner: Scanner
    journal: Journal
    old: Secret
    kind: str
    consumers: Sequence[Updater]
    wanted: Sequence[Grant]
    new: Callable[[], Secret]
    confirm: Callable[[str, str], bool]
    say: Callable[[str], None]
    now: Callable[[], datetime]
    rescan: Callable[[], Sequence[str]] | None = None
    dry_run: bool = False
    waits: Sequence[float] = WAITS
    cache: WriteOnlyCache | None = None
    maker: TokenMaker | None = None

    def run(self) -> Record:
        """Runs all steps. For a finished rotation, only new consumers and those with the old value are updated.

        Raises:
            HaltedError: a step failed or could not be verified.
            ConsumerError: a consumer can't be read or updated.
            ConfigurationError: a token of the auditor is missing, or the journal can't be written.
        """
        todo = self.consumers
        if self.journal.record.finished_at is not None:
            todo = left_to_do(self.journal.record, self.consumers)
            if not todo:
                return self.journal.record
            self.journal.change(finished_at=None)
        old = self._identify()
        dead = old.dead
        self._survey()
        if self.dry_run:
            self._preview(dead=dead)
            return self.journal.record
        if self.journal.record.mode == "planned" and not dead:
            self._check_for_unread("unread", "Look for places that can't be read")
        if self.journal.record.mode == "breach" and not dead:
            self._revoke("contain", "Revoke the old token now", old)
        new = self._verify_new(old)
        for consumer in todo:
            self._move(step_of(consumer), consumer, new)
        self._restart()
        self._check_for_copies(revoked=dead or self.journal.record.mode == "breach")
        if self.journal.record.mode == "planned" and not dead:
            self._revoke("revoke", "Revoke the old token", old)
        self._verify_revocation(new)
        for line in self.maker.clean_up(self.journal) if self.maker is not None else ():
            self.say(line)
        self.journal.change(finished_at=self.now())
        return self.journal.record

    def _identify(self) -> Inspection:
        found = self._inspect(self.old, self.kind)
        if found.status == "unknown":
            title = "Identify the owner"
            raise self._halted(title, "identify", f"owner unknown: {found.reason}; try again later")
        account = found.account.name if found.account else None
        if account is not None and self.journal.record.account is None:
            self.journal.change(account=account)
        who = f"{account}, role {found.role}" if account else found.reason
        self._done("identify", "Identify the owner", f"{self.old.display} is {found.status}: {who}")
        return found

    def _survey(self) -> None:
        """Reads every consumer before anything is changed, and records its first state."""
        for consumer in self.consumers:
            name, title = step_of(consumer), f"Read {consumer.where}"
            seen = consumer.look()
            if not seen.exists and not seen.detail and self.journal.entry(name) is None:
                raise self._halted(title, name, f"{consumer.kind} {consumer.where} does not exist")
            if self.journal.entry(f"seen {name}") is None:
                detail = seen.detail or ("exists" if seen.exists else "does not exist yet")
                self.journal.note(f"seen {name}", title, "done", detail, before=seen.updated_at)

    def _preview(self, *, dead: bool) -> None:
        first = self.journal.record.mode == "breach"
        if first and not dead:
            self.say(f"would revoke {self.old.display} first")
        how = "create the new token of the service account" if self.maker is not None else "ask for the new token"
        self.say(f"would {how} with the grants: " + (_listed(self.wanted) or "(unknown; pass --grant)"))
        for consumer in self.consumers:
            seen = consumer.look()
            held = ""
            if seen.fingerprint is not None:
                held = "; has the old value" if seen.holds(self.old.fingerprint) else "; has ANOTHER value"
            self.say(f"would update {consumer.kind} {consumer.where}{f' ({seen.detail})' if seen.detail else ''}{held}")
        found = self._copies()
        if found.places:
            self.say(f"old value found in {_some(found.places)}; would stop before the revocation if a copy is left")
        for skipped in found.skipped:
            first_word = "" if first or dead else "would stop before any change: "
            self.say(f"{first_word}{skipped.where}: {skipped.reason}")
        if not first and not dead:
            self.say(f"would revoke {self.old.display} last")

    def _verify_new(self, old: Inspection) -> Secret:
        title = "Verify the new token"
        if not self.wanted:
            reason = "the required grants are unknown; pass them with --grant (`tokenaudit plan` shows them)"
            raise self._halted(title, "new", reason)
        new = self.maker.make(self.journal, self.wanted) if self.maker is not None else self.new()
        if new == self.old:
            raise self._halted(
                title,
                "new",
                "the new token is the same as the old one; create a new token instead of refreshing the old one",
            )
        known = self.journal.record.new_fingerprint
        if known is not None and self.maker is not None:
            self._deliver_again()
        elif known is not None and known != new.fingerprint:
            reason = f"this rotation started with {self.journal.record.new_display}; continue with that token"
            raise self._halted(title, "new", reason)
        found = self._inspect(new, "user_token")
        # A service account differs from the owner of the old token.
        expected = (None, None) if self.maker is not None else (old, self.journal.record.account)
        error = identity_error(found, *expected)
        if error is not None:
            raise self._halted(title, "new", error)
        compared = compare(found, self.wanted)
        if compared.missing or compared.extra:
            missing = f"missing {', '.join(compared.missing)}" if compared.missing else ""
            extra = f"in excess {', '.join(compared.extra)}" if compared.extra else ""
            reason = f"the grants of the new token differ: {'; '.join(part for part in (missing, extra) if part)}"
            raise self._halted(title, "new", reason)
        allowed, results = check_access(self.hub, new, self.wanted)
        excess = overreach(self.hub, new, self.wanted, self._identities(new, found, old))
        results = (*results, *messages_of(excess))
        if allowed is False or excess.opened:
            what = "the new token has excess access: " if excess.opened else ""
            raise self._halted(title, "new", f"access check failed: {what}{'; '.join(results)}")
        if allowed is None or excess.unsettled:
            raise self._halted(title, "new", f"access check incomplete: {'; '.join(results)}")
        self.journal.change(new_fingerprint=new.fingerprint, new_display=new.display)
        self._done("new", title, "; ".join([f"{new.display}: same account, exactly the required grants", *results]))
        return new

    def _deliver_again(self) -> None:
        """Discards which consumers an interrupted run updated: the value that they have is deleted at the end."""
        again = ("consumer ", "seen consumer ", "restart ")
        kept = tuple(entry for entry in self.journal.record.entries if not entry.id.startswith(again))
        self.journal.change(entries=kept, new_fingerprint=None, new_display=None)
        self._survey()

    def _identities(self, new: Secret, found: Inspection, old: Inspection) -> list[Identity]:
        """The credentials that list repositories: the new one, the old one while active, the auditor's token."""
        identities = [Identity(new, found)]
        if old.status == "active":
            identities.append(Identity(self.old, old))
        if self.hub.own is not None and self.hub.own.secret not in {new, self.old}:
            identities.append(Identity(self.hub.own.secret, self._inspect(self.hub.own.secret, "user_token")))
        return identities

    def _move(self, name: str, consumer: Updater, new: Secret) -> None:
        title = f"Update {consumer.where}"
        entry = self.journal.entry(name)
        seen = consumer.look()
        first = self.journal.entry(f"seen {name}")
        before = ConsumerState(
            exists=first is not None and first.before is not None, updated_at=first.before if first else None
        )
        if seen.holds(new.fingerprint) and not seen.holds(self.old.fingerprint):
            self._done(name, title, "has the new value")
            return
        made = self.journal.record.service_token.made if self.journal.record.service_token else ()
        current = self.old.fingerprint
        if seen.fingerprint in made and seen.fingerprint is not None:
            current = seen.fingerprint
        if seen.fingerprint is not None and not seen.holds(current):
            raise self._halted(title, name, "it has neither the old nor the new value; it was changed by someone else")
        if entry is not None and entry.state == "done" and seen.fingerprint is None:
            if seen.updated_at == entry.after:
                self.say(f"{title}: already done")
                return
            raise self._halted(title, name, "it was changed after its update; check it, then start a new rotation")
        if entry is None and first is not None and seen.updated_at != first.before:
            raise self._halted(title, name, "it was changed after the start of this rotation; check it first")
        self.say(f"updating {consumer.kind} {consumer.where}" + (f" ({seen.detail})" if seen.detail else ""))
        self.journal.note(name, title, "begun", before=before.updated_at)
        consumer.update(current, new)
        for attempt in range(_TRIES):
            if attempt:
                self.hub.rate_limiter.sleep(float(attempt))
            after = consumer.look()
            evidence = took(before, after, current, new)
            if evidence is not None:
                self._done(name, title, evidence, before=before.updated_at, after=after.updated_at)
                return
        raise self._halted(title, name, "the update was accepted, but can't be verified")

    def _restart(self) -> None:
        for consumer in self.consumers:
            name, title = f"restart {consumer.where}", f"Restart {consumer.where}"
            entry = self.journal.entry(name)
            if isinstance(consumer, Restartable) and (entry is None or entry.state != "done"):
                state = consumer.restart()
                if "ERROR" in state.upper():
                    raise self._halted(title, name, state)
                self._done(name, title, state)

    def _check_for_copies(self, *, revoked: bool) -> None:
        """Stops if the content next to a consumer still has the old value, under another name or encoded.

        What can't be read stops it too, unless the old value is `revoked` already.
        """
        name, title = "copies", "Search for copies of the old value"
        found = self._copies()
        if found.places:
            reason = (
                f"old value found in {_some(found.places)}; replace it there, or add a --consumer for it, and run the "
                "same command again"
            )
            raise self._halted(title, name, reason)
        if found.skipped and not revoked:
            self._check_for_unread(name, title)
        unread = "".join(f"; {skipped.where}: not read ({skipped.reason})" for skipped in found.skipped)
        self._done(name, title, f"none in the updated files and settings{unread}")

    def _check_for_unread(self, name: str, title: str) -> None:
        """Stops if content next to a consumer could not be searched for copies of the old value.

        Checked before any change, so that consumers can be passed in another form while the old value still works.
        """
        skipped = self._copies().skipped
        if skipped:
            reason = "; ".join(f"{each.where}: {each.reason}" for each in skipped)
            raise self._halted(title, name, f"not searched for copies of the old value: {reason}")

    def _copies(self) -> Copies:
        contents = (content for consumer in self.consumers for content in consumer.contents())
        return copies(self.old, contents, self.scanner)

    def _revoke(self, name: str, title: str, old: Inspection) -> None:
        candidate = RevocationCandidate(self.old, self.kind, old)
        consumers = ", ".join(c.where for c in self.consumers) or "none known"
        what = f"{self.old.display} will be revoked permanently at {self.hub.endpoint}; consumers: {consumers}"
        if not self.confirm(what, phrase([candidate])):
            raise self._halted(title, name, "not confirmed; not revoked")
        self.journal.note(name, title, "begun")
        (outcome,) = revoke_all([candidate], self.hub, now=self.now, waits=self.waits, cache=self.cache)
        if outcome.result not in {"revoked", "already-dead"}:
            raise self._halted(title, name, outcome.reason)
        self._done(name, title, outcome.reason)

    def _verify_revocation(self, new: Secret) -> None:
        title = "Verify the revocation"
        old, fresh = self._inspect(self.old, self.kind), self._inspect(new, "user_token")
        if not old.dead:
            raise self._halted(title, "gone", f"the old token is {old.status}: {old.reason}")
        if fresh.status != "active":
            raise self._halted(title, "gone", f"the new token is {fresh.status}: {fresh.reason}")
        copies_left = list(self.rescan()) if self.rescan is not None else None
        left = "no rescan requested" if copies_left is None else "no copy of the old value left"
        if copies_left:
            left = f"invalid copies left in {_some(copies_left)}"
        self._done("gone", title, f"the old token is rejected, the new token is active; {left}")

    def _inspect(self, secret: Secret, kind: str) -> Inspection:
        return dict(inspect_credentials([(kind, secret)], self.hub, now=self.now, cache=self.cache))[secret.fingerprint]

    def _done(
        self, name: str, title: str, evidence: str, *, before: datetime | None = None, after: datetime | None = None
    ) -> None:
        self.journal.note(name, title, "done", evidence, before=before, after=after)
        self.say(f"{title}: {evidence}")

    def _halted(self, title: str, name: str, reason: str) -> HaltedError:
        entry = self.journal.entry(name)
        if entry is None or entry.state != "begun":
            self.journal.note(f"halt {name}", title, "failed", reason)
        return HaltedError(f"{title}: {reason}")


def step_of(consumer: Updater) -> str:
    """The id of the step that updates `consumer`."""
    return f"consumer {consumer.kind} {consumer.where}"


def left_to_do(record: Record, consumers: Sequence[Updater]) -> Sequence[Updater]:
    """The consumers that `record` has not updated, or that have the old value again, if readable.

    Raises:
        ConsumerError: a consumer can't be read.
    """
    left = []
    for consumer in consumers:
        entry = record.entry(step_of(consumer))
        is_done = entry is not None and entry.state == "done"
        shows_value = entry is not None and entry.after is None
        if not is_done or (shows_value and consumer.look().holds(record.fingerprint)):
            left.append(consumer)
    return left


def _listed(wanted: Sequence[Grant]) -> str:
    return "; ".join(f"{', '.join(label_of(p) for p in g.permissions)} on {name_of(g.entity)}" for g in wanted)


def _some(places: Sequence[str]) -> str:
    return listed(list(places), _SHOWN)
