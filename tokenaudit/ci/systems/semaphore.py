"""Semaphore."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.systems.common import bindings, detect_language, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Scalar
from tokenaudit.work_budget import WorkBudget

NAME = "semaphore"


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the jobs of all blocks, and what runs before and after the jobs of a block as a separate job.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    general = root.map("global_job_config")
    if general is not None:
        pipeline.env = _given(general, BindingScope.PIPELINE)
        pipeline.jobs.append(_job(general, budget))
    for block in (*root.items("blocks"), *root.items("after_pipeline")):
        task = block.map("task") if isinstance(block, Mapping) else None
        if task is None:
            continue
        own = _given(task, BindingScope.JOB)
        nodes = [task, *(node for node in task.items("jobs") if isinstance(node, Mapping))]
        for node in nodes:
            job = _job(node, budget)
            job.env = own if node is task else _given(node, BindingScope.JOB)
            job.shared = () if node is task else own
            pipeline.jobs.append(job)
    return pipeline


def _given(node: Mapping, level: BindingScope) -> list[Binding]:
    return bindings(node.get("env_vars"), BindingKind.ENVIRONMENT, level, variables, dynamic_sign="$")


def _job(node: Mapping, budget: WorkBudget) -> Job:
    job = Job(node.string("name") or node.where, node.where, node.line, node.column, node=node)
    for where, lines in _commands(node):
        job.steps += script_step(lines, where, budget, language=detect_language(lines))
    return job


def _commands(node: Mapping) -> Iterator[tuple[str, list[Scalar]]]:
    epilogue = node.map("epilogue")
    ends = [value for _, value in epilogue.entries] if epilogue else []
    for part in (node.map("prologue"), node, *ends):
        if isinstance(part, Mapping):
            yield f"{part.where}.commands", scalars(part.get("commands"))
