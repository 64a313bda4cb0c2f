"""Bitbucket Pipelines."""

from __future__ import annotations

from tokenaudit.ci.model import Action, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.systems.common import bindings, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Sequence, walk
from tokenaudit.work_budget import WorkBudget

NAME = "bitbucket"


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the steps of all pipelines.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    seen: set[tuple[int, int]] = set()
    for node in walk(root):
        if isinstance(node, Mapping) and node.get("script") is not None and (node.line, node.column) not in seen:
            seen.add((node.line, node.column))
            pipeline.jobs.append(_job(node, budget))
    return pipeline


def _job(node: Mapping, budget: WorkBudget) -> Job:
    job = Job(node.string("name") or node.where, node.where, node.line, node.column, node=node)
    job.environment = node.string("deployment")
    lines = scalars(node.get("script"), node.get("after-script"))
    windows = any(label.value == "windows" for label in scalars(node.get("runs-on")))
    language = "powershell" if windows else "bash"
    job.steps = script_step(lines, f"{node.where}.script", budget, language=language)
    script = node.get("script")
    for item in script.items if isinstance(script, Sequence) else []:
        pipe = item.scalar("pipe") if isinstance(item, Mapping) else None
        if pipe is not None and isinstance(item, Mapping):
            step = Step(item.where, item.line, item.column, action=Action(pipe.text))
            step.inputs = bindings(
                item.get("variables"), BindingKind.INPUT, BindingScope.STEP, variables, dynamic_sign="$"
            )
            job.steps.append(step)
    return job
