"""Runs a rotation: identify, verify the new credential, update every consumer, revoke, verify the revocation.

The journal alone is not evidence: every step is verified again where possible. Running an interrupted rotation again
resumes it from the observed state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Grant, Inspection
from tokenaudit.remediate.consumers import ConsumerState, Updater, took
from tokenaudit.remediate.revocation import WAITS, RevocationCandidate, WriteOnlyCache, phrase, revoke_all
from tokenaudit.remediate.rotation.journal import Journal, Record
from tokenaudit.remediate.rotation.survey import ConsumerSurvey, left_to_do, some, step_of
from tokenaudit.remediate.rotation.verify import (
    Identity,
    check_access,
    compare,
    identity_error,
    messages_of,
    overreach,
)
from tokenaudit.secret import Secret

_TRIES = 4


@runtime_checkable
class Restartable(Protocol):
    """A consumer that only reads its settings when it starts."""

    def restart(self) -> str:
        """Restarts it and returns its state."""


class TokenMaker(Protocol):
    """Creates the new token with the Hub's API if it belongs to a service account."""

    def check(self, wanted: Sequence[Grant]) -> None:
        """Checks that a token with the grants `wanted` can be described to the API, before anything is changed.

        Raises:
            HaltedError: the Hub does not return the id of a repository.
            UsageError: the API can't express the grants.
        """

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
        check_new: checks, before anything is changed, that `new` has a value unless it asks for one.
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
    check_new: Callable[[], object] = lambda: None

    def run(self) -> Record:
        """Runs all steps. For a finished rotation, only new consumers and those with the old value are updated.

        What can be checked without a change is checked first. In the mode `breach` a consumer that can't be written
        does not delay the revocation: it is reported before, and the rotation stops after it.

        Raises:
            HaltedError: a step failed or could not be verified.
            ConsumerError: a consumer can't be read or updated.
            UsageError: the new credential is missing or not one.
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
        if self.dry_run:
            self._survey.preview(todo, self.wanted, self.say, dead=dead)
            return self.journal.record
        self._prepare(todo, old)
        new = self._verify_new(old, todo)
        for consumer in todo:
            self._current(consumer, new)
        for consumer in todo:
            self._move(consumer, new)
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
            raise self.journal.halted(title, "identify", f"owner unknown: {found.reason}; try again later")
        account = found.account.name if found.account else None
        if account is not None and self.journal.record.account is None:
            self.journal.change(account=account)
        who = f"{account}, role {found.role}" if account else found.reason
        self._done("identify", "Identify the owner", f"{self.old.display} is {found.status}: {who}")
        return found

    @property
    def _survey(self) -> ConsumerSurvey:
        return ConsumerSurvey(
            self.journal, self.scanner, self.old, self.consumers, self.hub.own, self.maker is not None, self.dry_run
        )

    def _prepare(self, todo: Sequence[Updater], old: Inspection) -> None:
        """Checks everything that needs no change, and in the mode `breach` revokes the old token."""
        is_breach = self.journal.record.mode == "breach"
        if not is_breach or old.dead:
            self._survey.check(todo)
        if not is_breach and not old.dead:
            self._survey.check_for_unread("unread", "Look for places that can't be read")
        self._check_new()
        if is_breach and not old.dead:
            for skipped in self._survey.unread():
                self.say(f"can't be searched for copies of the old value: {skipped.where}: {skipped.reason}")
            self._revoke("contain", "Revoke the old token now", old, self._survey.problems(todo))
            self._survey.check(todo)

    def _check_new(self) -> None:
        """Stops if the new token can't be created or was not given, unless the run asks for it."""
        if not self.wanted:
            title = "Verify the new token"
            reason = "the required grants are unknown; pass them with --grant (`tokenaudit plan` shows them)"
            raise self.journal.halted(title, "new", reason)
        if self.maker is not None:
            self.maker.check(self.wanted)
        else:
            self.check_new()

    def _verify_new(self, old: Inspection, todo: Sequence[Updater]) -> Secret:
        title = "Verify the new token"
        new = self.maker.make(self.journal, self.wanted) if self.maker is not None else self.new()
        if new == self.old:
            raise self.journal.halted(
                title,
                "new",
                "the new token is the same as the old one; create a new token instead of refreshing the old one",
            )
        known = self.journal.record.new_fingerprint
        if known is not None and self.maker is not None:
            self._deliver_again(todo)
        elif known is not None and known != new.fingerprint:
            reason = f"this rotation started with {self.journal.record.new_display}; continue with that token"
            raise self.journal.halted(title, "new", reason)
        found = self._inspect(new, "user_token")
        # A service account differs from the owner of the old token.
        expected = (None, None) if self.maker is not None else (old, self.journal.record.account)
        error = identity_error(found, *expected)
        if error is not None:
            raise self.journal.halted(title, "new", error)
        compared = compare(found, self.wanted)
        if compared.missing or compared.extra:
            missing = f"missing {', '.join(compared.missing)}" if compared.missing else ""
            extra = f"in excess {', '.join(compared.extra)}" if compared.extra else ""
            reason = f"the grants of the new token differ: {'; '.join(part for part in (missing, extra) if part)}"
            raise self.journal.halted(title, "new", reason)
        allowed, results = check_access(self.hub, new, self.wanted)
        excess = overreach(self.hub, new, self.wanted, self._identities(new, found, old))
        results = (*results, *messages_of(excess))
        if allowed is False or excess.opened:
            what = "the new token has excess access: " if excess.opened else ""
            raise self.journal.halted(title, "new", f"access check failed: {what}{'; '.join(results)}")
        if allowed is None or excess.unsettled:
            raise self.journal.halted(title, "new", f"access check incomplete: {'; '.join(results)}")
        self.journal.change(new_fingerprint=new.fingerprint, new_display=new.display)
        self._done("new", title, "; ".join([f"{new.display}: same account, exactly the required grants", *results]))
        return new

    def _deliver_again(self, todo: Sequence[Updater]) -> None:
        """Discards which consumers an interrupted run updated: the value that they have is deleted at the end."""
        again = ("consumer ", "seen consumer ", "restart ")
        kept = tuple(entry for entry in self.journal.record.entries if not entry.id.startswith(again))
        self.journal.change(entries=kept, new_fingerprint=None, new_display=None)
        self._survey.check(todo)

    def _identities(self, new: Secret, found: Inspection, old: Inspection) -> list[Identity]:
        """The credentials that list repositories: the new one, the old one while active, the auditor's token."""
        identities = [Identity(new, found)]
        if old.status == "active":
            identities.append(Identity(self.old, old))
        if self.hub.own is not None and self.hub.own.secret not in {new, self.old}:
            identities.append(Identity(self.hub.own.secret, self._inspect(self.hub.own.secret, "user_token")))
        return identities

    def _current(self, consumer: Updater, new: Secret) -> tuple[ConsumerState, str | None]:
        """The state of a consumer, and the fingerprint of the value to replace; None if it has the new value.

        Raises:
            HaltedError: someone else changed it.
            ConsumerError: it can't be read.
        """
        name, title = step_of(consumer), f"Update {consumer.where}"
        entry, first = self.journal.entry(name), self.journal.entry(f"seen {name}")
        seen = consumer.look()
        if seen.holds(new.fingerprint) and not seen.holds(self.old.fingerprint):
            return seen, None
        made = self.journal.record.service_token.made if self.journal.record.service_token else ()
        current = self.old.fingerprint
        if seen.fingerprint in made and seen.fingerprint is not None:
            current = seen.fingerprint
        if seen.fingerprint is not None and not seen.holds(current):
            raise self.journal.halted(
                title, name, "it has neither the old nor the new value; it was changed by someone else"
            )
        if entry is not None and entry.state == "done" and seen.fingerprint is None:
            if seen.updated_at == entry.after:
                return seen, None
            raise self.journal.halted(
                title, name, "it was changed after its update; check it, then start a new rotation"
            )
        if entry is None and first is not None and seen.updated_at != first.before:
            raise self.journal.halted(title, name, "it was changed after the start of this rotation; check it first")
        return seen, current

    def _move(self, consumer: Updater, new: Secret) -> None:
        name, title = step_of(consumer), f"Update {consumer.where}"
        seen, current = self._current(consumer, new)
        if current is None:
            if seen.fingerprint is None:
                self.say(f"{title}: already done")
            else:
                self._done(name, title, "has the new value")
            return
        first = self.journal.entry(f"seen {name}")
        before = ConsumerState(
            exists=first is not None and first.before is not None, updated_at=first.before if first else None
        )
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
        raise self.journal.halted(title, name, "the update was accepted, but can't be verified")

    def _restart(self) -> None:
        for consumer in self.consumers:
            name, title = f"restart {consumer.where}", f"Restart {consumer.where}"
            entry = self.journal.entry(name)
            if isinstance(consumer, Restartable) and (entry is None or entry.state != "done"):
                state = consumer.restart()
                if "ERROR" in state.upper():
                    raise self.journal.halted(title, name, state)
                self._done(name, title, state)

    def _check_for_copies(self, *, revoked: bool) -> None:
        """Stops if the content next to a consumer still has the old value, under another name or encoded.

        What can't be read stops it too, unless the old value is `revoked` already.
        """
        name, title = "copies", "Search for copies of the old value"
        found = self._survey.copies()
        if found.places:
            reason = (
                f"old value found in {some(found.places)}; replace it there, or add a --consumer for it, and run the "
                "same command again"
            )
            raise self.journal.halted(title, name, reason)
        if found.skipped and not revoked:
            self._survey.check_for_unread(name, title)
        unread = "".join(f"; {skipped.where}: not read ({skipped.reason})" for skipped in found.skipped)
        self._done(name, title, f"none in the updated files and settings{unread}")

    def _revoke(self, name: str, title: str, old: Inspection, problems: Sequence[str] = ()) -> None:
        candidate = RevocationCandidate(self.old, self.kind, old)
        consumers = ", ".join(c.where for c in self.consumers) or "none known"
        what = f"{self.old.display} will be revoked permanently at {self.hub.endpoint}; consumers: {consumers}"
        for problem in problems:
            self.say(f"can't be updated yet: {problem}")
        if problems:
            what += "; the rotation stops after that, since not all of them can be updated yet"
        if not self.confirm(what, phrase([candidate])):
            raise self.journal.halted(title, name, "not confirmed; not revoked")
        self.journal.note(name, title, "begun")
        (outcome,) = revoke_all([candidate], self.hub, now=self.now, waits=self.waits, cache=self.cache)
        if outcome.result not in {"revoked", "already-dead"}:
            raise self.journal.halted(title, name, outcome.reason)
        self._done(name, title, outcome.reason)

    def _verify_revocation(self, new: Secret) -> None:
        title = "Verify the revocation"
        old, fresh = self._inspect(self.old, self.kind), self._inspect(new, "user_token")
        if not old.dead:
            raise self.journal.halted(title, "gone", f"the old token is {old.status}: {old.reason}")
        if fresh.status != "active":
            raise self.journal.halted(title, "gone", f"the new token is {fresh.status}: {fresh.reason}")
        copies_left = list(self.rescan()) if self.rescan is not None else None
        left = "no rescan requested" if copies_left is None else "no copy of the old value left"
        if copies_left:
            left = f"invalid copies left in {some(copies_left)}"
        self._done("gone", title, f"the old token is rejected, the new token is active; {left}")

    def _inspect(self, secret: Secret, kind: str) -> Inspection:
        return dict(inspect_credentials([(kind, secret)], self.hub, now=self.now, cache=self.cache))[secret.fingerprint]

    def _done(
        self, name: str, title: str, evidence: str, *, before: datetime | None = None, after: datetime | None = None
    ) -> None:
        self.journal.note(name, title, "done", evidence, before=before, after=after)
        self.say(f"{title}: {evidence}")
