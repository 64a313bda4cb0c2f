"""What git has stored for the Hub, in whatever credential helpers are configured."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tokenaudit.errors import UsageError
from tokenaudit.model import Skipped
from tokenaudit.remediate.consumers import files
from tokenaudit.remediate.consumers.git_helpers import GitHelpers
from tokenaudit.remediate.consumers.git_store import Address, entries, with_new_values
from tokenaudit.remediate.consumers.interface import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret, display, fingerprint

_USUAL_USER = "hf_user"
"""The user name that huggingface_hub stores its token under (`utils/_git_credential.py`)."""

_LONG = 20


class GitCredential:
    """Every credential that git keeps for `address`, such as `https://huggingface.co`, whatever its user name or path.

    Files of `git credential-store` are changed in place, line by line: asked to store a credential, git would drop the
    entries of other repositories with the same user name. Other helpers are asked one by one, for every user name that
    is known: they can't list theirs.
    """

    kind = "git-credential"

    def __init__(self, address: str, environment: Mapping[str, str] | None = None) -> None:
        self._named = _parsed(address)
        self._met: list[str] = []
        self._helpers = GitHelpers(os.environ if environment is None else environment)

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return self._named.shown

    def look(self) -> ConsumerState:
        """See `interface.Updater`; `others` are the values of further entries."""
        held = list(self._held())
        if not held:
            return ConsumerState(exists=False)
        values = [password for _, _, password in held] + [user for _, user, _ in held]
        fingerprints = list(dict.fromkeys(fingerprint(value) for value in values if value))
        users = dict.fromkeys(f"user {_shown(user)} in {place}" for place, user, _ in held)
        return ConsumerState(
            exists=True, fingerprint=fingerprints[0], detail=", ".join(users), others=tuple(fingerprints[1:])
        )

    def update(self, old: str, new: Secret) -> None:
        """See `interface.Updater`."""
        seen = self.look()
        if not (seen.holds(old) or seen.holds(new.fingerprint)):
            message = f"git's credential for {self.where} is another one than the old; nothing was changed"
            raise ConsumerError(message)
        for store in self._stores:
            if files.read(store) is not None:
                files.rewrite(store, lambda text: with_new_values(text, self._address, old, new), git_lock=True)
        for helper in self._others:
            if self._helpers.is_cache(helper):
                self._move_in_cache(helper, old, new)
            else:
                for user in self._users():
                    self._move(helper, user, old, new)

    def contents(self) -> Iterator[Content | Skipped]:
        """See `interface.Updater`: the files whole, those that git uses by default too, and what helpers hand out."""
        for store in dict.fromkeys((*self._stores, *self._helpers.usual_stores())):
            yield from files.whole(store)
        for place, user, password in self._handed_out():
            yield Content(f"{place}, user {_shown(user)}", password.encode("utf-8", "surrogateescape"))

        for helper in self._others:
            if not self._helpers.is_cache(helper):
                asked = ", ".join(_shown(user) for user in self._users() if user)
                yield Skipped(_named(helper), f"it can't list its user names; asked for its first one, {asked}")

    @cached_property
    def _address(self) -> Address:
        """What git asks for: without `credential.useHttpPath` it leaves the path out (gitcredentials(7))."""
        if self._named.path and not self._helpers.by_path(self._named):
            return replace(self._named, path=None)
        return self._named

    @cached_property
    def _stores(self) -> tuple[Path, ...]:
        found = (self._helpers.stores(helper) for helper in self._helpers.configured(self._address))
        return tuple(dict.fromkeys(store for stores in found for store in stores or ()))

    @cached_property
    def _others(self) -> tuple[str, ...]:
        """The helpers that keep credentials in a place of their own.

        Raises:
            ConsumerError: they keep several for one user name, of which storing one would delete the others.
        """
        found = tuple(h for h in self._helpers.configured(self._address) if self._helpers.stores(h) is None)
        if found and self._address.path is None and self._helpers.by_path(self._address):
            message = (
                f"git keeps a credential for each repository of {self.where} (credential.useHttpPath) in "
                f"{_named(found[0])}: name each of them, as in git-credential:{self.where}/OWNER/REPOSITORY"
            )
            raise ConsumerError(message)
        return found

    def _held(self) -> Iterator[tuple[str, str, str]]:
        """Place, user name and password of everything that is kept for the address."""
        for store in self._stores:
            for entry in entries(files.read(store) or ""):
                if entry.serves(self._address):
                    yield str(store), *entry.values
        yield from self._handed_out()

    def _handed_out(self) -> Iterator[tuple[str, str, str]]:
        for helper in self._others:
            for user in self._users():
                found = self._helpers.fill(helper, replace(self._address, user=user))
                if found:
                    yield _named(helper), found.get("username", ""), found["password"]

    def _users(self) -> tuple[str | None, ...]:
        """The user names to ask helpers for, which can't list theirs; None asks for whatever comes first."""
        if self._address.user:
            return (self._address.user,)
        stored = [
            entry.address.user
            for store in self._stores
            for entry in entries(files.read(store) or "")
            if entry.serves(self._address)
        ]
        return tuple(dict.fromkeys([None, *self._helpers.user_names(self._address), _USUAL_USER, *stored, *self._met]))

    def _move_in_cache(self, helper: str, old: str, new: Secret) -> None:
        """Takes everything for the address out of git's cache and puts it back, the old value replaced.

        The cache can't list what it holds, and hands out the first one that fits.
        """
        found: list[tuple[Address, str]] = []
        try:
            while held := self._helpers.fill(helper, self._address):
                address = replace(self._address, user=held.get("username") or _USUAL_USER)
                if any(address == known for known, _ in found):
                    break
                self._helpers.reject(helper, address, held["password"])
                found.append((address, held["password"]))
        finally:
            for address, password in reversed(found):
                value = new.reveal() if fingerprint(password) == old else password
                self._helpers.approve(helper, address, value)
        self._met = [address.user for address, _ in found if address.user]

    def _move(self, helper: str, user: str | None, old: str, new: Secret) -> None:
        """Replaces the old value in one helper as often as it hands it out for another user name."""
        done: set[str | None] = set()
        while True:
            found = self._helpers.fill(helper, replace(self._address, user=user))
            name = found.get("username") or user or _USUAL_USER
            if not found or fingerprint(found["password"]) != old or name in done:
                return
            done.add(name)
            address = replace(self._address, user=name)
            self._helpers.approve(helper, address, new.reveal())
            kept = self._helpers.fill(helper, address)
            if kept and fingerprint(kept["password"]) == old:  # some helpers never overwrite
                self._helpers.reject(helper, address, found["password"])
                self._helpers.approve(helper, address, new.reveal())


def _named(helper: str) -> str:
    """A helper as it is shown: the program alone, since a command of one's own may hold a value."""
    program = "" if helper.startswith("!") else helper.strip().partition(" ")[0]
    return f"the credential helper {program}" if program else "a credential helper of your own"


def _shown(user: str) -> str:
    """A user name as it is shown: a long one may be a token."""
    return (user if len(user) < _LONG else display(user)) or "(none)"


def _parsed(address: str) -> Address:
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    if not parts.scheme or not host:
        message = f"{address!r} is not an address that git keeps a credential for; write https://huggingface.co"
        raise UsageError(message)
    name = unquote(user.partition(":")[0])
    return Address(parts.scheme, host, unquote(parts.path.strip("/")) or None, name or None)
