"""Inspected credentials as trees: grants with the dangerous ones marked, organizations, reach, verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenaudit.model import Severity
from tokenaudit.permissions import danger, effect_of, is_known
from tokenaudit.report import presentation
from tokenaudit.report.terminal import STYLES, TerminalWriter, clean
from tokenaudit.report.text import policy
from tokenaudit.text import ALL_IN_JSON, and_more, count, visible
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from tokenaudit.model import Credential, Entity, Grant, Inspection, Organization, Reach, Report, Verdict
    from tokenaudit.report import Options
    from tokenaudit.report.terminal import Span

_MOST = 30
_STATUS = {"active": "bold", "unknown": "yellow", "invalid": "dim", "expired": "dim"}
_PRIVILEGE = {
    "over": ("over-privileged", "bold red"),
    "minimal": ("minimal: no excess permission", "bold green"),
    "unknown": ("privilege unknown", "yellow"),
}


@dataclass(frozen=True)
class TreeNode:
    """One line of the tree and its children."""

    spans: tuple[Span, ...]
    below: tuple[TreeNode, ...] = ()


def render(report: Report, options: Options) -> str:
    """One tree per credential, the worst first; then skipped checks and the summary."""
    screen = TerminalWriter(options.color, options.width)
    for credential in presentation.likely(report):
        _draw(screen, _credential(credential, report))
        screen.blank()
    if options.show_unlikely:
        for credential in presentation.unlikely(report):
            screen.add((f"{credential.likelihood}", "dim"), f"  {clean(credential.display)}")
    for skipped in report.skipped[:_MOST]:
        screen.add(("SKIPPED ", "bold yellow"), f"{clean(skipped.where)}: {clean(skipped.reason)}")
    if left := and_more(len(report.skipped), _MOST, ALL_IN_JSON):
        screen.add((left, "dim"))
    screen.add((_closing(report), "bold"))
    policy(screen, report.policy)
    return screen.written()


def _closing(report: Report) -> str:
    credentials = presentation.likely(report)
    active = sum(c.inspection is not None and c.inspection.status == "active" for c in credentials)
    over = sum(c.verdict is not None and c.verdict.privilege == "over" for c in credentials)
    known = f"{count(len(credentials), 'credential')}: {active:,} active, {over:,} over-privileged."
    if report.complete:
        return known
    return f"{known} Incomplete: {count(len(report.skipped), 'check')} skipped."


def _credential(credential: Credential, report: Report) -> TreeNode:
    severity = credential.severity
    head: tuple[Span, ...] = (
        (f" {severity.value.upper()} ", STYLES[severity]),
        "  ",
        (clean(credential.display), "bold"),
        f"  {clean(credential.kind).replace('_', ' ')}  ",
        (credential.fingerprint, "dim"),
    )
    inspection = credential.inspection
    parts: list[TreeNode] = []
    if inspection is not None:
        parts.append(TreeNode(tuple(_who(inspection, report))))
        parts += _grants(inspection)
        parts += _organizations(inspection.orgs)
    if credential.reach is not None:
        parts.append(_reach(credential.reach))
    judged = credential.verdict is not None and credential.verdict.reasons
    if inspection is not None and inspection.dead and not judged:
        parts.append(TreeNode(("no action: no longer valid",)))
        return TreeNode(head, tuple(parts))
    if credential.verdict is not None:
        parts.append(_verdict(credential.verdict))
    wide = credential.verdict is not None and credential.verdict.privilege != "minimal"
    if wide and credential.recommendation is not None and credential.recommendation.create_url:
        link = (visible(credential.recommendation.create_url), "underline")
        parts.append(TreeNode(("create a narrower token: ", link)))
    return TreeNode(head, tuple(parts))


def _who(inspection: Inspection, report: Report) -> Iterator[Span]:
    yield inspection.status, _STATUS[inspection.status]
    if inspection.account is not None:
        yield f": {clean(inspection.account.name)} ({clean(inspection.account.type)}), role {clean(inspection.role)}"
    if inspection.name:
        yield f', named "{clean(inspection.name)}"'
    if inspection.created_at is not None:
        days = (report.started_at - inspection.created_at).days
        yield f", created {day(inspection.created_at)} ({count(max(days, 0), 'day')} ago)"
    if inspection.expires_at is not None:
        yield f", expires {minute(inspection.expires_at)} UTC"
    if inspection.account is None or not inspection.details_known:
        yield f": {clean(inspection.reason)}", "yellow" if inspection.status == "unknown" else "dim"


def _grants(inspection: Inspection) -> list[TreeNode]:
    nodes = [_grant(grant) for grant in inspection.grants[:_MOST]]
    if left := and_more(len(inspection.grants), _MOST):
        nodes.append(TreeNode((left,)))
    everywhere = [_permission(name, None) for name in inspection.global_permissions]
    if inspection.can_read_gated_repos:
        everywhere.append(TreeNode(("read public gated repositories that its owner can access",)))
    if everywhere:
        nodes.append(TreeNode((("everywhere", "bold"),), tuple(everywhere)))
    if not nodes and inspection.status == "active":
        broad = {
            "write": "write everything its owner can write",
            "read": "read everything its owner can read",
            "god": "anything",
        }
        if inspection.role in broad:
            nodes.append(TreeNode((("! ", "bold red"), f"can {broad[inspection.role]}")))
        elif inspection.details_known:
            nodes.append(TreeNode(("no permissions besides identifying its owner",)))
    return [TreeNode((("can", "bold"),), tuple(nodes))] if nodes else []


def _grant(grant: Grant) -> TreeNode:
    entity = grant.entity
    name = clean(entity.name or entity.id or "(unnamed)")
    patterns = f" (only {clean(', '.join(grant.patterns))})" if grant.patterns else ""
    permissions = tuple(_permission(name_, entity) for name_ in grant.permissions[:_MOST])
    return TreeNode(((f"{clean(entity.type)} {name}", "bold"), patterns), permissions)


def _permission(name: str, entity: Entity | None) -> TreeNode:
    grade = danger(name, entity)
    words = effect_of(name) if is_known(name) else "unknown; counts as dangerous"
    mark: Span = ("! ", STYLES[grade]) if grade.rank >= Severity.HIGH.rank else "  "
    return TreeNode((mark, clean(name), (f"  {words}", "dim")))


def _organizations(orgs: Sequence[Organization]) -> list[TreeNode]:
    if not orgs:
        return []
    nodes = []
    for org in orgs[:_MOST]:
        plan = f", {clean(org.plan)}" if org.plan else ""
        shut: Span = (f", no access: {clean(', '.join(org.restrictions))}", "yellow") if org.restrictions else ""
        groups = [
            f"{clean(group.name or group.id or '?')} ({clean(group.role or '?')})" for group in org.resource_groups
        ]
        grouped = f", groups: {', '.join(groups[:5])}" if groups else ""
        nodes.append(TreeNode((f"{clean(org.name)}: {clean(org.role or 'unknown role')}{plan}{grouped}", shut)))
    if left := and_more(len(orgs), _MOST):
        nodes.append(TreeNode((left,)))
    return [TreeNode((("organizations", "bold"),), tuple(nodes))]


def _reach(reach: Reach) -> TreeNode:
    head = (
        f"writes {count(reach.writable, 'repo')}"
        f", reads {reach.readable:,} ({reach.private:,} private, {reach.gated:,} gated)"
    )
    pulled = f"; writable repositories have {reach.downloads_month:,} downloads/month" if reach.downloads_month else ""
    below = [
        TreeNode(
            (
                f"{clean(repo.type)} {clean(repo.id)}",
                (f"  {repo.access}, {repo.downloads or 0:,} downloads/month", "dim"),
            )
        )
        for repo in reach.repos[:5]
    ]
    below += [TreeNode((("not counted: ", "yellow"), clean(words))) for words in reach.not_counted[:5]]
    return TreeNode((("reach ", "bold"), head + pulled), tuple(below))


def _verdict(verdict: Verdict) -> TreeNode:
    words, style = _PRIVILEGE[verdict.privilege]
    below = []
    for reason in verdict.reasons:
        remedy = (TreeNode((("→ ", "dim"), clean(reason.remedy))),) if reason.remedy else ()
        grade = (f"{reason.severity.value} ", STYLES[reason.severity])
        below.append(TreeNode((grade, clean(reason.message), (f"  [{clean(reason.rule)}]", "dim")), remedy))
    return TreeNode((("verdict ", "bold"), (words, style)), tuple(below))


def _draw(screen: TerminalWriter, node: TreeNode, guide: str = "", *, last: bool = True, top: bool = True) -> None:
    lead = "" if top else guide + ("└─ " if last else "├─ ")
    screen.add(*node.spans, label=lead, column=len(lead))
    inner = "" if top else guide + ("   " if last else "│  ")
    for number, below in enumerate(node.below):
        _draw(screen, below, inner, last=number == len(node.below) - 1, top=False)
