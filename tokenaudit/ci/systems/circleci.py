"""CircleCI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Action, Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.systems.common import bindings, language_of, parse_script, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence
from tokenaudit.work_budget import WorkBudget

NAME = "circleci"
_PARAMETER = re.compile(r"<<\s*(?:pipeline\.)?parameters\.([\w-]+)\s*>>")
_OWN_STEPS = frozenset(
    {"run", "checkout", "when", "unless", "save_cache", "restore_cache", "store_artifacts", "store_test_results",
     "persist_to_workspace", "attach_workspace", "setup_remote_docker", "add_ssh_keys"}
)  # fmt: skip


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads jobs and reusable commands.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    for section in ("jobs", "commands", "executors"):
        found = root.map(section)
        for key, node in found.entries if found else []:
            if isinstance(node, Mapping):
                pipeline.jobs.append(_job(section, key, node))
                steps = _Steps(budget, _language(node, root))
                pipeline.jobs[-1].steps = list(steps.read(node.get("steps")))
    return pipeline


def _given(node: Mapping, level: BindingScope) -> list[Binding]:
    return bindings(node.get("environment"), BindingKind.ENVIRONMENT, level, _sources, dynamic_sign="<<")


def _sources(value: str) -> tuple[str, ...]:
    return (*variables(value), *_PARAMETER.findall(value))


def _language(node: Mapping, root: Mapping) -> str:
    """The language of a job's commands: that of its shell, else that of its executor's system."""
    named = node.scalar("executor") or (node.map("executor") or node).scalar("name")
    executors = root.map("executors")
    executor = executors.map(named.value) if executors and named else None
    for one in (node, executor):
        shell = one.string("shell") if one else None
        if shell is not None:
            return language_of(shell)
    machine = node.map("machine") or (executor.map("machine") if executor else None)
    image = machine.string("image") if machine else None
    size = node.string("resource_class") or (executor.string("resource_class") if executor else None)
    labels = [one.lower() for one in (image, size, named.value if named else None) if one]
    return "powershell" if any(one.startswith(("windows", "win/", "win-")) for one in labels) else "bash"


def _job(section: str, key: Scalar, node: Mapping) -> Job:
    job = Job(key.value, f"{section}.{key.value}", key.line, key.column, node=node)
    job.env = _given(node, BindingScope.JOB)
    for image in node.items("docker"):
        if isinstance(image, Mapping):
            job.others += _given(image, BindingScope.CONTAINER)
    return job


class _Steps:
    """Reads steps whose commands are in one language unless they say otherwise."""

    def __init__(self, budget: WorkBudget, language: str) -> None:
        self.budget = budget
        self.language = language

    def read(self, node: Node | None) -> Iterator[Step]:
        for item in node.items if isinstance(node, Sequence) else []:
            for key, body in item.entries if isinstance(item, Mapping) else []:
                yield from self._step(key, body)

    def _step(self, key: Scalar, body: Node) -> Iterator[Step]:
        where = key.text.where
        own = body if isinstance(body, Mapping) else None
        if key.value == "run":
            command = body if isinstance(body, Scalar) else own.scalar("command") if own else None
            if command is not None:
                env = _given(own, BindingScope.STEP) if own else []
                shell = own.string("shell") if own else None
                language = self.language if shell is None else language_of(shell)
                script = parse_script(command.text, self.budget, language)
                yield Step(where, command.line, command.column, env=env, script=script)
        elif key.value in ("when", "unless") and own is not None:
            yield from self.read(own.get("steps"))
        elif key.value not in _OWN_STEPS and own is not None:
            inputs = bindings(own, BindingKind.INPUT, BindingScope.STEP, _sources, dynamic_sign="<<")
            yield Step(where, key.line, key.column, inputs=inputs, action=Action(key.text))
