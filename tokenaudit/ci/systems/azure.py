"""Azure Pipelines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Action, BindingKind, BindingScope, Job, Pipeline, Step, sources_in
from tokenaudit.ci.shell import SpanText
from tokenaudit.ci.systems.common import bindings, parse_script, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Sequence
from tokenaudit.work_budget import WorkBudget

NAME = "azure"
_MACRO = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)")
_SHELLS = {"bash": "bash", "pwsh": "powershell", "powershell": "powershell"}
_TASKS = {"bash": "bash", "shellscript": "bash", "powershell": "powershell", "cmdline": "script", "batchscript": "cmd"}
"""The language of the inline script of a task; `script` is that of the agent's operating system."""


def as_shell(script: str) -> str:
    """A script with its `$(NAME)` macros written as `${NAME}`, at the same positions."""
    return _MACRO.sub(lambda match: "${" + re.sub(r"[.-]", "_", match[1]) + "}", script)


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads stages, jobs and steps at any place in the file.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    pipeline.env = bindings(
        root.get("variables"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, _sources, dynamic_sign="$("
    )
    if root.get("steps") is not None:
        pipeline.jobs.append(_job(root, "steps", budget, "bash"))
    pipeline.jobs += list(_jobs(root, budget, "bash"))
    return pipeline


def _sources(value: str) -> tuple[str, ...]:
    return (*_MACRO.findall(value), *sources_in(value))


def _jobs(node: Mapping, budget: WorkBudget, system: str) -> Iterator[Job]:
    """Jobs at any depth of stages, templates and deployment strategies.

    `system` is the language of `script` unless the job's pool says otherwise.
    """
    system = _system(node, system)
    for key, value in node.entries:
        children = value.items if isinstance(value, Sequence) else [value]
        for child in children if key.value != "steps" else []:
            if not isinstance(child, Mapping):
                continue
            if child.get("steps") is not None:
                yield _job(child, child.where, budget, system)
            yield from _jobs(child, budget, system)


def _system(node: Mapping, outer: str) -> str:
    """The language of `script` in the pool that a node names: cmd on Windows."""
    pool = node.map("pool")
    image = pool.string("vmImage") if pool else None
    if image is None:
        return outer
    return "cmd" if image.lower().startswith(("windows", "vs20")) else "bash"


def _job(node: Mapping, where: str, budget: WorkBudget, system: str) -> Job:
    name = node.string("job") or node.string("deployment") or where
    job = Job(name, where, node.line, node.column, node=node, environment=node.string("environment"))
    if node.where:
        job.env = bindings(
            node.get("variables"), BindingKind.ENVIRONMENT, BindingScope.JOB, _sources, dynamic_sign="$("
        )
    for item in node.items("steps"):
        if isinstance(item, Mapping):
            job.steps.append(_step(item, budget, _system(node, system)))
    return job


def _step(node: Mapping, budget: WorkBudget, system: str) -> Step:
    step = Step(node.where, node.line, node.column)
    step.env = bindings(node.get("env"), BindingKind.ENVIRONMENT, BindingScope.STEP, _sources, dynamic_sign="$(")
    inputs = node.map("inputs")
    task = node.scalar("task")
    languages = {**_SHELLS, "script": system}
    found = next(((script, languages[key]) for key in languages if (script := node.scalar(key)) is not None), None)
    if found is None and task is not None and inputs is not None:
        inline = inputs.scalar("script") or inputs.scalar("inlineScript")
        language = _TASKS.get(task.value.split("@", 1)[0].rsplit(".", 1)[-1].lower(), "bash")
        found = None if inline is None else (inline, languages.get(language, language))
    if found is not None:
        script, language = found
        text = SpanText(as_shell(script.value), script.text.where, script.text.segments)
        step.script = parse_script(text, budget, language)
    if task is not None:
        step.action = Action(task.text)
        step.inputs = bindings(inputs, BindingKind.INPUT, BindingScope.STEP, _sources, dynamic_sign="$(")
    return step
