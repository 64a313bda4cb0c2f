"""GitLab CI."""

from __future__ import annotations

import re

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.systems.common import bindings, first_mapping, note_document, scalars, script_step, variables
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar

NAME = "gitlab"
_FILE = re.compile(r"(?:^|/)(?:\.gitlab-ci|[^/]+\.gitlab-ci)\.ya?ml$|(?:^|/)\.gitlab/ci/.+\.ya?ml$")
_NO_JOBS = frozenset({"variables", "default", "include", "stages", "workflow", "spec", "image", "services", "cache"})
_DEEPEST = 10


def matches(path: str, _data: bytes) -> bool:
    """Whether the file's name says that it is a pipeline of GitLab."""
    return _FILE.search(path) is not None


def parse(path: str, text: str) -> Pipeline:
    """Reads the jobs of a pipeline, those that extend others with what they get from there.

    Raises:
        UnreadableError: the file is no valid YAML mapping.
    """
    root, document = first_mapping(text)
    pipeline = Pipeline(path, NAME, "pipeline", text, root=root)
    note_document(pipeline, document)
    pipeline.env = bindings(
        root.get("variables"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, variables, dynamic_sign="$"
    )
    default = root.map("default")
    for source in (root, default):
        lines = scalars(source.get("before_script"), source.get("after_script")) if source else []
        if lines:
            job = Job("default", "before_script", lines[0].line, lines[0].column)
            job.steps = script_step(lines, "before_script", [])
            pipeline.jobs.append(job)
    for key, node in root.entries:
        if isinstance(node, Mapping) and key.value not in _NO_JOBS:
            pipeline.jobs.append(_job(key, node, root))
    return pipeline


def included(root: Mapping) -> list[str]:
    """The paths of the local files that a pipeline includes, without the leading slash; they may hold wildcards."""
    found: list[str] = []
    for node in root.items("include"):
        if isinstance(node, Scalar) and "://" not in node.value:
            found.append(node.value.lstrip("/"))
        elif isinstance(node, Mapping) and (local := node.string("local")) is not None:
            found.append(local.lstrip("/"))
    return found


def inherited(name: str, root: Mapping, depth: int = 0) -> list[Mapping]:
    """The job of that name and those it extends, the nearest first."""
    node = root.map(name)
    if node is None or depth > _DEEPEST:
        return []
    found = [node]
    for parent in scalars(node.get("extends")):
        found += inherited(parent.value, root, depth + 1)
    return found


def _job(key: Scalar, node: Mapping, root: Mapping) -> Job:
    job = Job(key.value, key.value, key.line, key.column, node=node)
    chain = inherited(key.value, root)
    given: dict[str, Binding] = {}
    for source in reversed(chain):
        found = bindings(
            source.get("variables"), BindingKind.ENVIRONMENT, BindingScope.JOB, variables, dynamic_sign="$"
        )
        given |= {binding.name: binding for binding in found}
    job.env = list(given.values())
    environment = next((one.get("environment") for one in chain if one.get("environment") is not None), None)
    job.environment = _environment(environment)
    lines = scalars(node.get("before_script"), node.get("script"))
    job.steps = script_step(lines, f"{key.value}.script", [])
    job.steps += script_step(scalars(node.get("after_script")), f"{key.value}.after_script", [])
    return job


def _environment(node: Node | None) -> str | None:
    if isinstance(node, Scalar):
        return node.value
    return node.string("name") if isinstance(node, Mapping) else None
