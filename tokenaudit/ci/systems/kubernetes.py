"""Kubernetes manifests, including those of Tekton and Argo, which set environments of containers the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.systems.common import bindings, language_of, note_document, parse_script
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence, documents, walk
from tokenaudit.work_budget import WorkBudget

NAME = "kubernetes"
_REFERENCE = re.compile(
    r"\$\(([A-Za-z_]\w*)\)|\{\{\s*(?:inputs\.parameters|workflow\.parameters|params)\.([\w-]+)\s*\}\}"
)
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "ash", "/bin/ash"})


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads every object of the file.

    Raises:
        UnreadableError: the file is not valid YAML, as templates are not.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline = Pipeline(path, NAME, "manifest", text, budget)
    for document in documents(text, budget):
        note_document(pipeline, document)
        root = document.root
        if not isinstance(root, Mapping):
            continue
        objects = root.items("items") if root.string("kind") == "List" else [root]
        for one in objects:
            if isinstance(one, Mapping):
                pipeline.jobs.append(_object(one, budget))
    return pipeline


def _object(root: Mapping, budget: WorkBudget) -> Job:
    kind = root.string("kind") or "object"
    metadata = root.map("metadata")
    name = (metadata.string("name") if metadata else None) or kind
    job = Job(name, root.where or kind, root.line, root.column, node=root)
    if kind in ("ConfigMap", "Secret"):
        way = BindingKind.CONFIG_MAP if kind == "ConfigMap" else BindingKind.SECRET_DATA
        for key in ("data", "stringData", "binaryData"):
            job.others += bindings(root.get(key), way, BindingScope.CONTAINER)
        return job
    for node in walk(root):
        if isinstance(node, Mapping):
            job.others += _environment(node.get("env"))
            job.steps += _scripts(node, budget)
    return job


def _environment(node: Node | None) -> Iterator[Binding]:
    """Entries of an `env` list, including those from a store (`valueFrom`)."""
    for entry in node.items if isinstance(node, Sequence) else []:
        if not isinstance(entry, Mapping):
            continue
        name, value = entry.scalar("name"), entry.scalar("value")
        if name is not None and entry.get("valueFrom") is not None:
            yield Binding(
                name.value,
                name.text,
                BindingKind.ENVIRONMENT,
                BindingScope.CONTAINER,
                name.line,
                name.column,
                (name.value,),
                dynamic=True,
            )
        elif name is not None and value is not None:
            sources = tuple(match[1] or match[2] for match in _REFERENCE.finditer(value.value))
            yield Binding(
                name.value,
                value.text,
                BindingKind.PLAIN_VALUE,
                BindingScope.CONTAINER,
                value.line,
                value.column,
                sources,
                bool(sources),
            )


def _scripts(node: Mapping, budget: WorkBudget) -> Iterator[Step]:
    script = node.scalar("script")
    image = node.get("image")
    if script is not None and image is not None:
        language = language_of(script.value.partition("\n")[0][2:]) if script.value.startswith("#!") else "bash"
        parsed = parse_script(script.text, budget, language)
        yield Step(script.text.where, script.line, script.column, script=parsed)
    command = [one for one in node.items("command") if isinstance(one, Scalar)]
    arguments = [one for one in node.items("args") if isinstance(one, Scalar)]
    words = [*command, *arguments]
    shell = bool(words) and words[0].value in _SHELLS
    for flag, word in pairwise(words):
        if shell and re.fullmatch(r"-[a-z]*c", flag.value):
            yield Step(word.text.where, word.line, word.column, script=parse_script(word.text, budget))
