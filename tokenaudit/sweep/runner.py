"""Runs a sweep: plan, tasks, inventory, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from tokenaudit._version import __version__
from tokenaudit.audit.aggregate import Findings
from tokenaudit.audit.assessment import report as assessed_report
from tokenaudit.content.repository_policy import repository_problems
from tokenaudit.inventory import Inventory
from tokenaudit.model import Credential, Inspection, Problem, Report, Skipped, Summary, Tool
from tokenaudit.policy.settings import Settings
from tokenaudit.service_accounts.assess import assessed
from tokenaudit.service_accounts.assess import problems as service_problems
from tokenaudit.sweep.config import SweepScope
from tokenaudit.sweep.cross_checks import across, lowered
from tokenaudit.sweep.plan import SweepPlan, plan
from tokenaudit.sweep.progress import NullDisplay, ProgressDisplay
from tokenaudit.sweep.scheduler import ExecutorPool, SweepStopped, work
from tokenaudit.sweep.worker_context import WorkerContext, install

TOOL = Tool("tokenaudit", __version__)


@dataclass(frozen=True)
class SweepResult:
    """Result of a sweep.

    `new` is the report restricted to what no earlier sweep found; `number` is that of the sweep in the inventory;
    `finished` is False if the sweep must be run again to read the rest.
    """

    report: Report
    new: Report
    number: int
    finished: bool


def sweep(
    scope: SweepScope,
    context: WorkerContext,
    inventory: Inventory,
    *,
    executor_pool: ExecutorPool,
    settings: Settings | None = None,
    screen: ProgressDisplay | None = None,
    full: bool = False,
    ends: Mapping[str, Inspection] | None = None,
    now: Callable[[], datetime] | None = None,
) -> SweepResult:
    """Audit everything in `scope` and record it in `inventory`.

    An interrupted sweep of the same scope is continued. `full` also reads unchanged places again. `ends` are the
    inspections of revoked credentials by fingerprint, since credentials of unchanged places are not inspected again.

    Raises:
        UsageError: a namespace doesn't exist, or requests to the Hub fail.
        InventoryError: the inventory can't be written, or another sweep is writing it.
    """
    now = now or context.now
    screen = screen or NullDisplay()
    settings = settings or Settings()
    with inventory.alone():
        install(context)
        made = plan(context, scope)
        running = inventory.begin(scope.name, scope.namespaces, now())
        context.inspecting.learn(inventory.inspections(running.id))
        states = None if full else inventory.states()
        stopped = work(
            made.tasks,
            context,
            inventory,
            running.id,
            states=states,
            executor_pool=executor_pool,
            screen=screen,
            now=now,
        )
        inventory.ended(ends or {})
        swept = _report(inventory, running.id, running.started_at, made, context, settings, stopped, now)
        inventory.assessed(swept.report.credentials)
        if swept.finished:
            removed = made.removed(inventory.places([task.namespace for task in made.tasks]), scope)
            inventory.end(running.id, now(), complete=swept.report.complete, removed=removed)
    return swept


def _report(
    inventory: Inventory,
    number: int,
    started_at: datetime,
    made: SweepPlan,
    context: WorkerContext,
    settings: Settings,
    stopped: SweepStopped | None,
    now: Callable[[], datetime],
) -> SweepResult:
    found = inventory.swept(number)
    moment = now()
    problems = across(found.secrets, made.repositories, settings, context.names, moment)
    for repository in made.repositories:
        problems += repository_problems(repository.target, repository.files or ())
    known = [each.credential for each in inventory.credentials()] if found.service_accounts else []
    accounts = assessed(found.service_accounts, known, settings, moment)
    problems += service_problems(accounts)
    skipped = [*found.skipped, *made.skipped]
    skipped += inventory.damage.skipped()
    if stopped is not None:
        skipped.append(Skipped("the rest of the sweep", stopped.reason))
    findings = Findings(
        credentials={credential.fingerprint: _bare(credential) for credential in found.credentials},
        problems=sorted({*found.problems, *problems}, key=lambda problem: problem.order),
        skipped=sorted(set(skipped), key=lambda gap: (gap.where, gap.reason)),
        targets=list(found.targets),
    )
    inspections: dict[str, Inspection] = {
        credential.fingerprint: credential.inspection for credential in found.credentials if credential.inspection
    }
    whole = assessed_report(
        findings, inspections, settings, started_at=started_at, now=now, tool=TOOL,
        lowered=lowered(found.secrets, settings, context.names, moment), endpoint=context.hub.endpoint,
    )  # fmt: skip
    eased = (one for account in accounts for token in account.tokens if token.verdict for one in token.verdict.lowered)
    policy = replace(whole.policy, lowered=(*whole.policy.lowered, *eased))
    whole = replace(whole, service_accounts=accounts, policy=policy)
    computed = inventory.across(number, problems)
    marked = _marked(whole, frozenset(found.new_credentials), frozenset({*found.new_problems, *computed}))
    return SweepResult(marked, only_new(marked), number, stopped is None)


def _marked(report: Report, credentials: AbstractSet[str], problems: AbstractSet[Problem]) -> Report:
    """`report` with what is new: the credentials with these fingerprints and these problems."""
    return _counted(
        replace(
            report,
            credentials=tuple(replace(found, new=found.fingerprint in credentials) for found in report.credentials),
            problems=tuple(replace(found, new=found in problems) for found in report.problems),
        )
    )


def only_new(report: Report) -> Report:
    """`report` without what earlier sweeps have found."""
    credentials = tuple(found for found in report.credentials if found.new or found.likelihood != "credential")
    problems = tuple(found for found in report.problems if found.new)
    left_out = len(report.credentials) + len(report.problems) - len(credentials) - len(problems)
    return _counted(replace(report, credentials=credentials, problems=problems), left_out)


def _counted(report: Report, earlier: int = 0) -> Report:
    likely = [found for found in report.credentials if found.likelihood == "credential"]
    new = sum(found.new is True for found in likely) + sum(found.new is True for found in report.problems)
    return replace(report, summary=replace(Summary.of(report.credentials, report.problems), new=new, earlier=earlier))


def _bare(credential: Credential) -> Credential:
    return replace(credential, verdict=None, recommendation=None)
