"""The security settings of an organization: members and two-factor authentication, network rules, resource groups.

Limited to what the Hub's API returns. Its OpenAPI document has no endpoint for the token policy, members' tokens or
Trusted Publishers, which are only visible on the settings pages of the organization and its repositories.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from typing import Literal, TypeVar

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, needs, text
from tokenaudit.hub.repo_listing import access_requests, jobs, members, network_security, popularity, resource_groups
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.hub.service_accounts import READ_PERMISSION, accounts
from tokenaudit.model import Problem, Rule, Severity, Skipped
from tokenaudit.secret import Secret
from tokenaudit.service_accounts import organization_rules as rules
from tokenaudit.text import count, listed
from tokenaudit.timestamps import parse_timestamp

T = TypeVar("T")

_SHOWN = 10
_PATIENT_DAYS = 30
_MOST_REPOSITORIES = 1000
_GATED_TYPES: tuple[Literal["model", "dataset"], ...] = ("model", "dataset")
_WRITERS = frozenset({"admin", "write"})
_WITH_GROUPS = frozenset({"team", "enterprise", "plus", "academia", "unknown"})
_WITH_NETWORK_RULES = frozenset({"enterprise", "plus", "academia", "unknown"})
_WIDEST = {4: 8, 6: 16}
"""The prefix length, by IP version, below which an IP range counts as a large part of the internet."""
_ENDED = frozenset({"COMPLETED", "CANCELED", "CANCELLED", "ERROR", "DELETED"})


@dataclass
class OrganizationReading:
    """The problems found, and what could not be read. `answers` counts the requests with a response."""

    organization: str
    found: list[Problem] = field(default_factory=list)
    missing: list[Skipped] = field(default_factory=list)
    answers: int = 0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The distinct problems."""
        return tuple(dict.fromkeys(self.found))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be read, and the permission it needs."""
        return tuple(dict.fromkeys(self.missing))

    @property
    def nothing_read(self) -> bool:
        """Whether no request had a response."""
        return self.answers == 0

    def report(
        self, rule: Rule, where: str, message: str, severity: Severity | None = None, target: str | None = None
    ) -> None:
        """Record a problem. The default severity is that of the rule, the default target the organization."""
        self.found.append(
            Problem(
                rule=rule.id,
                severity=severity or rule.severity,
                target=target or f"organization/{self.organization}",
                path=None,
                line=None,
                column=None,
                where=where,
                credential_name=None,
                message=message,
                remedy=rule.remedy,
            )
        )

    def skip(self, what: str, reason: str) -> None:
        """Record that `what` could not be read."""
        self.missing.append(Skipped(f"{what} of {self.organization}", reason))

    def answered(self, what: str, permission: str, answer: T | Failure) -> T | None:
        """Return a response; a failure is recorded, and so is an incomplete listing."""
        if isinstance(answer, Failure):
            self.skip(what, needs(answer, f"{permission} on {self.organization}"))
            return None
        self.answers += 1
        if isinstance(answer, PagedListing) and answer.incomplete:
            self.skip(what, answer.incomplete)
        return answer


def read_organization(
    hub: Hub, organization: str, secret: Secret | None, plan: str | None, now: datetime
) -> OrganizationReading:
    """Return the problems of an organization's settings, as far as `secret` can read them.

    `plan` is the plan of the organization, `unknown` if whoami does not name it. Features that a plan lacks are not
    requested.
    """
    reading = OrganizationReading(organization)
    people = reading.answered("members", "org.read", members(hub, organization, secret))
    if people is not None:
        _members(reading, people.items)
        if not people.incomplete:
            _departed(hub, reading, secret, people.items)
    if plan in _WITH_NETWORK_RULES:
        settings = network_security(hub, organization, secret)
        network = reading.answered("network rules", "org.networkSecurity.read", settings)
        if network is not None:
            _network(reading, network)
    if plan in _WITH_GROUPS:
        groups = reading.answered("resource groups", "org.read", resource_groups(hub, organization, secret))
        for group in groups or ():
            _group(reading, group)
    if secret is not None:
        _waiting(hub, reading, secret, now)
    return reading


def _waiting(hub: Hub, reading: OrganizationReading, secret: Secret, now: datetime) -> None:
    """Finds access requests to gated repositories that have been pending for a long time."""
    refused: dict[str, list[str]] = defaultdict(list)
    for kind in _GATED_TYPES:
        found = popularity(hub, reading.organization, kind, secret, limit=_MOST_REPOSITORIES)
        # The reader of repositories reports a listing that failed.
        for name, about in found.items() if not isinstance(found, Failure) else ():
            if not about.gated:
                continue
            answer = access_requests(hub, kind, name, secret)
            if isinstance(answer, Failure):
                refused[needs(answer, "repo.access.read")].append(name)
                continue
            times = [time for row in answer if (time := parse_timestamp(row.get("timestamp"))) is not None]
            days = (now - min(times)).days if times else 0
            if days >= _PATIENT_DAYS:
                waiting = f"{count(len(answer), 'access request')} pending, the oldest for {days} days"
                reading.report(rules.REQUESTS_PENDING, "access requests", waiting, target=f"{kind}s/{name}")
    for reason, names in refused.items():
        reading.skip("access requests", f"{listed(names, _SHOWN)}: {reason}")


def _members(reading: OrganizationReading, people: Sequence[JsonObject]) -> None:
    weak: dict[Severity, list[str]] = defaultdict(list)
    hidden = 0
    for person in people:
        name, role = text(person.get("user")), text(person.get("role"))
        enabled = person.get("twoFaEnabled")
        if enabled is False:
            weak[Severity.HIGH if role in {"admin", ""} else Severity.MEDIUM].append(name)
        hidden += not isinstance(enabled, bool)
        if person.get("isExternalCollaborator") is True and role in _WRITERS:
            message = f"{name} is an external collaborator with the role {role}"
            reading.report(rules.EXTERNAL_WRITER, f"member {name}", message)
    if hidden:
        reason = f"not shown for {count(hidden, 'member')}; needs the role admin in {reading.organization}"
        reading.skip("two-factor authentication of members", reason)
    for severity, names in weak.items():
        who = "administrators" if severity is Severity.HIGH else "members"
        message = f"{who} without two-factor authentication: {listed(sorted(names), _SHOWN)}"
        reading.report(rules.WITHOUT_TWO_FACTOR, "members", message, severity)


def _departed(hub: Hub, reading: OrganizationReading, secret: Secret | None, people: Sequence[JsonObject]) -> None:
    """Finds Jobs that run with the token, or in the name, of someone who is no longer a member."""
    organization = reading.organization
    present = {text(person.get("user")) for person in people}
    owners: dict[str, set[str]] = defaultdict(set)
    for kind, label in (("scheduled-jobs", "scheduled Job"), ("jobs", "Job")):
        listing = jobs(hub, organization, kind, secret)  # type: ignore[arg-type]  # a literal of this tuple
        # The reader of Jobs reports a listing that failed.
        for row in listing if not isinstance(listing, Failure) else ():
            if not _has_ended(row):
                for name in _owners(row) - present:
                    owners[name].add(f"{label} {text(row.get('id'))}")
    if not owners:
        return
    services = reading.answered("service accounts", READ_PERMISSION, accounts(hub, organization, secret))
    if services is None:
        names = listed(sorted(owners), _SHOWN)
        reading.skip("owners of Jobs", f"these are not members, but can be service accounts: {names}")
        return
    known = {text(row.get("user")) for row in services} | {text(row.get("name")) for row in services}
    for name in sorted(set(owners) - known - {organization}):
        message = f"{name} is not a member, but owns {listed(sorted(owners[name]), _SHOWN)}"
        reading.report(rules.DEPARTED_MEMBER, f"Jobs of {name}", message)


def _has_ended(row: JsonObject) -> bool:
    status = row.get("status")
    return isinstance(status, dict) and text(status.get("stage")) in _ENDED


def _owners(row: JsonObject) -> set[str]:
    found = set()
    spec = row.get("jobSpec")
    for part in (row, spec if isinstance(spec, dict) else {}):
        token, creator = part.get("hfToken"), part.get("createdBy")
        found.add(text(token.get("ownerName")) if isinstance(token, dict) else "")
        found.add(text(creator.get("name")) if isinstance(creator, dict) else "")
    return found - {""}


def _network(reading: OrganizationReading, settings: JsonObject) -> None:
    ranges, enforced = settings.get("ipRanges"), settings.get("enforceIpRestriction")
    if not isinstance(ranges, list) or not isinstance(enforced, bool):
        reading.skip("network rules", "the Hub returned them in an unknown format")
        return
    if not enforced:
        message = (
            "its IP ranges are not enforced"
            if ranges
            else "tokens work from every address: the organization has no IP ranges"
        )
        severity = Severity.MEDIUM if ranges else Severity.INFO
        reading.report(rules.NETWORK_NOT_ENFORCED, "network rules", message, severity)
        return
    for each in ranges:
        try:
            network = ip_network(str(each), strict=False)
        except ValueError:
            reading.skip("network rules", f"the IP range {each!r} can't be read")
            continue
        if network.prefixlen < _WIDEST[network.version]:
            message = f"the IP range {network} allows a large part of the internet"
            reading.report(rules.NETWORK_OPEN_RANGE, "network rules", message)


def _group(reading: OrganizationReading, group: JsonObject) -> None:
    join = group.get("autoJoin")
    role = text(join.get("role")) if isinstance(join, dict) and join.get("enabled") is True else ""
    if role in _WRITERS:
        name = text(group.get("name"))
        message = f"every new member joins the resource group {name} with the role {role}"
        reading.report(rules.GROUP_AUTO_JOIN, f"resource group {name}", message)
