"""Aggregates the events of audit logs into the use of each token.

Memory grows with the number of tokens, addresses and so on, and by the ID of each event (80 bytes), but not with the
size of the events. Everything that a user of a token can make grow is limited; what a limit omits is reported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from tokenaudit.audit_log import tally
from tokenaudit.audit_log.event import Event
from tokenaudit.audit_log.events import MOST_EVENTS, EventReader
from tokenaudit.audit_log.model import (
    AddressUse,
    FoundCredential,
    KnownToken,
    LoggedEvent,
    LogSource,
    TokenUse,
    UsageFlag,
    UsageReport,
    UserAgentUse,
)
from tokenaudit.audit_log.tally import (
    EventCount,
    TokenCount,
    country_name,
    last_part,
)
from tokenaudit.model import Severity, Skipped, Tool
from tokenaudit.text import count as counted
from tokenaudit.timestamps import day, rfc3339

MOST_TOKENS = 50_000
"""Maximum number of tokens of a log."""


MOST_LISTED = 10_000
"""Maximum number of listed events after an exposure, per token."""

MOST_LISTED_IN_ALL = 100_000
"""Maximum number of listed events after an exposure, for all tokens together."""

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_REPOSITORY = re.compile(r"(?<![\w./-])(?:(?:models|datasets|spaces|buckets)/)?([\w.-]{1,96})/[\w.-]{1,96}(?![\w/-])")
_REPOSITORY_EVENTS = ("repo.", "spaces.", "collection.", "jobs.", "scheduled_job.")
_NAMESPACE_KEYS = frozenset({"org", "orgName", "organization", "namespace", "owner", "ownerName"})
_MOST_NODES = 200
_MOST_NAMESPACES = 20
_FLAGS: tuple[UsageFlag, ...] = (
    "new-address-after-exposure", "new-country", "minted-token", "changed-secret", "deleted-token", "unknown-token",
)  # fmt: skip

_Key: TypeAlias = "tuple[str | None, str | None]"


@dataclass
class _Log:
    """What is known about one log."""

    name: str
    count: int = 0
    duplicates: int = 0
    names_organization: bool = False
    namespaces: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None
    newest: datetime | None = None

    def read(self, reader: EventReader) -> None:
        if reader.count >= self.count:
            self.count, self.oldest, self.newest = reader.count, reader.oldest, reader.newest


class UsageAggregator:
    """Collects the events of one organization's logs.

    Args:
        organization: its name.
        credentials: credentials that sweeps and reports found. Only these have an exposure.
        known: tokens with known IDs; more can be added until `report`.
    """

    def __init__(
        self, organization: str, credentials: Iterable[FoundCredential] = (), known: Iterable[KnownToken] = ()
    ) -> None:
        self.organization = organization
        self.known: list[KnownToken] = list(known)
        self.skipped: list[Skipped] = []
        self._credentials: dict[str, dict[str, FoundCredential]] = {}
        for found in credentials:
            self._credentials.setdefault(found.last4, {})[found.fingerprint] = found
        self._country_codes: dict[str, str] = {}
        self._tokens: dict[_Key, TokenCount] = {}
        self._logs: dict[str, _Log] = {}
        self._seen: set[bytes] = set()
        self._span = EventCount()
        self._without_token = 0
        self._undated = 0
        self._too_many = 0
        self._listed = 0
        self._reading = 0

    def read(self, name: str, chunks: Iterable[bytes], seen: Callable[[Event], None] | None = None) -> EventReader:
        """Adds the events of one log; a log with the same name is read again. `seen` receives each new event.

        Raises:
            NotALogError: the data is not an audit log.
        """
        again = name in self._logs
        log = self._logs.get(name) or _Log(name)
        self._reading += 1
        reading = self._reading
        reader = EventReader(chunks)
        for event in reader:
            if self._reading != reading:  # a request that took too long was abandoned and repeated
                break
            if self._event(event, log) and seen is not None:
                seen(event)
        log.read(reader)
        if again:
            log.duplicates = 0
        self._logs[name] = log
        return reader

    def unknown_ids(self) -> set[str]:
        """The IDs of tokens in the log that are unknown and don't match a found credential's last four characters."""
        known = {token.token_id for token in self.known}
        found = {token_id for token_id, last4 in self._tokens if last4 in self._credentials}
        return {token_id for token_id, _ in self._tokens if token_id is not None} - known - found

    def types(self) -> set[str]:
        """The types of events that were done with tokens."""
        return {name for token in self._tokens.values() for name in token.types}

    def _event(self, event: Event, log: _Log) -> bool:
        """Adds an event; returns whether it is new."""
        if not log.names_organization:
            self._look_for_organization(event, log)
        key = _identity(event)
        if key in self._seen:
            log.duplicates += 1
            return False
        self._seen.add(key)
        self._span.add(event.date)
        self._undated += event.date is None
        if event.token_id is None and event.last4 is None:
            self._without_token += 1
            return True
        token = self._token(event.token_id, event.last4)
        if token is None:
            self._too_many += 1
            return True
        token.use(event)
        self._learn_country(event)
        if token.listed is not None and event.date is not None:
            self._list(token, event, event.date)
        return True

    def _learn_country(self, event: Event) -> None:
        """Stores the code of a country, for an event with both code and name."""
        tail = last_part(event.place)
        if event.country is not None and tail is not None and len(self._country_codes) < tally.MOST_DIFFERENT:
            code = event.country.strip().casefold()
            if code not in tally.NO_COUNTRY:
                self._country_codes[f"~{tail}"] = code

    def _token(self, token_id: str | None, last4: str | None) -> TokenCount | None:
        token = self._tokens.get((token_id, last4))
        if token is None and len(self._tokens) < MOST_TOKENS:
            found = self._credentials.get(last4 or "", {})
            exposed_at = next(iter(found.values())).exposed_at if len(found) == 1 else None
            token = TokenCount(exposed_at, listed=exposed_at is not None or last4 is None)
            self._tokens[token_id, last4] = token
        return token

    def _list(self, token: TokenCount, event: Event, at: datetime) -> None:
        if token.listed is None or (token.exposed_at is not None and at <= token.exposed_at):
            return
        token.after += 1
        if len(token.listed) >= MOST_LISTED or self._listed >= MOST_LISTED_IN_ALL:
            return
        self._listed += 1
        token.listed.append(
            LoggedEvent(at, event.type, event.message, event.ip, event.place, event.user_agent, event.author)
        )

    def _look_for_organization(self, event: Event, log: _Log) -> None:
        own = self.organization.casefold()
        message = event.message.casefold()
        names = {name.casefold() for name in _names_in(event.data)}
        if event.type.startswith(_REPOSITORY_EVENTS):
            names.update(found[1] for found in _REPOSITORY.finditer(message))
        if own in names or own in message:
            log.names_organization = True
        elif len(log.namespaces) < _MOST_NAMESPACES:
            log.namespaces.update(names)

    def report(self, tool: Tool, wanted: Collection[str] = (), sources: Iterable[str] = ()) -> UsageReport:
        """The use of all tokens, or of those whose fingerprint, last four characters or ID is in `wanted`."""
        self._join_events_without_last4()
        uses = [self._use(key, token, self._country_codes) for key, token in self._tokens.items()]
        matches = {name: [use for use in uses if is_wanted(use, name)] for name in wanted}
        if wanted:
            chosen = {id(use) for found in matches.values() for use in found}
            uses = [use for use in uses if id(use) in chosen]
        skipped = (*self.skipped, *self._limits(), *_continuity(self._logs.values()), *self._other_organizations())
        return UsageReport(
            self.organization,
            self._span.first,
            self._span.last,
            self._span.count,
            not skipped,
            tuple(sorted(uses, key=_order)),
            tuple(dict.fromkeys(skipped)),
            self._without_token,
            tuple(name for name, found in matches.items() if not found),
            tuple(
                LogSource(log.name, log.count, log.duplicates, log.oldest, log.newest) for log in self._logs.values()
            ),
            tuple(sources),
            tool,
        )

    def _join_events_without_last4(self) -> None:
        """Adds events without the last four characters to the token with the same ID, if it has only one value."""
        values: dict[str, list[_Key]] = {}
        for token_id, last4 in self._tokens:
            if token_id is not None and last4 is not None:
                values.setdefault(token_id, []).append((token_id, last4))
        for token_id in [token_id for token_id, last4 in self._tokens if last4 is None and token_id in values]:
            if len(values[token_id or ""]) == 1:
                self._tokens[values[token_id or ""][0]].merge(self._tokens.pop((token_id, None)))

    def _use(self, key: _Key, token: TokenCount, country_names: Mapping[str, str]) -> TokenUse:
        token_id, last4 = key
        candidates = self._credentials.get(last4 or "", {})
        only = next(iter(candidates.values())) if len(candidates) == 1 else None
        exposed_at = only.exposed_at if only is not None else None
        countries: dict[str, EventCount] = {}
        for name, span in token.countries.items():
            countries.setdefault(country_names.get(name, name), EventCount()).include(span)
        addresses = tuple(
            AddressUse(
                ip, each.place, each.first, each.last, each.count, each.country,
                exposed_at is not None and each.is_new_after(exposed_at),
            )
            for ip, each in token.addresses.items()
        )  # fmt: skip
        known_as = tuple(each for each in self.known if token_id is not None and each.token_id == token_id)
        flags = set(token.actions)
        if any(each.new and each.ip is not None for each in addresses):
            flags.add("new-address-after-exposure")
        if exposed_at is not None and any(span.is_new_after(exposed_at) for span in countries.values()):
            flags.add("new-country")
        if token.deleted:
            flags.add("deleted-token")
        if token_id is not None and not known_as and not candidates:
            flags.add("unknown-token")
        listed = sorted(token.listed or (), key=lambda event: event.at) if exposed_at is not None else []
        return TokenUse(
            token_id,
            token.type,
            last4,
            token.role,
            only.fingerprint if only is not None else None,
            min(token.owners, key=lambda name: (-token.owners[name], name)) if token.owners else None,
            token.first,
            token.last,
            dict(sorted(token.types.items(), key=lambda item: (-item[1], item[0]))),
            tuple(sorted(addresses, key=lambda each: (not each.new, -each.events, each.ip or ""))),
            tuple(listed),
            tuple(flag for flag in _FLAGS if flag in flags),
            _severity(flags, token, exposed_at),
            tuple(sorted(candidates)) if len(candidates) > 1 else (),
            exposed_at,
            token.deleted,
            dict(sorted(token.owners.items(), key=lambda item: (-item[1], item[0]))),
            tuple(
                UserAgentUse(name, span.first, span.last, span.count)
                for name, span in sorted(token.agents.items(), key=lambda item: (-item[1].count, item[0]))
            ),
            tuple(sorted(map(country_name, countries))),
            {day(date.fromordinal(number)): events for number, events in sorted(token.days.items())},
            token.after if exposed_at is not None else 0,
            known_as,
            token.count,
        )

    def _limits(self) -> Iterator[Skipped]:
        where = f"{self.organization}: audit log"
        if self._undated:
            yield Skipped(
                where, f"{counted(self._undated, 'event')} without a valid time; not compared with an exposure"
            )
        if self._too_many:
            yield Skipped(
                where, f"more than {MOST_TOKENS:,} tokens; {counted(self._too_many, 'event')} of the others omitted"
            )
        for (token_id, last4), token in self._tokens.items():
            if token.dropped:
                reason = (
                    f"more than {tally.MOST_DIFFERENT:,} addresses, programs or types of events; the rest is omitted"
                )
                yield Skipped(f"{where}, token {token_id or last4}", reason)

    def _other_organizations(self) -> Iterator[Skipped]:
        for log in self._logs.values():
            if log.namespaces and not log.names_organization:
                names = ", ".join(name for name, _ in log.namespaces.most_common(3))
                yield Skipped(
                    log.name,
                    f"seems to be the log of another organization: it names {names} and never {self.organization}",
                )


def is_wanted(use: TokenUse, name: str) -> bool:
    """Whether `name` is a token's ID, its last four characters, or a prefix of the fingerprint of its credential."""
    if name in {use.token_id, use.last4}:
        return True
    return any(
        fingerprint.startswith(name.lower()) for fingerprint in (*use.candidates, *filter(None, [use.fingerprint]))
    )


def _identity(event: Event) -> bytes:
    if _OBJECT_ID.fullmatch(event.id):
        return bytes.fromhex(event.id)
    content = (
        event.id
        or msgspec.json.encode(
            (
                event.date,
                event.type,
                event.message,
                event.ip,
                event.user_agent,
                event.token_id,
                event.last4,
                event.author,
            )
        ).decode()
    )
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _names_in(data: bytes) -> Iterator[str]:
    """The namespaces in an event's `data`, JSON of any shape."""
    if not data:
        return
    try:
        nodes: list[object] = [msgspec.json.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for node in nodes:
        if isinstance(node, dict):
            for key, value in node.items():
                name = value.get("name") if isinstance(value, dict) else value
                if key in _NAMESPACE_KEYS and isinstance(name, str):
                    yield name
            nodes += list(node.values())[: _MOST_NODES - len(nodes)] if len(nodes) < _MOST_NODES else []
        elif isinstance(node, list):
            nodes += node[: _MOST_NODES - len(nodes)] if len(nodes) < _MOST_NODES else []
        elif isinstance(node, str) and (found := _REPOSITORY.fullmatch(node)):
            yield found[1]


def _severity(flags: Collection[UsageFlag], token: TokenCount, exposed_at: datetime | None) -> Severity:
    late = [span for span in token.actions.values() if exposed_at and span.last is not None and span.last > exposed_at]
    if late:
        return Severity.CRITICAL
    if "new-country" in flags or "new-address-after-exposure" in flags:
        return Severity.HIGH
    if token.actions or "unknown-token" in flags:
        return Severity.LOW
    return Severity.INFO


def _order(use: TokenUse) -> tuple[object, ...]:
    last = -use.last_seen.timestamp() if use.last_seen is not None else 0.0
    return (-use.severity.rank, -len(use.flags), -use.after_exposure_events, last, use.token_id or "", use.last4 or "")


def _continuity(logs: Collection[_Log]) -> Iterator[Skipped]:
    """Logs with as many events as the Hub exports, unless another log continues them."""
    for log in logs:
        if log.count != MOST_EVENTS:
            continue
        goes_on = any(
            other is not log and log.oldest is not None and other.oldest is not None and other.newest is not None
            and other.oldest < log.oldest <= other.newest
            for other in logs
        )  # fmt: skip
        if not goes_on:
            before = f"before {rfc3339(log.oldest)}" if log.oldest is not None else "earlier ones"
            yield Skipped(log.name, f"the Hub exports only the last {MOST_EVENTS:,} events; those {before} are missing")
