"""Counts the events of one token: by address, country, program, type, owner and day."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from tokenaudit.audit_log.event import Event
from tokenaudit.audit_log.model import ACTIONS, LoggedEvent, UsageFlag

MOST_DIFFERENT = 10_000
"""Maximum number of addresses of a token, and of programs, types of events, owners and days."""
NO_COUNTRY = frozenset({"", "-", "unknown", "n/a", "none", "null"})
COUNTRY_CODE = 2
KeyT = TypeVar("KeyT", str, int)


class EventCount:
    """Number of events, with the first and last time."""

    __slots__ = ("count", "first", "last")

    def __init__(self) -> None:
        self.count = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def add(self, at: datetime | None) -> None:
        """Adds an event at a time, if known."""
        self.count += 1
        self.extend(at, at)

    def extend(self, first: datetime | None, last: datetime | None) -> None:
        """Extends the first and last time; None changes nothing."""
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last

    def include(self, other: EventCount) -> None:
        """Adds the events of another count."""
        self.count += other.count
        self.extend(other.first, other.last)

    def is_new_after(self, moment: datetime) -> bool:
        """Whether it was seen after `moment` and never before it."""
        return self.last is not None and self.last > moment and self.first is not None and self.first >= moment


class AddressCount(EventCount):
    """Events from one address, with its latest known location."""

    __slots__ = ("country", "place", "placed_at")

    def __init__(self) -> None:
        super().__init__()
        self.place: str | None = None
        self.country: str | None = None
        self.placed_at: datetime | None = None

    def located(self, place: str | None, country: str | None, at: datetime | None) -> None:
        """Stores a location if it is later than the known one."""
        if place is None and country is None:
            return
        if (self.place is None and self.country is None) or (
            at is not None and (self.placed_at is None or at > self.placed_at)
        ):
            self.place, self.country, self.placed_at = place, country, at


class TokenCount(EventCount):
    """The use of one token, or of one of its values."""

    __slots__ = (
        "actions", "addresses", "after", "agents", "countries", "days", "deleted", "dropped", "exposed_at", "listed",
        "owners", "role", "role_at", "type", "types",
    )  # fmt: skip

    def __init__(self, exposed_at: datetime | None, *, listed: bool) -> None:
        super().__init__()
        self.type: str | None = None
        self.role: str | None = None
        self.role_at: datetime | None = None
        self.deleted = False
        self.exposed_at = exposed_at
        self.types: dict[str, int] = {}
        self.owners: dict[str, int] = {}
        self.days: dict[int, int] = {}
        self.addresses: dict[str | None, AddressCount] = {}
        self.countries: dict[str, EventCount] = {}
        self.agents: dict[str, EventCount] = {}
        self.actions: dict[UsageFlag, EventCount] = {}
        self.listed: list[LoggedEvent] | None = [] if listed else None
        self.after = 0
        self.dropped = 0

    def use(self, event: Event) -> None:
        """Adds an event of the token."""
        at = event.date
        self.add(at)
        self._increase(self.types, event.type)
        if event.author is not None:
            self._increase(self.owners, event.author)
        if at is not None:
            self._increase(self.days, at.toordinal())
        self.type = self.type or event.token_type
        if event.role is not None and (self.role_at is None or (at is not None and at > self.role_at)):
            self.role, self.role_at = event.role, at
        self.deleted |= event.deleted
        action = ACTIONS.get(event.type)
        if action is not None:
            self.actions.setdefault(action, EventCount()).add(at)
        self._from(event, at)
        if event.user_agent is not None:
            if event.user_agent in self.agents or len(self.agents) < MOST_DIFFERENT:
                self.agents.setdefault(event.user_agent, EventCount()).add(at)
            else:
                self.dropped += 1

    def _from(self, event: Event, at: datetime | None) -> None:
        if event.ip is not None or event.place is not None or event.country is not None:
            where = self.addresses.get(event.ip)
            if where is None and len(self.addresses) < MOST_DIFFERENT:
                where = self.addresses[event.ip] = AddressCount()
            if where is None:
                self.dropped += 1
            else:
                where.add(at)
                where.located(event.place, event.country, at)
        country = country_of(event)
        if country is not None and (country in self.countries or len(self.countries) < MOST_DIFFERENT):
            self.countries.setdefault(country, EventCount()).add(at)

    def _increase(self, counts: dict[KeyT, int], key: KeyT) -> None:
        if key in counts or len(counts) < MOST_DIFFERENT:
            counts[key] = counts.get(key, 0) + 1
        else:
            self.dropped += 1

    def merge(self, other: TokenCount) -> None:
        """Adds the use in `other`, of the same token."""
        self.include(other)
        self.type = self.type or other.type
        if other.role is not None and (self.role is None or _later(other.role_at, self.role_at)):
            self.role, self.role_at = other.role, other.role_at
        self.deleted |= other.deleted
        self.dropped += other.dropped
        for mine, theirs in ((self.types, other.types), (self.owners, other.owners)):
            for name, number in theirs.items():
                mine[name] = mine.get(name, 0) + number
        for ordinal, number in other.days.items():
            self.days[ordinal] = self.days.get(ordinal, 0) + number
        for ip, there in other.addresses.items():
            where = self.addresses.setdefault(ip, AddressCount())
            where.include(there)
            where.located(there.place, there.country, there.placed_at)
        for ours, of_other in ((self.countries, other.countries), (self.agents, other.agents)):
            for name, span in of_other.items():
                ours.setdefault(name, EventCount()).include(span)
        for action, span in other.actions.items():
            self.actions.setdefault(action, EventCount()).include(span)
        if self.listed is not None and self.exposed_at is not None:
            after = [event for event in other.listed or () if event.at > self.exposed_at]
            self.listed += after
            self.after += len(after) + max(0, other.after - len(other.listed or ()))


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)


def country_of(event: Event) -> str | None:
    """The country of an event: its code, or `~` and the last part of the location; None if unknown."""
    if event.country is not None:
        code = event.country.strip().casefold()
        return None if code in NO_COUNTRY else code
    tail = last_part(event.place)
    return f"~{tail}" if tail is not None else None


def country_name(name: str) -> str:
    """A country of `country_of` as it is shown."""
    name = name.removeprefix("~")
    return name.upper() if len(name) == COUNTRY_CODE else name


def last_part(place: str | None) -> str | None:
    """The last part of a location such as `Paris, France`."""
    tail = (place or "").rpartition(",")[2].strip().casefold()
    return None if tail in NO_COUNTRY else tail
