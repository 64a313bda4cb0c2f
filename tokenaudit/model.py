"""The data model of tokenaudit: everything in a report.

Every class here is frozen data; none holds a credential's value (that is `tokenaudit.secret.Secret`, which is never
part of a report). A report is these classes written as JSON, field by field, so the field names are the contract.

Times are aware `datetime` objects in UTC, written as RFC 3339. Lines and columns count from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal, TypeAlias

Likelihood: TypeAlias = Literal["credential", "placeholder", "identifier"]
"""What a match most probably is: a credential, a stand-in such as `hf_xxxx…`, or a word that merely has the shape."""

Status: TypeAlias = Literal["active", "invalid", "expired", "unknown"]
"""What the Hub said of a credential. `unknown` covers every answer that does not prove one of the others."""

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
        return list(Severity).index(self)


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
    """One thing that was audited, with how much of it was read.

    `objects` counts files, git objects or Hub resources; `bytes` counts their content after decompression.
    `repository` names the root of the repository that a local target lies in, as it is reached from the folder of the
    run, and `inside` is the path from there to the target with forward slashes ("" for the root itself): together with
    a location's `path` that is the path that the repository's host knows. A target in no repository is its own root.
    `followed` are the folders outside of the target that were read because it leads there: a `.git` link or file, a
    `commondir`, or alternates.
    """

    target: str
    kind: str
    objects: int = 0
    bytes: int = 0
    repository: str | None = None
    inside: str = ""
    followed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Location:
    """One spot where a credential stands.

    `path` is relative to the target with forward slashes; `member` names the entry inside an archive or document,
    nested ones joined by `!/`. `line` and `column` are those of the outermost text that can be pointed at.
    `end_line` and `end_column` are those of the first character behind the value, where they are known.
    `commit`, `author`, `date` name the commit that introduced it. `reachable` says whether a ref still leads to it,
    `in_head` whether it stands in the current HEAD. `via` is how it had to be unwrapped, outermost first. `variable` is
    the variable or key that the value is assigned to, where the text shows one. `repeats` counts further places behind
    this one in the same file or object that are not listed: only the first ones of each credential are.
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
    """Who a credential speaks for."""

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
    """What the Hub (or, for expiry, the credential itself) said of a credential at `checked_at`."""

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

    `downloads` are those of the last 30 days; `children` the models derived from it and `spaces` the Spaces that use
    it, where that was asked.
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
    """One rule's word on a credential: what was seen, why it matters, what to do."""

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
class Policy:
    """Which policy a report was judged by.

    `file` is None for the built-in one. `origin` says where the file came from: `option` (`--config`), `user` (the
    user's configuration folder), `directory` (the current one). `inside_target` is whether it lies inside a scanned
    target, which only `--config` allows. `not_read` is a file in the current directory that was not read, since it
    lies inside a scanned target. `lowered` is what the file changed for the better.
    """

    file: str | None = None
    origin: Literal["built-in", "option", "user", "directory"] = "built-in"
    inside_target: bool = False
    not_read: str | None = None
    lowered: tuple[Lowered, ...] = ()


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
    """A spot in code that shows a need for a permission.

    `need` is a permission of fine-grained tokens, `none` where no token is needed at all, or `valid-token` where any
    token will do. `entity` is what it is needed on, None where the code does not say; its type may be `namespace` where
    user and organization can't be distinguished by code. `visibility` is what the Hub said of a repository, asked
    without a token; None where it was not asked. `target` is the audited place that `path` is relative to, `job` the CI
    job.
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
    """One unique credential, known by its fingerprint, with everything learnt about it."""

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

    @property
    def severity(self) -> Severity:
        """The verdict's; an exposed credential that nobody judged counts as high, since it may be active."""
        if self.verdict is not None:
            return self.verdict.severity
        return Severity.HIGH if self.locations else Severity.INFO

    @property
    def dead(self) -> bool:
        """Whether it is known to be invalid or expired."""
        return self.inspection is not None and self.inspection.dead

    @property
    def order(self) -> FindingOrder:
        """Sorts findings: see `FindingOrder`."""
        _, target, path, line, column = min((at.order for at in self.locations), default=(0, "", "", 0, 0))
        return (-self.severity.rank, self.dead, target, path, line, column, self.kind, self.fingerprint, "", "")


@dataclass(frozen=True)
class Problem:
    """Misuse of a credential in configuration, without a value being involved."""

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

    @property
    def order(self) -> FindingOrder:
        """Sorts findings: see `FindingOrder`."""
        place = (self.target, self.path or "", self.line or 0, self.column or 0)
        names = (self.rule, self.message, self.where or "", self.credential_name or "")
        return (-self.severity.rank, False, *place, *names)


@dataclass(frozen=True)
class SecretName:
    """A secret or variable kept on a platform, by name; its value is never part of it.

    `target` is where it is kept, as in `spaces/acme/app`; `kind` is such as space-secret, space-variable, job-secret,
    github-secret or gitlab-variable. `updated_at` is when the platform says the value was last set. `fingerprint` is
    that of its credential, where the platform shows values and this one is a credential.
    """

    target: str
    name: str
    kind: str = "space-secret"
    updated_at: datetime | None = None
    description: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class Summary:
    """The numbers a reader looks at first.

    `unlikely` counts placeholders and look-alikes that were seen, `known` the findings that a baseline took out.
    """

    credentials: int = 0
    active: int = 0
    over_privileged: int = 0
    problems: int = 0
    unlikely: int = 0
    known: int = 0

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
    """Everything one run found and everything it could not look at."""

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
    schema: Literal["tokenaudit/report/1"] = "tokenaudit/report/1"


@dataclass(frozen=True)
class Rule:
    """One rule as its reference page shows it.

    `severity` is the usual one; a finding may raise or lower it. `bad` and `good` are examples, read by the rule's
    own test; for token rules they describe a token in words.
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
