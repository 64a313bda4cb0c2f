"""One sweep from start to end: plan, work, remember, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tokenaudit._version import __version__
from tokenaudit.audit.aggregate import Findings
from tokenaudit.audit.assessment import report as assessed_report
from tokenaudit.inventory import Inventory
from tokenaudit.model import Credential, Inspection, Report, Skipped, Tool
from tokenaudit.policy.settings import Settings
from tokenaudit.sweep.config import SweepScope
from tokenaudit.sweep.cross_checks import across, lowered
from tokenaudit.sweep.executors import ExecutorPool
from tokenaudit.sweep.plan import SweepPlan, plan
from tokenaudit.sweep.progress import NullDisplay, ProgressDisplay
from tokenaudit.sweep.scheduler import SweepStopped, work
from tokenaudit.sweep.worker_context import WorkerContext, install

TOOL = Tool("tokenaudit", __version__)


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found.

    `new` is the report cut down to what no earlier sweep had seen; `number` names the sweep in the inventory;
    `finished` is False where it has to be run again to read the rest.
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
    """Audits everything `scope` covers and remembers it in `inventory`.

    A sweep of the same scope that was cut short is continued. `full` reads unchanged places again, too. `ends` are what
    the Hub said of credentials that are known to be dead, by fingerprint: in an unchanged place nobody asks again.

    Raises:
        UsageError: a namespace doesn't exist, or the Hub can't be asked at all.
        InventoryError: it can't be written, or another sweep is writing it.
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
        lowered=lowered(found.secrets, settings, context.names, moment),
    )  # fmt: skip
    fresh = frozenset(found.new_credentials)
    new = replace(
        whole,
        credentials=tuple(credential for credential in whole.credentials if credential.fingerprint in fresh),
        problems=found.new_problems,
    )
    return SweepResult(whole, new, number, stopped is None)


def _bare(credential: Credential) -> Credential:
    return replace(credential, verdict=None, recommendation=None)
