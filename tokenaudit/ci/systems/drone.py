"""Drone and Woodpecker."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.model import Action, Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.systems.common import bindings, note_document, scalars, script_step, variables
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence, documents
from tokenaudit.work_budget import WorkBudget

NAME = "drone"
_SHELLS = {"powershell": "powershell", "pwsh": "powershell", "cmd": "cmd"}


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the pipelines of all documents.

    Raises:
        UnreadableError: the file is not valid YAML.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline = Pipeline(path, NAME, "pipeline", text, budget)
    for document in documents(text, budget):
        note_document(pipeline, document)
        root = document.root
        if not isinstance(root, Mapping):
            continue
        pipeline.root = pipeline.root or root
        job = Job(root.string("name") or "pipeline", root.where or "pipeline", root.line, root.column, node=root)
        job.env = _given(root, BindingScope.JOB)
        language = "powershell" if _is_windows(root) else "bash"
        for section in ("steps", "pipeline", "services"):
            for name, node in _named(root.get(section)):
                job.steps += _steps(name, node, budget, language)
        pipeline.jobs.append(job)
    return pipeline


def _is_windows(root: Mapping) -> bool:
    """Whether it runs on Windows: Drone's `platform: {os: windows}`, or Woodpecker's `platform` or `labels`."""
    platform, labels = root.map("platform"), root.map("labels")
    named = [
        platform.string("os") if platform else root.string("platform"),
        labels.string("platform") if labels else None,
    ]
    return any((name or "").lower().partition("/")[0] == "windows" for name in named)


def _given(node: Mapping, level: BindingScope) -> list[Binding]:
    found = bindings(node.get("environment"), BindingKind.ENVIRONMENT, level, variables, dynamic_sign="$")
    # Woodpecker's `secrets: [hf_token]` puts each into a variable of the same name, in upper case
    found += [
        Binding(
            one.value.upper(),
            one.text,
            BindingKind.ENVIRONMENT,
            level,
            one.line,
            one.column,
            (one.value,),
            dynamic=True,
        )
        for one in scalars(node.get("secrets"))
    ]
    return found


def _named(node: Node | None) -> Iterator[tuple[Scalar | None, Mapping]]:
    if isinstance(node, Sequence):
        yield from ((None, item) for item in node.items if isinstance(item, Mapping))
    elif isinstance(node, Mapping):
        yield from ((key, item) for key, item in node.entries if isinstance(item, Mapping))


def _steps(name: Scalar | None, node: Mapping, budget: WorkBudget, language: str) -> list[Step]:
    where = node.where or (name.value if name else "step")
    env = _given(node, BindingScope.STEP)
    image = node.scalar("image")
    # Woodpecker's local backend uses the name of a shell as the image
    language = _SHELLS.get((image.value if image else "").lower().removesuffix(".exe"), language)
    found = script_step(scalars(node.get("commands")), f"{where}.commands", budget, env, language=language)
    settings = bindings(node.get("settings"), BindingKind.INPUT, BindingScope.STEP, variables, dynamic_sign="$")
    if image is not None and (settings or not found):
        found.append(Step(where, node.line, node.column, env=env, inputs=settings, action=Action(image.text)))
    return found
