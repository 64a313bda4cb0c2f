"""Google Cloud Build and AWS CodeBuild."""

from __future__ import annotations

import re
from dataclasses import replace

from tokenaudit.ci.model import Action, Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.shell import SpanText
from tokenaudit.ci.systems import BUILDSPEC
from tokenaudit.ci.systems.common import (
    bindings,
    language_of,
    parse_script,
    scalars,
    script_step,
    variables,
    yaml_pipeline,
)
from tokenaudit.ci.yaml_document import Mapping, Scalar
from tokenaudit.work_budget import WorkBudget

NAME = "cloudbuild"
_ESCAPED = re.compile(r"\$\$(?=[A-Za-z_{])")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads steps (Google) or phases (Amazon).

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    if re.search(BUILDSPEC, path):
        _amazon(pipeline, root)
    else:
        _google(pipeline, root)
    return pipeline


def _google(pipeline: Pipeline, root: Mapping) -> None:
    given = bindings(root.get("substitutions"), BindingKind.ENVIRONMENT, BindingScope.FILE, variables, dynamic_sign="$")
    # each build sets an empty substitution
    pipeline.env = [one if one.value.value else replace(one, sources=(one.name,), dynamic=True) for one in given]
    job = Job("build", "steps", root.line, root.column, node=root)
    for node in root.items("steps"):
        if isinstance(node, Mapping):
            job.steps.append(_google_step(node, pipeline.budget))
    pipeline.jobs.append(job)


def _google_step(node: Mapping, budget: WorkBudget) -> Step:
    step = Step(node.where, node.line, node.column)
    step.env = bindings(node.get("env"), BindingKind.ENVIRONMENT, BindingScope.STEP, variables, dynamic_sign="$")
    step.env += [
        Binding(
            one.value,
            one.text,
            BindingKind.ENVIRONMENT,
            BindingScope.STEP,
            one.line,
            one.column,
            (one.value,),
            dynamic=True,
        )
        for one in scalars(node.get("secretEnv"))
    ]
    image = node.scalar("name")
    if image is not None:
        step.action = Action(image.text)
    script = node.scalar("script")
    arguments = scalars(node.get("args"))
    flags = [index for index, one in enumerate(arguments) if re.fullmatch(r"-[a-z]*c", one.value)]
    shell = (node.string("entrypoint") or "").rsplit("/", 1)[-1] in ("bash", "sh", "ash")
    if script is None and shell and flags and flags[0] + 1 < len(arguments):
        script = arguments[flags[0] + 1]
    if script is not None:
        step.script = parse_script(_unescaped(script), budget)
    elif arguments and image is not None:
        step.script = parse_script(_one_command(node.scalar("entrypoint") or image, arguments), budget)
    return step


def _unescaped(script: Scalar) -> SpanText:
    """`$$NAME` is a variable of the shell; the `$NAME` that the shell sees begins one character further right."""
    return SpanText(_ESCAPED.sub("$", script.value), script.text.where, script.text.segments)


def _one_command(program: Scalar, arguments: list[Scalar]) -> SpanText:
    """Program and arguments as a shell command, each argument at its position."""
    name = program.value.rsplit("/", 1)[-1].split(":")[0] or "program"
    parts, segments = [name], [(0, program.line, program.column)]
    length = len(name)
    for one in arguments:
        quoted = "'" if "'" not in one.value and not variables(one.value) else '"'
        segments.append((length + 2, one.line, one.column))
        parts.append(f" {quoted}{one.value}{quoted}")
        length += len(parts[-1])
    return SpanText("".join(parts), arguments[0].text.where.rsplit(".", 1)[0], tuple(segments))


def _amazon(pipeline: Pipeline, root: Mapping) -> None:
    env = root.map("env")
    if env is not None:
        pipeline.env = bindings(
            env.get("variables"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, variables, dynamic_sign="$"
        )
        for section in ("secrets-manager", "parameter-store"):
            stored = env.map(section)
            pipeline.env += [
                Binding(
                    key.value,
                    value.text,
                    BindingKind.ENVIRONMENT,
                    BindingScope.FILE,
                    key.line,
                    key.column,
                    (key.value,),
                    dynamic=True,
                )
                for key, value in (stored.entries if stored else [])
                if isinstance(value, Scalar)
            ]
    phases = root.map("phases")
    language = language_of((env.string("shell") if env else None) or "bash")
    job = Job("build", "phases", root.line, root.column, node=root)
    for key, phase in phases.entries if phases else []:
        if isinstance(phase, Mapping):
            lines = scalars(phase.get("commands"), phase.get("finally"))
            job.steps += script_step(lines, f"phases.{key.value}.commands", pipeline.budget, language=language)
    pipeline.jobs.append(job)
