"""The security settings of an organization: members and two-factor authentication, network rules, resource groups.

Only what the Hub's API tells. Its OpenAPI document has no endpoint for the token policy, for members' tokens or for
Trusted Publishers: these are visible on the organization's and the repositories' settings pages only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
"""The prefix length below which an IP range is taken for a large part of the internet, by IP version."""
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
        """The problems, without repetitions."""
        return tuple(dict.fromkeys(self.found))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be read, with the permission it takes."""
        return tuple(dict.fromkeys(self.missing))

    @property
    def nothing_read(self) -> bool:
        """Whether no request had a response."""
        return self.answers == 0

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

    `plan` is that of the organization, `unknown` where whoami does not name it: what a plan lacks is not asked for.
    """
    reading = OrganizationReading(organization)
    people = reading.answered("members", "org.read", members(hub, organization, secret))
    if people is not None:
        reading.found += _members(reading, people.items)
        if not people.incomplete:
            _departed(hub, reading, secret, people.items)
    if plan in _WITH_NETWORK_RULES:
        rules = network_security(hub, organization, secret)
        network = reading.answered("network rules", "org.networkSecurity.read", rules)
        if network is not None:
            reading.found += _network(reading, network)
    if plan in _WITH_GROUPS:
        groups = reading.answered("resource groups", "org.read", resource_groups(hub, organization, secret))
        for group in groups or ():
            reading.found += _group(organization, group)
    if secret is not None:
        reading.found += _waiting(hub, reading, secret, now)
    return reading


def _waiting(hub: Hub, reading: OrganizationReading, secret: Secret, now: datetime) -> Iterator[Problem]:
    """Finds access requests to gated repositories that nobody has answered for a long time."""
    refused: dict[str, list[str]] = defaultdict(list)
    for kind in _GATED_TYPES:
        found = popularity(hub, reading.organization, kind, secret, limit=_MOST_REPOSITORIES)
        # The listing of repositories reports one that failed.
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
                target = f"{kind}s/{name}"
                yield _problem(reading.organization, REQUESTS_PENDING, waiting, where="access requests", target=target)
    for reason, names in refused.items():
        reading.skip("access requests", f"{listed(names, _SHOWN)}: {reason}")


def _members(reading: OrganizationReading, people: Sequence[JsonObject]) -> Iterator[Problem]:
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
            yield _problem(reading.organization, EXTERNAL_WRITER, message, where=f"member {name}")
    if hidden:
        reason = f"not shown for {count(hidden, 'member')}; needs the role admin in {reading.organization}"
        reading.skip("two-factor authentication of members", reason)
    for severity, names in weak.items():
        who = "administrators" if severity is Severity.HIGH else "members"
        message = f"{who} without two-factor authentication: {listed(sorted(names), _SHOWN)}"
        yield _problem(reading.organization, WITHOUT_TWO_FACTOR, message, severity, where="members")


def _departed(hub: Hub, reading: OrganizationReading, secret: Secret | None, people: Sequence[JsonObject]) -> None:
    """Finds Jobs that run with the token, or in the name, of somebody who is no longer a member."""
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
        reading.skip("owners of Jobs", f"these are no members, but can be service accounts: {names}")
        return
    known = {text(row.get("user")) for row in services} | {text(row.get("name")) for row in services}
    for name in sorted(set(owners) - known - {organization}):
        message = f"{name} is no member, but owns {listed(sorted(owners[name]), _SHOWN)}"
        reading.found.append(_problem(organization, DEPARTED_MEMBER, message, where=f"Jobs of {name}"))


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


def _network(reading: OrganizationReading, rules: JsonObject) -> Iterator[Problem]:
    organization = reading.organization
    ranges, enforced = rules.get("ipRanges"), rules.get("enforceIpRestriction")
    if not isinstance(ranges, list) or not isinstance(enforced, bool):
        reading.skip("network rules", "the Hub returned them in an unknown form")
        return
    if not enforced:
        message = "its IP ranges are not enforced" if ranges else "tokens work from every address: it has no IP ranges"
        severity = Severity.MEDIUM if ranges else Severity.INFO
        yield _problem(organization, NETWORK_NOT_ENFORCED, message, severity, where="network rules")
        return
    for each in ranges:
        try:
            network = ip_network(str(each), strict=False)
        except ValueError:
            reading.skip("network rules", f"the IP range {each!r} can't be read")
            continue
        if network.prefixlen < _WIDEST[network.version]:
            message = f"the IP range {network} allows a large part of the internet"
            yield _problem(organization, NETWORK_OPEN_RANGE, message, where="network rules")


def _group(organization: str, group: JsonObject) -> Iterator[Problem]:
    join = group.get("autoJoin")
    role = text(join.get("role")) if isinstance(join, dict) and join.get("enabled") is True else ""
    if role in _WRITERS:
        name = text(group.get("name"))
        message = f"every new member joins the resource group {name} with the role {role}"
        yield _problem(organization, GROUP_AUTO_JOIN, message, where=f"resource group {name}")


def _problem(
    organization: str,
    rule: Rule,
    message: str,
    severity: Severity | None = None,
    *,
    where: str,
    target: str | None = None,
) -> Problem:
    return Problem(
        rule=rule.id,
        severity=severity or rule.severity,
        target=target or f"organization/{organization}",
        path=None,
        line=None,
        column=None,
        where=where,
        credential_name=None,
        message=message,
        remedy=rule.remedy,
    )


WITHOUT_TWO_FACTOR = Rule(
    id="org-member-without-2fa",
    title="Member without two-factor authentication",
    severity=Severity.HIGH,
    why="A stolen password is enough to sign in and create tokens with the rights of the member.",
    remedy="Require two-factor authentication in the settings of the organization, or remove the member.",
    bad="An administrator without two-factor authentication.",
    good="Two-factor authentication required for all members.",
)

EXTERNAL_WRITER = Rule(
    id="org-external-collaborator-write",
    title="External collaborator who can write",
    severity=Severity.MEDIUM,
    why="The rules for accounts of the organization, such as single sign-on, do not apply to external collaborators.",
    remedy="Give the role read or contributor, or a resource group with the repositories that are needed.",
    bad="An external collaborator with the role write.",
    good="An external collaborator with the role contributor.",
)

DEPARTED_MEMBER = Rule(
    id="org-departed-member",
    title="Job of a former member",
    severity=Severity.HIGH,
    why="The Job runs with the token of somebody who left: nobody rotates it, and its owner can still use it.",
    remedy="Recreate the Job with a token of a service account, then delete the old Job.",
    bad="A scheduled Job whose token belongs to a former member.",
    good="A scheduled Job with a token of a service account.",
)

NETWORK_NOT_ENFORCED = Rule(
    id="org-network-not-enforced",
    title="IP ranges not enforced",
    severity=Severity.MEDIUM,
    why="Without an enforced IP allowlist a stolen token works from everywhere.",
    remedy="Define the IP ranges of the organization and enforce them, after a check of its consumers.",
    bad="IP ranges without enforcement.",
    good="Enforced IP ranges of offices and CI runners.",
)

NETWORK_OPEN_RANGE = Rule(
    id="org-network-open-range",
    title="IP range that allows nearly everyone",
    severity=Severity.HIGH,
    why="A range such as 0.0.0.0/0 makes the IP allowlist ineffective.",
    remedy="Replace the range by the addresses of offices and CI runners.",
    bad="0.0.0.0/0 in the enforced IP ranges.",
    good="203.0.113.0/24 in the enforced IP ranges.",
)

GROUP_AUTO_JOIN = Rule(
    id="org-group-auto-join",
    title="Resource group that everyone joins with write access",
    severity=Severity.MEDIUM,
    why="Every new member, and every token of theirs, can write the repositories of the group.",
    remedy="Set the role of automatic members to read or contributor.",
    bad="A resource group that new members join with the role admin.",
    good="A resource group that new members join with the role read.",
)

REQUESTS_PENDING = Rule(
    id="repo-access-requests-pending",
    title="Unanswered access requests",
    severity=Severity.INFO,
    why="People who wait for access to a gated repository borrow the token of somebody who has it.",
    remedy="Accept or reject the requests in the settings of the repository, or switch to automatic approval.",
    bad="An access request that is pending for three months.",
    good="Access requests that are answered within days.",
)

RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        REQUESTS_PENDING,
        WITHOUT_TWO_FACTOR, EXTERNAL_WRITER, DEPARTED_MEMBER, NETWORK_NOT_ENFORCED, NETWORK_OPEN_RANGE, GROUP_AUTO_JOIN,
    )
}  # fmt: skip
