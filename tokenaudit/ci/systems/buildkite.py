"""Buildkite."""

from __future__ import annotations

from tokenaudit.ci.model import Action, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.systems.common import bindings, detect_language, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, walk
from tokenaudit.work_budget import WorkBudget

NAME = "buildkite"


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads every step, including grouped ones. JSON is read as YAML.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    pipeline.env = bindings(
        root.get("env"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, variables, dynamic_sign="$"
    )
    for node in walk(root):
        if isinstance(node, Mapping) and node is not root and _is_step(node):
            pipeline.jobs.append(_job(node, budget))
    return pipeline


def _unescaped(script: str) -> str:
    """A step writes variables of the shell as `$$NAME`."""
    return script.replace("$$", "$")


def _is_step(node: Mapping) -> bool:
    return any(node.get(key) is not None for key in ("command", "commands", "plugins"))


def _job(node: Mapping, budget: WorkBudget) -> Job:
    job = Job(node.string("key") or node.string("label") or node.where, node.where, node.line, node.column, node=node)
    job.env = bindings(node.get("env"), BindingKind.ENVIRONMENT, BindingScope.STEP, variables, dynamic_sign="$")
    lines = scalars(node.get("command"), node.get("commands"))
    language = detect_language(lines)
    job.steps = script_step(lines, f"{node.where}.command", budget, rewrite=_unescaped, language=language)
    for plugin in node.items("plugins"):
        for key, settings in plugin.entries if isinstance(plugin, Mapping) else []:
            step = Step(key.text.where, key.line, key.column, action=Action(key.text))
            step.inputs = bindings(settings, BindingKind.INPUT, BindingScope.STEP, variables, dynamic_sign="$")
            job.steps.append(step)
    return job
