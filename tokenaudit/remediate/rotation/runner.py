"""One credential on its way: identified, replaced, moved out of every consumer, revoked, proven gone.

No step is trusted because the journal says that it was done: what can be looked at again is looked at again. A rotation
that was cut off anywhere is run again, and continues from what it sees.
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
from tokenaudit.remediate.rotation.overreach import Identity, overreach, said_of
from tokenaudit.remediate.rotation.verify import Copies, access_problems, compare, copies, identity_trouble
from tokenaudit.secret import Secret

_TRIES = 4
_SHOWN = 5


class HaltedError(AuditError):
    """A step could not be done or proven. Everything before it is done, nothing after it was touched."""


@runtime_checkable
class Restartable(Protocol):
    """A consumer that reads its settings when it starts."""

    def restart(self) -> str:
        """Restarts it and says what it is doing then."""


@dataclass
class Rotation:
    """Everything a rotation needs.

    Args:
        hub: the Hub.
        scanner: the detectors, which look for copies of the old credential.
        journal: the record, continued from an earlier run or new.
        old: the credential to be replaced, and its `kind`.
        consumers: what holds it, in the order in which they are moved.
        wanted: what the new one has to be able to do, no more and no less.
        new: asks for the new credential's value.
        confirm: asks for a go-ahead, given what is about to happen and the phrase to be typed.
        say: tells one line.
        rescan: looks for the old value again and names the places that still hold it.
        dry_run: look at everything, change nothing.
        waits: seconds between the questions whether the old credential is dead.
        cache: told what the Hub says, for later scans.
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

    def run(self) -> Record:
        """Walks to the end. Of a rotation that is finished only what has come since is done.

        Raises:
            HaltedError: a step could not be done or proven.
            ConsumerError: a consumer refused.
            ConfigurationError: a token of the auditor's is missing, or the journal can't be written.
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
            self._foresee(dead=dead)
            return self.journal.record
        if self.journal.record.mode == "planned" and not dead:
            self._check_for_unread("unread", "Look for places that can't be read")
        if self.journal.record.mode == "breach" and not dead:
            self._revoke("contain", "Contain: revoke the old one", old)
        new = self._prove_new(old)
        for consumer in todo:
            self._move(step_of(consumer), consumer, new)
        self._restart()
        self._check_for_copies(revoked=dead or self.journal.record.mode == "breach")
        if self.journal.record.mode == "planned" and not dead:
            self._revoke("revoke", "Revoke the old one", old)
        self._prove_gone(new)
        self.journal.change(finished_at=self.now())
        return self.journal.record

    def _identify(self) -> Inspection:
        found = self._inspect(self.old, self.kind)
        if found.status == "unknown":
            title = "Know whose it is"
            raise self._halted(title, "identify", f"the Hub does not say: {found.reason}; try again later")
        account = found.account.name if found.account else None
        if account is not None and self.journal.record.account is None:
            self.journal.change(account=account)
        who = f"{account}, role {found.role}" if account else found.reason
        self._done("identify", "Know whose it is", f"{self.old.display} is {found.status}: {who}")
        return found

    def _survey(self) -> None:
        """Looks at every consumer before anything is changed, and remembers what it saw the first time."""
        for consumer in self.consumers:
            name, title = step_of(consumer), f"Look at {consumer.where}"
            seen = consumer.look()
            if not seen.exists and not seen.detail and self.journal.entry(name) is None:
                raise self._halted(title, name, f"there is no {consumer.kind} {consumer.where}")
            if self.journal.entry(f"seen {name}") is None:
                detail = seen.detail or ("it exists" if seen.exists else "it does not exist yet")
                self.journal.note(f"seen {name}", title, "done", detail, before=seen.updated_at)

    def _foresee(self, *, dead: bool) -> None:
        first = self.journal.record.mode == "breach"
        if first and not dead:
            self.say(f"would revoke {self.old.display} first")
        self.say("would ask for the new token, which has to be able to: " + (_listed(self.wanted) or "(not known yet)"))
        for consumer in self.consumers:
            seen = consumer.look()
            held = ""
            if seen.fingerprint is not None:
                held = "; holds the old value" if seen.holds(self.old.fingerprint) else "; holds ANOTHER value"
            self.say(f"would update {consumer.kind} {consumer.where}{f' ({seen.detail})' if seen.detail else ''}{held}")
        found = self._copies()
        if found.places:
            self.say(f"the old value is in {_some(found.places)}; would stop before revoking if one of them keeps it")
        for skipped in found.skipped:
            first_word = "" if first or dead else "would stop before anything is changed: "
            self.say(f"{first_word}{skipped.where}: {skipped.reason}")
        if not first and not dead:
            self.say(f"would revoke {self.old.display} last")

    def _prove_new(self, old: Inspection) -> Secret:
        title = "Prove the new one"
        if not self.wanted:
            reason = "what the new token should be able to do is not known: say it with --grant (`plan` shows it)"
            raise self._halted(title, "new", reason)
        new = self.new()
        if new == self.old:
            raise self._halted(title, "new", "the new token is the old one: create another, never refresh")
        known = self.journal.record.new_fingerprint
        if known is not None and known != new.fingerprint:
            reason = f"this rotation began with {self.journal.record.new_display}: go on with that one"
            raise self._halted(title, "new", reason)
        found = self._inspect(new, "user_token")
        trouble = identity_trouble(found, old, self.journal.record.account)
        if trouble is not None:
            raise self._halted(title, "new", trouble)
        compared = compare(found, self.wanted)
        if compared.missing or compared.extra:
            lacks = f"it lacks {', '.join(compared.missing)}" if compared.missing else ""
            beyond = f"it has beyond that {', '.join(compared.extra)}" if compared.extra else ""
            reason = f"the new token is not what was asked for: {'; '.join(w for w in (lacks, beyond) if w)}"
            raise self._halted(title, "new", reason)
        right, said = access_problems(self.hub, new, self.wanted)
        tried = overreach(self.hub, new, self.wanted, self._identities(new, found, old))
        said = (*said, *said_of(tried))
        if right is False or tried.opened:
            what = "the new token can do what it should not: " if tried.opened else ""
            raise self._halted(title, "new", f"access check failed: {what}{'; '.join(said)}")
        if right is None or tried.unsettled:
            raise self._halted(title, "new", f"the Hub did not answer every access check: {'; '.join(said)}")
        self.journal.change(new_fingerprint=new.fingerprint, new_display=new.display)
        self._done("new", title, "; ".join([f"{new.display}: same account, exactly the rights asked for", *said]))
        return new

    def _identities(self, new: Secret, found: Inspection, old: Inspection) -> list[Identity]:
        """Who can say what the new credential should not reach: itself, the old one while it lives, the auditor."""
        identities = [Identity(new, found)]
        if old.status == "active":
            identities.append(Identity(self.old, old))
        if self.hub.own is not None and self.hub.own.secret not in {new, self.old}:
            identities.append(Identity(self.hub.own.secret, self._inspect(self.hub.own.secret, "user_token")))
        return identities

    def _move(self, name: str, consumer: Updater, new: Secret) -> None:
        title = f"Move {consumer.where}"
        entry = self.journal.entry(name)
        seen = consumer.look()
        first = self.journal.entry(f"seen {name}")
        before = ConsumerState(
            exists=first is not None and first.before is not None, updated_at=first.before if first else None
        )
        if seen.holds(new.fingerprint) and not seen.holds(self.old.fingerprint):
            self._done(name, title, "it holds the new value")
            return
        if seen.fingerprint is not None and not seen.holds(self.old.fingerprint):
            raise self._halted(title, name, "it holds neither the old nor the new value: someone else has changed it")
        if entry is not None and entry.state == "done" and seen.fingerprint is None:
            if seen.updated_at == entry.after:
                self.say(f"done already: {title}")
                return
            raise self._halted(title, name, "someone has changed it since it was moved: look at it, then begin anew")
        if entry is None and first is not None and seen.updated_at != first.before:
            raise self._halted(title, name, "someone has changed it since this rotation began: look at it first")
        self.say(f"updating {consumer.kind} {consumer.where}" + (f" ({seen.detail})" if seen.detail else ""))
        self.journal.note(name, title, "begun", before=before.updated_at)
        consumer.update(self.old.fingerprint, new)
        for attempt in range(_TRIES):
            if attempt:
                self.hub.rate_limiter.sleep(float(attempt))
            after = consumer.look()
            proof = took(before, after, self.old.fingerprint, new)
            if proof is not None:
                self._done(name, title, proof, before=before.updated_at, after=after.updated_at)
                return
        raise self._halted(title, name, "the update was accepted, but nothing shows that it arrived")

    def _restart(self) -> None:
        for consumer in self.consumers:
            name, title = f"restart {consumer.where}", f"Restart {consumer.where}"
            entry = self.journal.entry(name)
            if isinstance(consumer, Restartable) and (entry is None or entry.state != "done"):
                said = consumer.restart()
                if "ERROR" in said.upper():
                    raise self._halted(title, name, said)
                self._done(name, title, said)

    def _check_for_copies(self, *, revoked: bool) -> None:
        """Stops where a place that was changed still holds the old value, under another name or encoded.

        What can't be read stops it too, unless the old value is `revoked` already.
        """
        name, title = "copies", "Look for copies of the old value"
        found = self._copies()
        if found.places:
            reason = (
                f"the old value is still in {_some(found.places)}; replace it there, or name it with a further "
                "--consumer, and run the same command again"
            )
            raise self._halted(title, name, reason)
        if found.skipped and not revoked:
            self._check_for_unread(name, title)
        unread = "".join(f"; {skipped.where}: not read ({skipped.reason})" for skipped in found.skipped)
        self._done(name, title, f"none in the places that were changed{unread}")

    def _check_for_unread(self, name: str, title: str) -> None:
        """Stops where a copy of the old value could be left that nobody would see.

        Done before anything is changed, so that the consumers can be named otherwise while the old value still works.
        """
        skipped = self._copies().skipped
        if skipped:
            reason = "; ".join(f"{each.where}: {each.reason}" for each in skipped)
            raise self._halted(title, name, f"a copy of the old value could be left where nothing shows it: {reason}")

    def _copies(self) -> Copies:
        contents = (content for consumer in self.consumers for content in consumer.contents())
        return copies(self.old, contents, self.scanner)

    def _revoke(self, name: str, title: str, old: Inspection) -> None:
        candidate = RevocationCandidate(self.old, self.kind, old)
        held = ", ".join(c.where for c in self.consumers) or "no known consumer"
        what = f"{self.old.display} will be revoked for good at {self.hub.endpoint}; it was held by {held}"
        if not self.confirm(what, phrase([candidate])):
            raise self._halted(title, name, "not confirmed: nothing was revoked")
        self.journal.note(name, title, "begun")
        (outcome,) = revoke_all([candidate], self.hub, now=self.now, waits=self.waits, cache=self.cache)
        if outcome.result not in {"revoked", "already-dead"}:
            raise self._halted(title, name, outcome.reason)
        self._done(name, title, outcome.reason)

    def _prove_gone(self, new: Secret) -> None:
        title = "Prove that the old one is gone and the new one works"
        old, fresh = self._inspect(self.old, self.kind), self._inspect(new, "user_token")
        if not old.dead:
            raise self._halted(title, "gone", f"the old token is {old.status}: {old.reason}")
        if fresh.status != "active":
            raise self._halted(title, "gone", f"the new token is {fresh.status}: {fresh.reason}")
        again = list(self.rescan()) if self.rescan is not None else None
        left = "no place was scanned again" if again is None else "no copy of the old value is left"
        if again:
            left = f"dead copies are left in {_some(again)}"
        self._done("gone", title, f"the Hub refuses the old one and knows the new one; {left}")

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
    """The id of the step that moves `consumer`."""
    return f"consumer {consumer.kind} {consumer.where}"


def left_to_do(record: Record, consumers: Sequence[Updater]) -> Sequence[Updater]:
    """The consumers that `record` has not moved, or that hold the old value again, where they show theirs.

    Raises:
        ConsumerError: one can't be asked.
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
    return f"{', '.join(places[:_SHOWN])}{f' and {len(places) - _SHOWN} more' if len(places) > _SHOWN else ''}"
