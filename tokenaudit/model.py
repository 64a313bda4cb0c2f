"""The data model of tokenaudit: everything in a report.

Every class here is frozen data; none holds a credential's value (that is `tokenaudit.secret.Secret`, which is never
part of a report). A report is these classes written as JSON, field by field, so the field names are the contract.

Times are aware `datetime` objects in UTC, written as RFC 3339. Lines and columns count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from typing import Literal, TypeAlias

Likelihood: TypeAlias = Literal["credential", "placeholder", "identifier"]
"""What a match most probably is: a credential, a placeholder such as `hf_xxxx…`, or a word of the same shape."""

Status: TypeAlias = Literal["active", "invalid", "expired", "unknown"]
"""The status according to the Hub. `unknown` covers every response that does not prove one of the others."""

Privilege: TypeAlias = Literal["over", "minimal", "unknown"]
Replacement: TypeAlias = Literal["trusted-publisher", "fine-grained", "no-token", "service-account"]
Certainty: TypeAlias = Literal["needed", "perhaps", "not-seen"]

FindingOrder: TypeAlias = tuple[int, bool, str, str, int, int, str, str, str, str]
"""The one order of credentials and problems, in every report: most severe first, then those that are not known to be
dead, then by target, path, line and column; the rest only makes the order definite."""

Visibility: TypeAlias = Literal["public", "gated", "hidden"]
"""The visibility of a repository without a token. `hidden` is private or missing, which the Hub does not
distinguish."""


PAST_SOURCES = frozenset({"history", "note", "commit-message", "tag-message"})
"""Sources of past states; all others show the current state."""


class Severity(str, Enum):
    """How bad a finding is. Compare with `rank`, never by name."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (info) to 4 (critical)."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Tool:
    """The program that wrote a report."""

    name: str
    version: str


@dataclass(frozen=True)
class Skipped:
    """A place that could not be read or asked, or was read only in part: the reason why "clean" can't be claimed."""

    where: str
    reason: str


@dataclass(frozen=True)
class Target:
    """One audited target, with how much of it was read.

    `objects` counts files, git objects or Hub resources; `bytes` counts their content after decompression. `repository`
    is the root of the repository that contains a local target, as reached from the working directory, and `inside` is
    the path from there to the target with forward slashes ("" for the root): together with a location's `path` it is
    the path that the repository's host uses. A target outside any repository is its own root. `followed` are the
    folders outside the target that were read because it refers to them: a `.git` link or file, a `commondir`, or
    alternates. `head` is the commit that HEAD names, and `web_page` the https address of the repository at GitHub,
    GitLab or the Hub, if the target is a repository with one. `name` is the name of a local folder or file, which
    `target` need not contain (`.`).
    """

    target: str
    kind: str
    objects: int = 0
    bytes: int = 0
    repository: str | None = None
    inside: str = ""
    followed: tuple[str, ...] = ()
    head: str | None = None
    web_page: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Location:
    """One location of a credential.

    `path` is relative to the target with forward slashes; `member` is the entry inside an archive or document, nested
    ones joined by `!/`. `line` and `column` are those of the outermost text that has lines. `end_line` and `end_column`
    are the position after the value, if known. `commit`, `author`, `date` are those of the commit that introduced it.
    `reachable` is whether a ref leads to it, `in_head` whether HEAD contains it. `via` lists the decoders, outermost
    first. `variable` is the variable or key that the value is assigned to, if any. `repeats` is the number of further
    locations in the same file or object that are not listed.
    """

    source: str
    target: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    commit: str | None = None
    author: str | None = None
    date: datetime | None = None
    reachable: bool | None = None
    in_head: bool | None = None
    via: tuple[str, ...] = ()
    member: str | None = None
    object: str | None = None
    variable: str | None = None
    end_line: int | None = None
    end_column: int | None = None
    repeats: int = 0

    @property
    def present(self) -> bool | None:
        """Whether the value is still there; None if unknown."""
        return self.in_head if self.source in PAST_SOURCES or self.in_head is not None else True

    @property
    def order(self) -> tuple[int, str, str, int, int]:
        """Sorts the places of one credential: those that still hold it first, then by target, path and line."""
        kept = {True: 0, None: 1, False: 2}[self.present]
        return (kept, self.target, self.path or "", self.line or 0, self.column or 0)


@dataclass(frozen=True)
class Claims:
    """What a JWT-bodied credential says of itself, read offline and unverified."""

    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    subject: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Account:
    """The account that a credential belongs to."""

    type: str
    name: str


@dataclass(frozen=True)
class Entity:
    """What a grant is bound to: a repository, user, organization, resource group and so on."""

    type: str
    name: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Grant:
    """Permissions on one entity.

    `patterns` narrow them to resources by wildcard, such as `inference-endpoint:gpt2-*`.
    """

    entity: Entity
    permissions: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResourceGroup:
    """A resource group of an organization and the account's role in it."""

    id: str | None
    name: str | None
    role: str | None


@dataclass(frozen=True)
class Organization:
    """An organization the account belongs to. `restrictions` hit this very way of authenticating."""

    name: str
    role: str | None = None
    plan: str | None = None
    restrictions: tuple[str, ...] = ()
    resource_groups: tuple[ResourceGroup, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """The response of the Hub (or, for expiry, the credential itself) about a credential at `checked_at`."""

    status: Status
    checked_at: datetime
    reason: str
    account: Account | None = None
    name: str | None = None
    role: str = "unknown"
    created_at: datetime | None = None
    expires_at: datetime | None = None
    grants: tuple[Grant, ...] = ()
    global_permissions: tuple[str, ...] = ()
    can_read_gated_repos: bool = False
    orgs: tuple[Organization, ...] = ()
    details_known: bool = True
    """False where the Hub named a fine-grained role without its grants: nothing may then be called minimal."""
    endpoint: str | None = None

    @property
    def dead(self) -> bool:
        """Whether it is of no use to anyone any more; nothing revives one."""
        return self.status in {"invalid", "expired"}


@dataclass(frozen=True)
class ReachedRepo:
    """A repository that a credential can read or write.

    `downloads` are those of the last 30 days; `children` is the number of models derived from it and `spaces` the
    number of Spaces that use it, if queried.
    """

    id: str
    type: str
    access: Literal["read", "write"]
    private: bool | None = None
    downloads: int | None = None
    gated: bool | None = None
    children: int | None = None
    spaces: int | None = None


@dataclass(frozen=True)
class Reach:
    """How far a credential reaches. `not_counted` says in words what the numbers leave out."""

    readable: int = 0
    writable: int = 0
    downloads_month: int = 0
    repos: tuple[ReachedRepo, ...] = ()
    private: int = 0
    gated: int = 0
    not_counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """The finding of one rule about a credential: what was found, why it matters, what to do."""

    rule: str
    severity: Severity
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Lowered:
    """A finding that the built-in policy makes and a policy file removed (`now` is None) or lowered.

    `subject` is the fingerprint of a credential, or the place and name of a stored secret.
    """

    subject: str
    rule: str
    severity: Severity
    now: Severity | None
    message: str


@dataclass(frozen=True)
class AcceptedFinding:
    """A finding that the policy file accepts, at one place; `fingerprint` for a credential."""

    rule: str
    severity: Severity
    fingerprint: str | None
    target: str | None
    path: str | None
    line: int | None
    message: str
    status: Status | None = None
    """That of the credential, None for a problem or without an inspection."""


@dataclass(frozen=True)
class AcceptedActive:
    """A credential that the report leaves out as accepted, although it is active according to the Hub.

    `by` is what accepts it: an entry of the policy file's allowlist, the baseline, or an ignore comment on its line
    (`--honour-ignores`). `reason` and `until` are those of the entry. `severity` is the one it would have been reported
    with, `account` its owner, `locations` are those that were accepted.
    """

    fingerprint: str
    kind: str
    display: str
    severity: Severity
    by: Literal["allow", "baseline", "ignore-comment"]
    reason: str = ""
    until: date | None = None
    account: Account | None = None
    locations: tuple[Location, ...] = ()


@dataclass(frozen=True)
class ExpiredExemption:
    """An exemption of the policy file whose last day has passed: its findings count again."""

    organization: str
    until: date
    reason: str


@dataclass(frozen=True)
class Acceptance:
    """An entry of the policy file's allowlist, and the findings of this report that it accepts.

    `until` is the last day on which it counts; from then on it is `expired`, and its findings are in the report again.
    """

    reason: str
    fingerprint: str | None = None
    rule: str | None = None
    path: str | None = None
    until: date | None = None
    expired: bool = False
    findings: tuple[AcceptedFinding, ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """A pattern of `--exclude`, and how much it left out.

    `unread` is the number of files, variables and repositories inside a target that were not read. Of what was read,
    `places` is the number of places with a credential, `problems` and `skipped` those of problems and skipped places.
    """

    pattern: str
    places: int = 0
    problems: int = 0
    skipped: int = 0
    unread: int = 0


@dataclass(frozen=True)
class Policy:
    """The policy that a report was judged by.

    `file` is None for the built-in one. `origin` is where the file comes from: `option` (`--config`), `user` (the
    user's configuration folder), `directory` (the current one). `inside_target` is whether it is inside a scanned
    target, which only `--config` allows. `not_read` is a file in the current directory that was not read because it is
    inside a scanned target. `lowered` are the findings that the file removed or lowered,
    `accepted` the entries of its allowlist, `expired_exemptions` those that no longer apply.
    """

    file: str | None = None
    origin: Literal["built-in", "option", "user", "directory"] = "built-in"
    inside_target: bool = False
    not_read: str | None = None
    lowered: tuple[Lowered, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
    expired_exemptions: tuple[ExpiredExemption, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The policy's judgement of one credential; `severity` is the highest of its reasons.

    `lowered` are the reasons that the built-in policy would give more weight to.
    """

    severity: Severity
    privilege: Privilege
    reasons: tuple[Reason, ...] = ()
    lowered: tuple[Lowered, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """A position in code that shows a need for a permission.

    `need` is a permission of fine-grained tokens, `none` if no token is needed, or `valid-token` if any token is
    enough. `entity` is what it is needed on, None if the code does not name it; its type can be `namespace` if the code
    does not distinguish user and organization. `visibility` is that of a repository according to the Hub, queried
    without a token; None if it was not queried. `target` is the target that `path` is relative to, `job` the CI job.
    """

    need: str
    certainty: Certainty
    path: str | None = None
    line: int | None = None
    what: str = ""
    entity: Entity | None = None
    visibility: Visibility | None = None
    target: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class Recommendation:
    """What to put in a credential's place."""

    replacement: Replacement
    grants: tuple[Grant, ...] = ()
    create_url: str | None = None
    patch: str | None = None
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Credential:
    """One unique credential, identified by its fingerprint, with everything known about it.

    `new` is whether no earlier sweep has found it; None outside of sweeps.
    """

    fingerprint: str
    kind: str
    display: str
    likelihood: Likelihood
    locations: tuple[Location, ...] = ()
    claims: Claims | None = None
    inspection: Inspection | None = None
    reach: Reach | None = None
    verdict: Verdict | None = None
    recommendation: Recommendation | None = None
    new: bool | None = None

    @property
    def severity(self) -> Severity:
        """The severity of the verdict; high for an exposed credential without one, because it can be active."""
        if self.verdict is not None:
            return self.verdict.severity
        return Severity.HIGH if self.locations else Severity.INFO

    @property
    def dead(self) -> bool:
        """Whether it is known to be invalid or expired."""
        return self.inspection is not None and self.inspection.dead

    @cached_property
    def order(self) -> FindingOrder:
        """Sorts findings: see `FindingOrder`."""
        _, target, path, line, column = min((at.order for at in self.locations), default=(0, "", "", 0, 0))
        return (-self.severity.rank, self.dead, target, path, line, column, self.kind, self.fingerprint, "", "")


def accepted_active(
    credential: Credential,
    by: Literal["allow", "baseline", "ignore-comment"],
    reason: str = "",
    until: date | None = None,
) -> AcceptedActive | None:
    """What to report of a credential that is accepted by `by`: None unless it is active."""
    inspection = credential.inspection
    if inspection is None or inspection.status != "active" or credential.likelihood != "credential":
        return None
    return AcceptedActive(
        credential.fingerprint,
        credential.kind,
        credential.display,
        credential.severity,
        by,
        reason,
        until,
        inspection.account,
        credential.locations,
    )


def worst_first(accepted: Iterable[AcceptedActive]) -> tuple[AcceptedActive, ...]:
    """One entry a credential, most severe first."""
    unique = {one.fingerprint: one for one in accepted}
    return tuple(sorted(unique.values(), key=lambda one: (-one.severity.rank, one.fingerprint)))


@dataclass(frozen=True)
class Problem:
    """Misuse of a credential in configuration, without a value being involved.

    `new` is whether no earlier sweep has found it, whatever its line; None outside of sweeps.
    """

    rule: str
    severity: Severity
    target: str
    path: str | None
    line: int | None
    column: int | None
    where: str | None
    credential_name: str | None
    message: str
    remedy: str
    confidence: Literal["high", "medium", "low"] = "high"
    patch: str | None = None
    new: bool | None = None

    @property
    def order(self) -> FindingOrder:
        """Sorts findings: see `FindingOrder`."""
        place = (self.target, self.path or "", self.line or 0, self.column or 0)
        names = (self.rule, self.message, self.where or "", self.credential_name or "")
        return (-self.severity.rank, False, *place, *names)


@dataclass(frozen=True)
class ServiceRepository:
    """A repository that a service account's token has permissions of its own on; they override the organization-wide.

    `type` and `name` are None where no listed repository has the `id` (24 hex digits): one of another owner, or a
    deleted one.
    """

    id: str
    type: str | None = None
    name: str | None = None
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceToken:
    """A token of a service account, as the Hub describes it; its value is never part of it.

    `last4` are the last four characters of the value. `permissions` apply to the whole organization except the
    `repositories`; `endpoint_patterns` restrict those on Inference Endpoints (empty: all). `details_known` is False
    where the Hub's answer lacks rights or has them in another form: nothing is then called minimal. `fingerprint` is
    that of the only known credential that ends in `last4`; where several fit, it is None and they are `candidates`.
    """

    id: str
    name: str
    last4: str | None = None
    role: str = "fineGrained"
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    permissions: tuple[str, ...] = ()
    repositories: tuple[ServiceRepository, ...] = ()
    endpoint_patterns: tuple[str, ...] = ()
    skips_network_security: bool = False
    details_known: bool = True
    verdict: Verdict | None = None
    fingerprint: str | None = None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceAccount:
    """A service account of an organization; `user` is its name in whoami and in the audit log."""

    id: str
    name: str
    description: str | None = None
    created_at: datetime | None = None
    tokens: tuple[ServiceToken, ...] = ()
    user: str = ""
    organization: str = ""


@dataclass(frozen=True)
class SecretName:
    """A secret or variable stored on a platform, by name; its value is never included.

    `target` is where it is stored, such as `spaces/acme/app`; `kind` is such as space-secret, space-variable,
    job-secret, github-secret or gitlab-variable. `updated_at` is when the value was last set, according to the
    platform. `fingerprint` is that of its credential, if the platform shows values and this one is a credential.
    """

    target: str
    name: str
    kind: str = "space-secret"
    updated_at: datetime | None = None
    description: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class Summary:
    """The counts of a report.

    `unlikely` is the number of placeholders and look-alikes, `known` the number of findings removed by a baseline.
    `new` is the number of findings that no earlier sweep has found (None outside of sweeps), `earlier` the number of
    findings of earlier sweeps that the report leaves out.
    """

    credentials: int = 0
    active: int = 0
    over_privileged: int = 0
    problems: int = 0
    unlikely: int = 0
    known: int = 0
    new: int | None = None
    earlier: int = 0

    @classmethod
    def of(
        cls, credentials: Sequence[Credential], problems: Sequence[Problem], unlikely: int | None = None, known: int = 0
    ) -> Summary:
        """Counts a report's findings. `unlikely` is given where its placeholders are no longer among `credentials`."""
        likely = [each for each in credentials if each.likelihood == "credential"]
        return cls(
            credentials=len(likely),
            active=sum(each.inspection is not None and each.inspection.status == "active" for each in likely),
            over_privileged=sum(each.verdict is not None and each.verdict.privilege == "over" for each in likely),
            problems=len(problems),
            unlikely=len(credentials) - len(likely) if unlikely is None else unlikely,
            known=known,
        )


@dataclass(frozen=True)
class Report:
    """Everything one run found and everything it could not look at.

    `command` is the command line of the run, without passwords; empty where a library call made the report. `endpoint`
    is the Hub that was asked, None for an offline run. `excluded` are the places that the user left out. `ignored` is
    the number of places with an ignore comment that `--honour-ignores` left out. `accepted_active` are the credentials
    that are left out as accepted but active, most severe first.
    """

    tool: Tool
    started_at: datetime
    finished_at: datetime
    complete: bool
    skipped: tuple[Skipped, ...] = ()
    targets: tuple[Target, ...] = ()
    credentials: tuple[Credential, ...] = ()
    problems: tuple[Problem, ...] = ()
    summary: Summary = field(default_factory=Summary)
    policy: Policy = field(default_factory=Policy)
    command: str = ""
    endpoint: str | None = None
    service_accounts: tuple[ServiceAccount, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    ignored: int = 0
    accepted_active: tuple[AcceptedActive, ...] = ()
    schema: Literal["tokenaudit/report/1"] = "tokenaudit/report/1"


@dataclass(frozen=True)
class Rule:
    """One rule as its reference page shows it.

    `severity` is the usual one; a finding may raise or lower it. `bad` and `good` are examples, read by the rule's
    own test; for token rules they describe a token in words. `owasp` are the risks of the OWASP Non-Human Identities
    Top 10 (2025) that the rule is about, such as NHI2:2025.
    """

    id: str
    title: str
    severity: Severity
    why: str
    remedy: str
    bad: str
    good: str
    confidence: Literal["high", "medium", "low"] = "high"
    references: tuple[str, ...] = ()
    owasp: tuple[str, ...] = ()
