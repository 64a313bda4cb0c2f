"""AppVeyor."""

from __future__ import annotations

from tokenaudit.ci.model import BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.systems.common import bindings, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence
from tokenaudit.work_budget import WorkBudget

NAME = "appveyor"
_PHASES = (
    "init", "install", "before_build", "build_script", "after_build", "before_test", "test_script", "after_test",
    "before_package", "before_deploy", "deploy_script", "after_deploy", "on_success", "on_failure", "on_finish",
)  # fmt: skip
_LANGUAGES = {"ps": "powershell", "pwsh": "powershell", "cmd": "cmd", "sh": "bash", "bash": "bash"}
_LEVELS = ("global", "matrix")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the environment and the phases, each line in the language that its key names.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    own = root.map("environment")
    if own is not None:
        given = Mapping(own.where, own.line, own.column, [one for one in own.entries if one[0].value not in _LEVELS])
        for node in (given, own.get("global"), own.get("matrix")):
            pipeline.env += bindings(node, BindingKind.ENVIRONMENT, BindingScope.FILE, variables, dynamic_sign="$")
    images = [image.value.lower() for image in scalars(root.get("image"))]
    unix = bool(images) and all(image.startswith(("ubuntu", "macos")) for image in images)
    job = Job("phases", "phases", root.line, root.column, node=root)
    for phase in _PHASES:
        for language, lines in _by_language(root.get(phase), "bash" if unix else "cmd"):
            job.steps += script_step(lines, phase, budget, language=language)
    pipeline.jobs.append(job)
    return pipeline


def _by_language(node: Node | None, usual: str) -> list[tuple[str, list[Scalar]]]:
    """The commands of a phase in order; consecutive ones in the same language are joined."""
    found: list[tuple[str, list[Scalar]]] = []
    for item in node.items if isinstance(node, Sequence) else [node]:
        entries = item.entries if isinstance(item, Mapping) else []
        commands = [(_LANGUAGES[key.value], value) for key, value in entries if key.value in _LANGUAGES]
        if isinstance(item, Scalar):
            commands = [(usual, item)]
        for language, value in commands:
            if isinstance(value, Scalar) and found and found[-1][0] == language:
                found[-1][1].append(value)
            elif isinstance(value, Scalar):
                found.append((language, [value]))
    return found
