"""Checks the consumers of a rotation before anything is changed: each can be read, can be written, hides no copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tokenaudit.hub.credentials import AuditorToken
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Grant, Skipped
from tokenaudit.permissions import label_of, name_of
from tokenaudit.remediate.consumers import ConsumerError, Updater
from tokenaudit.remediate.rotation.journal import HaltedError, Journal, Record
from tokenaudit.remediate.rotation.verify import Copies, copies
from tokenaudit.secret import Secret
from tokenaudit.text import listed

_SHOWN = 5


@dataclass(frozen=True)
class ConsumerSurvey:
    """The consumers of one rotation, as read before a change.

    Args:
        journal: receives their first state.
        scanner: the detectors, used to search for copies of the old credential.
        old: the credential to replace.
        consumers: the settings that store it.
        own: the token that consumers and service accounts are changed with.
        uses_api: whether the new token is created by the Hub's API.
        dry_run: change nothing, not even for a check.
    """

    journal: Journal
    scanner: Scanner
    old: Secret
    consumers: Sequence[Updater]
    own: AuditorToken | None
    uses_api: bool
    dry_run: bool

    def check(self, todo: Sequence[Updater]) -> None:
        """Reads every consumer, records its first state, and checks that those in `todo` can be written.

        Raises:
            HaltedError: a consumer does not exist.
            ConsumerError: a consumer can't be read or written.
        """
        for consumer in self.consumers:
            self._check(consumer, is_to_do=consumer in todo)

    def problems(self, todo: Sequence[Updater]) -> list[str]:
        """What would stop the rotation after the revocation, without stopping for it."""
        found = (self._problem(consumer, is_to_do=consumer in todo) for consumer in self.consumers)
        problems = [problem for problem in found if problem is not None]
        own = self.own
        needed_for = [consumer.where for consumer in todo if consumer.kind == "space-secret"]
        needed_for += ["the service account"] if self.uses_api else []
        if self.journal.record.mode == "breach" and own is not None and own.secret == self.old and needed_for:
            problems.append(
                f"your own token ({own.origin}) is the one to be revoked, and can't change {some(needed_for)} after "
                "that; set HF_TOKEN to another one"
            )
        return problems

    def _problem(self, consumer: Updater, *, is_to_do: bool) -> str | None:
        try:
            self._check(consumer, is_to_do=is_to_do)
        except (HaltedError, ConsumerError) as error:
            return str(error)
        return None

    def _check(self, consumer: Updater, *, is_to_do: bool) -> None:
        name, title = step_of(consumer), f"Read {consumer.where}"
        entry = self.journal.entry(name)
        try:
            seen = consumer.look()
            is_left = entry is None or entry.state != "done" or self.uses_api or seen.holds(self.old.fingerprint)
            is_missing = not seen.exists and not seen.detail and entry is None
            if is_to_do and is_left and not is_missing:
                consumer.check_writable(dry_run=self.dry_run)
        except ConsumerError as error:
            self.journal.halted(title, name, str(error))
            raise
        if is_missing:
            raise self.journal.halted(title, name, f"{consumer.kind} {consumer.where} does not exist")
        if self.journal.entry(f"seen {name}") is None:
            detail = seen.detail or ("exists" if seen.exists else "does not exist yet")
            self.journal.note(f"seen {name}", title, "done", detail, before=seen.updated_at)

    def preview(
        self, todo: Sequence[Updater], wanted: Sequence[Grant], say: Callable[[str], None], *, dead: bool
    ) -> None:
        """Prints what the rotation would do, for a token that is already revoked if `dead`.

        Raises:
            HaltedError: it would stop.
            ConsumerError: a consumer can't be searched for copies of the old value.
        """
        problems = self.problems(todo)
        first = self.journal.record.mode == "breach"
        if first and not dead:
            say(f"would revoke {self.old.display} first")
        how = "create the new token of the service account" if self.uses_api else "ask for the new token"
        say(f"would {how} with the grants: " + (_listed(wanted) or "(unknown; pass --grant)"))
        for consumer in self.consumers:
            self._preview_update(consumer, say)
        for problem in problems:
            say(f"would stop {'after the revocation' if first and not dead else 'before any change'}: {problem}")
        found = self.copies()
        if found.places:
            say(f"old value found in {some(found.places)}; would stop before the revocation if a copy is left")
        for skipped in found.skipped:
            first_word = "" if first or dead else "would stop before any change: "
            say(f"{first_word}{skipped.where}: {skipped.reason}")
        if not first and not dead:
            say(f"would revoke {self.old.display} last")
        if problems:
            message = f"Check the consumers: {'; '.join(problems)}"
            raise HaltedError(message)

    def _preview_update(self, consumer: Updater, say: Callable[[str], None]) -> None:
        try:
            seen = consumer.look()
        except ConsumerError:  # one of the problems
            return
        held = ""
        if seen.fingerprint is not None:
            held = "; has the old value" if seen.holds(self.old.fingerprint) else "; has ANOTHER value"
        say(f"would update {consumer.kind} {consumer.where}{f' ({seen.detail})' if seen.detail else ''}{held}")

    def check_for_unread(self, name: str, title: str) -> None:
        """Stops if content next to a consumer could not be searched for copies of the old value.

        Checked before any change, so that consumers can be passed in another form while the old value still works.
        """
        skipped = self.copies().skipped
        if skipped:
            reason = "; ".join(f"{each.where}: {each.reason}" for each in skipped)
            raise self.journal.halted(title, name, f"not searched for copies of the old value: {reason}")

    def unread(self) -> list[Skipped]:
        """What can't be searched for copies, except for consumers that can't be read at all: these are problems."""
        found: dict[Skipped, None] = {}
        for consumer in self.consumers:
            with suppress(ConsumerError):
                found |= dict.fromkeys(each for each in consumer.contents() if isinstance(each, Skipped))
        return list(found)

    def copies(self) -> Copies:
        """The places next to the consumers that have the old value, and those that can't be read."""
        contents = (content for consumer in self.consumers for content in consumer.contents())
        return copies(self.old, contents, self.scanner)


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


def some(places: Sequence[str]) -> str:
    """The first of `places`, and how many more there are."""
    return listed(list(places), _SHOWN)


def _listed(wanted: Sequence[Grant]) -> str:
    return "; ".join(f"{', '.join(label_of(p) for p in g.permissions)} on {name_of(g.entity)}" for g in wanted)
