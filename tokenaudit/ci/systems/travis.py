"""Travis CI: variables in plain text or `secure`d, and scripts by phase."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.shell import piece
from tokenaudit.ci.systems.common import bindings, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence
from tokenaudit.work_budget import WorkBudget

NAME = "travis"
_PAIR = re.compile(r"(?<!\w)([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)")
_PHASE = re.compile(r"(?:before_|after_)?(?:install|script|deploy|success|failure|cache)")
_SECTIONS = ("global", "jobs", "matrix")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the environment and the phases, of the file and of each job in `jobs: include:`.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    pipeline.env += _environment(root.get("env"), BindingScope.PIPELINE)
    pipeline.jobs.append(_job(root, "phases", budget))
    for section in ("jobs", "matrix"):
        jobs = root.map(section)
        for node in jobs.items("include") if jobs else []:
            if isinstance(node, Mapping):
                job = _job(node, node.where, budget)
                job.env = list(_environment(node.get("env"), BindingScope.JOB))
                pipeline.jobs.append(job)
    return pipeline


def _job(node: Mapping, where: str, budget: WorkBudget) -> Job:
    lines: list[Scalar] = []
    for key, value in node.entries:
        if _PHASE.fullmatch(key.value):
            lines += scalars(value)
            for item in value.items if isinstance(value, Sequence) else [value]:
                if isinstance(item, Mapping):  # `script: …` of a deployment
                    lines += scalars(item.get("script"))
    job = Job(where, where, node.line, node.column, node=node)
    job.steps = script_step(lines, where, budget)
    return job


def _environment(node: Node | None, level: BindingScope) -> Iterator[Binding]:
    if isinstance(node, Scalar):
        for match in _PAIR.finditer(node.value):
            value = piece(node.text, match.start(2), match.end(2))
            line, column = node.text.at(match.start(1))
            found = variables(value.value)
            yield Binding(match[1], value, BindingKind.ENVIRONMENT, level, line, column, found, bool(found))
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _environment(item, level)
    elif isinstance(node, Mapping):
        for section in _SECTIONS:
            yield from _environment(node.get(section), level)
        own = [entry for entry in node.entries if entry[0].value not in (*_SECTIONS, "secure")]
        plain = Mapping(node.where, node.line, node.column, own)
        yield from bindings(plain, BindingKind.ENVIRONMENT, level, variables, dynamic_sign="$")
