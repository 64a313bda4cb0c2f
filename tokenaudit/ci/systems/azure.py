"""Azure Pipelines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Action, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.names import sources_in
from tokenaudit.ci.shell import parse as parse_shell
from tokenaudit.ci.source_span import SpanText
from tokenaudit.ci.systems.common import bindings, first_mapping, note_document
from tokenaudit.ci.yaml_document import Mapping, Scalar, Sequence

NAME = "azure"
_FILE = re.compile(r"(?:^|/)[^/]*azure-pipelines?[^/]*\.ya?ml$|(?:^|/)\.azure-?[Pp]ipelines?/.+\.ya?ml$")
_MACRO = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)")
_SHELLS = {"script": "bash", "bash": "bash", "pwsh": "pwsh", "powershell": "powershell"}


def matches(path: str, _data: bytes) -> bool:
    """Whether the file's name or folder says that it is a pipeline of Azure."""
    return _FILE.search(path) is not None


def as_shell(script: str) -> str:
    """A script whose `$(NAME)` macros are written as `${NAME}`, every character in its place."""
    return _MACRO.sub(lambda match: "${" + re.sub(r"[.-]", "_", match[1]) + "}", script)


def parse(path: str, text: str) -> Pipeline:
    """Reads stages, jobs and steps, wherever in the file they are.

    Raises:
        UnreadableError: the file is no valid YAML mapping.
    """
    root, document = first_mapping(text)
    pipeline = Pipeline(path, NAME, "pipeline", text, root=root)
    note_document(pipeline, document)
    pipeline.env = bindings(
        root.get("variables"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, _sources, dynamic_sign="$("
    )
    if root.get("steps") is not None:
        pipeline.jobs.append(_job(root, "steps"))
    pipeline.jobs += list(_jobs(root))
    return pipeline


def _sources(value: str) -> tuple[str, ...]:
    return (*_MACRO.findall(value), *sources_in(value))


def _jobs(node: Mapping) -> Iterator[Job]:
    """Jobs at any depth of stages, templates and deployment strategies."""
    for key, value in node.entries:
        children = value.items if isinstance(value, Sequence) else [value]
        for child in children if key.value != "steps" else []:
            if not isinstance(child, Mapping):
                continue
            if child.get("steps") is not None:
                yield _job(child, child.where)
            yield from _jobs(child)


def _job(node: Mapping, where: str) -> Job:
    name = node.string("job") or node.string("deployment") or where
    job = Job(name, where, node.line, node.column, node=node, environment=node.string("environment"))
    if node.where:
        job.env = bindings(
            node.get("variables"), BindingKind.ENVIRONMENT, BindingScope.JOB, _sources, dynamic_sign="$("
        )
    for item in node.items("steps"):
        if isinstance(item, Mapping):
            job.steps.append(_step(item))
    return job


def _step(node: Mapping) -> Step:
    step = Step(node.where, node.line, node.column)
    step.env = bindings(node.get("env"), BindingKind.ENVIRONMENT, BindingScope.STEP, _sources, dynamic_sign="$(")
    inputs = node.map("inputs")
    for source in (node, inputs):
        for key, language in _SHELLS.items():
            script = source.scalar(key) if source else None
            if isinstance(script, Scalar) and step.script is None:
                text = SpanText(as_shell(script.value), script.text.where, script.text.segments)
                step.script = parse_shell(text, language)
    task = node.scalar("task")
    if task is not None:
        step.action = Action(task.text)
        step.inputs = bindings(inputs, BindingKind.INPUT, BindingScope.STEP, _sources, dynamic_sign="$(")
    return step
