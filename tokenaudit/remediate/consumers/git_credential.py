"""Credentials that git stores for the Hub in the configured credential helpers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tokenaudit.errors import UsageError
from tokenaudit.model import Skipped
from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content, files
from tokenaudit.remediate.consumers.git_helpers import Address, GitHelpers, entries, with_new_values
from tokenaudit.secret import Secret, display, fingerprint

_USUAL_USER = "hf_user"
"""The user name that huggingface_hub stores its token under (`utils/_git_credential.py`)."""

_HUB_HOSTS = ("huggingface.co", "hf.co")
_LONG = 20


class GitCredential:
    """All credentials that git has stored for `address`, such as `https://huggingface.co`, of any user name and path.

    Files of `git credential-store` are changed in place, line by line: `git credential approve` would drop the entries
    of other repositories with the same user name. Other helpers are queried one by one, for every known user name. They
    can't list their entries, which `contents` reports as skipped unless the user name is given.
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
        """See `Updater`; `others` are the values of further entries."""
        held = list(self._held())
        if not held:
            return ConsumerState(exists=False)
        values = [password for _, _, password in held] + [user for _, user, _ in held]
        fingerprints = list(dict.fromkeys(fingerprint(value) for value in values if value))
        users = dict.fromkeys(f"user {_shown(user)} in {place}" for place, user, _ in held)
        return ConsumerState(
            exists=True, fingerprint=fingerprints[0], detail=", ".join(users), others=tuple(fingerprints[1:])
        )

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`. A helper is only read: storing a value of another host could replace one of its own."""
        for store in self._stores:
            if files.read(store) is not None:
                files.check_writable(store, git_lock=True, dry_run=dry_run)
        for helper in self._others:
            failed = None if self._helpers.is_cache(helper) else self._failed(helper, self._users()[:1])
            if failed is not None:
                message = f"{failed.where}: {failed.reason}"
                raise ConsumerError(message)

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        seen = self.look()
        if seen.exists and not (seen.holds(old) or seen.holds(new.fingerprint)):
            message = f"git has a credential other than the old one for {self.where}; not changed"
            raise ConsumerError(message)
        for store in self._stores:
            if files.read(store) is not None:
                files.rewrite(store, lambda text: with_new_values(text, self._address, old, new), git_lock=True)
        for helper in self._others:
            if self._helpers.is_cache(helper):
                self._move_in_cache(helper, old, new)
            elif seen.exists:
                self._move_all(helper, old, new)
            else:  # an earlier run was interrupted between deleting the old value and storing the new one
                user = self._address.user or _USUAL_USER
                self._helpers.approve(helper, replace(self._address, user=user), new.reveal())

    def contents(self) -> Iterator[Content | Skipped]:
        """See `Updater`: the files as a whole, including git's default files, and the output of helpers."""
        for store in dict.fromkeys((*self._stores, *self._helpers.usual_stores())):
            yield from files.whole(store)
        for place, address, _, password in self._handed_out(self._hub_addresses()):
            where = f"{place}, user {_shown(address.user or '')}, {address.scheme}://{address.host}"
            yield Content(where, password.encode("utf-8", "surrogateescape"))
        for helper in self._others:
            if not self._helpers.is_cache(helper):
                yield from self._unknown_in(helper)

    def _unknown_in(self, helper: str) -> Iterator[Skipped]:
        """What a helper that can't list its entries can contain in addition to its output."""
        failed = self._failed(helper, self._users())
        if failed is not None:
            yield failed
            return
        if not self._address.user:
            asked = ", ".join(_shown(user) for user in self._users() if user)
            address = replace(self._address, user="USER").shown
            reason = (
                f"the helper can't list its user names (read: its first one, {asked}); pass each user name with "
                f"--consumer git-credential:{address}"
            )
            yield Skipped(_named(helper), reason)

    def _failed(self, helper: str, users: Sequence[str | None]) -> Skipped | None:
        """The helper with the reason if it does not answer for one of `users`."""
        for user in users:
            failed = self._helpers.fill(helper, replace(self._address, user=user)).get("failed")
            if failed:
                asked = f"user {_shown(user)}" if user else "its first user name"
                return Skipped(_named(helper), f"the helper failed with exit code {failed} for {asked}; unlock it")
        return None

    @cached_property
    def _address(self) -> Address:
        """The address that git queries: without `credential.useHttpPath`, it omits the path (gitcredentials(7))."""
        if self._named.path and not self._helpers.by_path(self._named):
            return replace(self._named, path=None)
        return self._named

    @cached_property
    def _stores(self) -> tuple[Path, ...]:
        found = (self._helpers.stores(helper) for helper in self._helpers.configured(self._address))
        return tuple(dict.fromkeys(store for stores in found for store in stores or ()))

    @cached_property
    def _others(self) -> tuple[str, ...]:
        """The helpers other than `git credential-store`.

        Raises:
            ConsumerError: they store several credentials for one user name, or run `git credential-store` on an
                unknown file: storing one value would delete the others.
        """
        found = tuple(h for h in self._helpers.configured(self._address) if self._helpers.stores(h) is None)
        for helper in found:
            if self._helpers.wraps_store(helper):
                message = (
                    f"{_named(helper)} runs `git credential-store`, which would drop entries of other repositories: "
                    "name the file in git's configuration, as in credential.helper `store --file FILE`, or change it "
                    "by hand"
                )
                raise ConsumerError(message)
        if found and self._address.path is None and self._helpers.by_path(self._address):
            message = (
                f"git stores a credential per repository of {self.where} (credential.useHttpPath) in "
                f"{_named(found[0])}; pass each one as git-credential:{self.where}/OWNER/REPOSITORY"
            )
            raise ConsumerError(message)
        return found

    def _held(self) -> Iterator[tuple[str, str, str]]:
        """Place, user name and password of every stored entry for the address."""
        for store in self._stores:
            for entry in entries(files.read(store) or ""):
                if entry.serves(self._address):
                    yield str(store), *entry.values
        for place, _, user, password in self._handed_out([self._address]):
            yield place, user, password

    def _handed_out(self, addresses: Sequence[Address]) -> Iterator[tuple[str, Address, str, str]]:
        """Place, address, user name and password in the output of helpers for each of `addresses`."""
        for helper in self._others:
            if self._helpers.is_cache(helper):
                self._put_back(helper)
            for address in addresses:
                for user in self._users():
                    found = self._helpers.fill(helper, replace(address, user=user))
                    if "password" in found:
                        name = found.get("username", "")
                        yield _named(helper), replace(address, user=name), name, found["password"]

    def _hub_addresses(self) -> list[Address]:
        """The address, and other names of the same Hub, for which a helper can't list its entries."""
        hosts = _HUB_HOSTS if self._address.host.lower() in _HUB_HOSTS else ()
        return [self._address, *(replace(self._address, host=host) for host in hosts if host != self._address.host)]

    def _users(self) -> tuple[str | None, ...]:
        """The user names to query helpers for, which can't list theirs; None for the first entry."""
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
        """Replaces the old value in git's cache, which can't list its entries and returns the first match.

        Each entry is stored under another host of the same cache and then deleted, until no entry is left; then all
        are restored. An interrupted run loses nothing: the next one restores the entries.
        """
        seen: set[str] = set()
        while "password" in (held := self._helpers.fill(helper, self._address)):
            user = held.get("username") or _USUAL_USER
            if user in seen:
                message = f"{_named(helper)} does not delete entries on request; nothing more was changed"
                raise ConsumerError(message)
            seen.add(user)
            value = new.reveal() if fingerprint(held["password"]) == old else held["password"]
            self._helpers.approve(helper, replace(self._temporary_address, user=user), value)
            self._helpers.reject(helper, replace(self._address, user=user), held["password"])
        self._put_back(helper)

    def _put_back(self, helper: str) -> None:
        """Restores the entries that `_move_in_cache` has moved."""
        seen: set[str] = set()
        while "password" in (held := self._helpers.fill(helper, replace(self._temporary_address, user=None))):
            user = held.get("username") or _USUAL_USER
            if user in seen:
                message = f"{_named(helper)} does not delete entries on request"
                raise ConsumerError(message)
            seen.add(user)
            self._helpers.approve(helper, replace(self._address, user=user), held["password"])
            self._helpers.reject(helper, replace(self._temporary_address, user=user), held["password"])
        self._met.extend(user for user in seen if user not in self._met)

    @property
    def _temporary_address(self) -> Address:
        """A host that never exists (RFC 6761), unique to this address."""
        host = self._address.host.replace(":", "-")
        return replace(self._address, host=f"{host}.tokenaudit.invalid")

    def _move_all(self, helper: str, old: str, new: Secret) -> None:
        """Replaces the old value in a helper for every known user name, and checks that other values are unchanged.

        Raises:
            ConsumerError: the helper changed another value, which was restored.
        """
        asked = [replace(self._address, user=user) for user in self._users() if user]
        before = {address: self._helpers.fill(helper, address).get("password") for address in asked}
        for user in self._users():
            self._move(helper, user, old, new)
        for address, password in before.items():
            if password is None or fingerprint(password) == old:
                continue
            if self._helpers.fill(helper, address).get("password") != password:
                self._helpers.approve(helper, address, password)
                message = (
                    f"{_named(helper)} also changed the value of user {_shown(address.user or '')}, which was "
                    "restored; nothing is revoked: change the helper's entries by hand"
                )
                raise ConsumerError(message)

    def _move(self, helper: str, user: str | None, old: str, new: Secret) -> None:
        """Replaces the old value in one helper until it no longer returns it for any user name."""
        done: set[str | None] = set()
        while True:
            found = self._helpers.fill(helper, replace(self._address, user=user))
            name = found.get("username") or user or _USUAL_USER
            if "password" not in found or fingerprint(found["password"]) != old or name in done:
                return
            done.add(name)
            address = replace(self._address, user=name)
            self._helpers.approve(helper, address, new.reveal())
            kept = self._helpers.fill(helper, address).get("password")
            if kept and fingerprint(kept) == old:  # some helpers never overwrite
                self._helpers.reject(helper, address, found["password"])
                self._helpers.approve(helper, address, new.reveal())


def _named(helper: str) -> str:
    """A helper as it is shown: only the program, since a custom command can contain a value."""
    program = "" if helper.startswith("!") else helper.strip().partition(" ")[0]
    return f"the credential helper {program}" if program else "a custom credential helper"


def _shown(user: str) -> str:
    """A user name as it is shown: a long one can be a token."""
    return (user if len(user) < _LONG else display(user)) or "(none)"


def _parsed(address: str) -> Address:
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    if not parts.scheme or not host:
        message = f"invalid git credential address {address!r}; use an address such as https://huggingface.co"
        raise UsageError(message)
    name = unquote(user.partition(":")[0])
    return Address(parts.scheme, host, unquote(parts.path.strip("/")) or None, name or None)
