"""CircleCI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Action, Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.shell import parse as parse_shell
from tokenaudit.ci.systems.common import bindings, first_mapping, note_document, variables
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence

NAME = "circleci"
_FILE = re.compile(r"(?:^|/)\.circleci/[^/]+\.ya?ml$")
_PARAMETER = re.compile(r"<<\s*(?:pipeline\.)?parameters\.([\w-]+)\s*>>")
_OWN_STEPS = frozenset(
    {"run", "checkout", "when", "unless", "save_cache", "restore_cache", "store_artifacts", "store_test_results",
     "persist_to_workspace", "attach_workspace", "setup_remote_docker", "add_ssh_keys"}
)  # fmt: skip


def matches(path: str, _data: bytes) -> bool:
    """Whether the file lies in `.circleci`."""
    return _FILE.search(path) is not None


def parse(path: str, text: str) -> Pipeline:
    """Reads jobs and reusable commands.

    Raises:
        UnreadableError: the file is no valid YAML mapping.
    """
    root, document = first_mapping(text)
    pipeline = Pipeline(path, NAME, "pipeline", text, root=root)
    note_document(pipeline, document)
    for section in ("jobs", "commands", "executors"):
        found = root.map(section)
        for key, node in found.entries if found else []:
            if isinstance(node, Mapping):
                pipeline.jobs.append(_job(section, key, node))
    return pipeline


def _given(node: Mapping, level: BindingScope) -> list[Binding]:
    return bindings(node.get("environment"), BindingKind.ENVIRONMENT, level, _sources, dynamic_sign="<<")


def _sources(value: str) -> tuple[str, ...]:
    return (*variables(value), *_PARAMETER.findall(value))


def _job(section: str, key: Scalar, node: Mapping) -> Job:
    job = Job(key.value, f"{section}.{key.value}", key.line, key.column, node=node)
    job.env = _given(node, BindingScope.JOB)
    for image in node.items("docker"):
        if isinstance(image, Mapping):
            job.others += _given(image, BindingScope.CONTAINER)
    job.steps = list(_steps(node.get("steps")))
    return job


def _steps(node: Node | None) -> Iterator[Step]:
    for item in node.items if isinstance(node, Sequence) else []:
        for key, body in item.entries if isinstance(item, Mapping) else []:
            yield from _step(key, body)


def _step(key: Scalar, body: Node) -> Iterator[Step]:
    where = key.text.where
    if key.value == "run":
        command = body if isinstance(body, Scalar) else body.scalar("command") if isinstance(body, Mapping) else None
        if command is not None:
            env = _given(body, BindingScope.STEP) if isinstance(body, Mapping) else []
            text = command.text
            yield Step(where, command.line, command.column, env=env, script=parse_shell(text))
    elif key.value in ("when", "unless") and isinstance(body, Mapping):
        yield from _steps(body.get("steps"))
    elif key.value not in _OWN_STEPS and isinstance(body, Mapping):
        inputs = bindings(body, BindingKind.INPUT, BindingScope.STEP, _sources, dynamic_sign="<<")
        yield Step(where, key.line, key.column, inputs=inputs, action=Action(key.text))
