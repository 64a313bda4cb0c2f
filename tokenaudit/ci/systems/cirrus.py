"""Cirrus CI."""

from __future__ import annotations

import re

from tokenaudit.ci.model import BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.systems.common import bindings, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar
from tokenaudit.work_budget import WorkBudget

NAME = "cirrus"
_TASK = re.compile(r"(?:.*_)?(?:task|docker_builder)")
_ENCRYPTED = re.compile(r"ENCRYPTED\[[^\]]{1,1000}\]")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the tasks, with their scripts and those of their caches and background scripts.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    for key in ("env", "environment"):
        pipeline.env += bindings(
            root.get(key), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, _sources, dynamic_sign="$"
        )
    for name, node in root.entries:
        if isinstance(node, Mapping) and _TASK.fullmatch(name.value):
            pipeline.jobs.append(_task(name, node, root, budget))
    return pipeline


def _sources(value: str) -> tuple[str, ...]:
    """The variables in a value, and a name for a value that only Cirrus can decrypt."""
    return (*variables(value), *(match[:9] for match in _ENCRYPTED.findall(value)))


def _task(name: Scalar, node: Mapping, root: Mapping, budget: WorkBudget) -> Job:
    job = Job(node.string("name") or name.value, node.where, name.line, name.column, node=node)
    for section in ("env", "environment"):
        job.env += bindings(node.get(section), BindingKind.ENVIRONMENT, BindingScope.JOB, _sources, dynamic_sign="$")
    windows = any(one.get("windows_container") is not None for one in (node, root))
    language = "cmd" if windows or "windows" in (node.string("platform") or "") else "bash"
    for key, value in node.entries:
        if key.value.endswith("script"):
            job.steps += _scripts(value, language, budget)
        elif key.value.endswith(("_cache", "always", "on_failure", "on_success")) and isinstance(value, Mapping):
            for inner, script in value.entries:
                if inner.value.endswith("script"):
                    job.steps += _scripts(script, language, budget)
    return job


def _scripts(node: Node, language: str, budget: WorkBudget) -> list[Step]:
    """The commands of one `…_script`; on Windows `ps:` has PowerShell."""
    powershell = node.get("ps") if isinstance(node, Mapping) else None
    if powershell is not None and isinstance(node, Mapping):
        return script_step(scalars(powershell), node.where, budget, language="powershell")
    lines = scalars(node)
    where = node.text.where if isinstance(node, Scalar) else node.where
    return script_step(lines, where, budget, language=language)
