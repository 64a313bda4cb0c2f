"""GitHub Actions workflows and composite actions, and those of Gitea and Forgejo, which read the same files."""

from __future__ import annotations

import re

from tokenaudit.ci.model import Action, BindingKind, BindingScope, Job, Pipeline, Step, Trigger
from tokenaudit.ci.systems import WORKFLOW
from tokenaudit.ci.systems.common import bindings, language_of, parse_script, scalars, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence
from tokenaudit.work_budget import WorkBudget

NAME = "github"
_MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads a workflow or an action.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    is_action = re.search(WORKFLOW, path) is None
    pipeline, root = yaml_pipeline(path, text, budget, NAME, "action" if is_action else "pipeline")
    if is_action:
        runs = root.map("runs")
        if runs is not None:
            job = Job("runs", "runs", runs.line, runs.column, node=runs)
            job.others = bindings(runs.get("env"), BindingKind.ENVIRONMENT, BindingScope.CONTAINER)
            job.steps = _steps(runs.get("steps"), None, budget)
            pipeline.jobs.append(job)
        return pipeline
    pipeline.triggers = _triggers(root)
    pipeline.env = bindings(root.get("env"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE)
    shell = _default_shell(root)
    jobs = root.map("jobs")
    for key, value in jobs.entries if jobs else []:
        if isinstance(value, Mapping):
            pipeline.jobs.append(_job(key, value, root.map("permissions")))
            pipeline.jobs[-1].steps += _steps(value.get("steps"), _default_shell(value) or shell or _own(value), budget)
    return pipeline


def _triggers(root: Mapping) -> list[Trigger]:
    node = root.get("on")
    if isinstance(node, Mapping):
        return [Trigger(key.value, key.line, key.column, f"on.{key.value}") for key, _ in node.entries]
    items = node.items if isinstance(node, Sequence) else [node]
    return [Trigger(item.value, item.line, item.column, item.text.where) for item in items if isinstance(item, Scalar)]


def _default_shell(node: Mapping) -> str | None:
    defaults = node.map("defaults")
    run = defaults.map("run") if defaults else None
    return run.string("shell") if run else None


def _own(job: Mapping) -> str | None:
    """The default shell of a runner: PowerShell on Windows."""
    runner = job.get("runs-on")
    labels = runner.get("labels") if isinstance(runner, Mapping) else runner
    values = [label.value.lower() for label in scalars(labels)]
    matrix = _MATRIX.fullmatch(values[0].strip()) if len(values) == 1 else None
    if matrix is None:
        return "pwsh" if any(value.split("-")[0] == "windows" for value in values) else None
    strategy = job.map("strategy")
    axes = strategy.map("matrix") if strategy else None
    systems = [one.value.lower() for one in scalars(axes.get(matrix[1]))] if axes else []
    return "pwsh" if systems and all(system.split("-")[0] == "windows" for system in systems) else None


def _job(key: Scalar, node: Mapping, permissions: Mapping | None) -> Job:
    where = f"jobs.{key.value}"
    job = Job(key.value, where, key.line, key.column, node=node, condition=node.string("if") or "")
    job.env = bindings(node.get("env"), BindingKind.ENVIRONMENT, BindingScope.JOB)
    job.permissions = node.map("permissions") or permissions
    environment = node.get("environment")
    if isinstance(environment, Scalar):
        job.environment = environment.value
    elif isinstance(environment, Mapping):
        job.environment = environment.string("name")
    uses = node.scalar("uses")
    if uses is not None:
        job.calls = Action(uses.text)
        step = Step(where, uses.line, uses.column, action=job.calls)
        step.inputs = bindings(node.get("with"), BindingKind.INPUT, BindingScope.STEP)
        secrets = node.get("secrets")
        if isinstance(secrets, Scalar) and secrets.value == "inherit":
            job.inherits = secrets.text
        step.inputs += bindings(secrets, BindingKind.SECRET, BindingScope.STEP)
        job.steps.append(step)
    containers = [node.get("container")]
    services = node.map("services")
    containers += [value for _, value in services.entries] if services else []
    for container in containers:
        if isinstance(container, Mapping):
            job.others += bindings(container.get("env"), BindingKind.ENVIRONMENT, BindingScope.CONTAINER)
    return job


def _steps(node: Node | None, shell: str | None, budget: WorkBudget) -> list[Step]:
    items = node.items if isinstance(node, Sequence) else []
    return [_step(item, shell, budget) for item in items if isinstance(item, Mapping)]


def _step(node: Mapping, shell: str | None, budget: WorkBudget) -> Step:
    step = Step(node.where, node.line, node.column, condition=node.string("if") or "")
    step.env = bindings(node.get("env"), BindingKind.ENVIRONMENT, BindingScope.STEP)
    step.inputs = bindings(node.get("with"), BindingKind.INPUT, BindingScope.STEP)
    uses = node.scalar("uses")
    if uses is not None:
        step.action = Action(uses.text)
    run = node.scalar("run")
    if run is not None:
        step.script = parse_script(run.text, budget, language_of(node.string("shell") or shell or "bash"))
    return step
