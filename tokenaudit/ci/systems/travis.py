"""Travis CI and AppVeyor: both give variables in plain text or `secure`d, and scripts by phase."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.source_span import piece
from tokenaudit.ci.systems.common import bindings, first_mapping, note_document, scalars, script_step, variables
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar, Sequence

NAME = "travis"
_FILE = re.compile(r"(?:^|/)\.travis\.ya?ml$|(?:^|/)\.?appveyor\.ya?ml$")
_PAIR = re.compile(r"([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)")
_PHASE = re.compile(
    r"(?:before_|after_|on_)?(?:install|script|deploy|success|failure|build|test|finish|cache)|init|"
    r"(?:before_|after_)?(?:deploy|build|test)_script"
)
_SECTIONS = ("global", "jobs", "matrix")


def matches(path: str, _data: bytes) -> bool:
    """Whether the file has a name that Travis or AppVeyor reads."""
    return _FILE.search(path) is not None


def parse(path: str, text: str) -> Pipeline:
    """Reads the environment and the phases, of the file and of each job in `jobs: include:`.

    Raises:
        UnreadableError: the file is no valid YAML mapping.
    """
    root, document = first_mapping(text)
    pipeline = Pipeline(path, NAME, "pipeline", text, root=root)
    note_document(pipeline, document)
    for key in ("env", "environment"):
        pipeline.env += _environment(root.get(key), BindingScope.PIPELINE)
    pipeline.jobs.append(_job(root, "phases"))
    for section in ("jobs", "matrix"):
        jobs = root.map(section)
        for node in jobs.items("include") if jobs else []:
            if isinstance(node, Mapping):
                job = _job(node, node.where)
                job.env = list(_environment(node.get("env"), BindingScope.JOB))
                pipeline.jobs.append(job)
    return pipeline


def _job(node: Mapping, where: str) -> Job:
    lines: list[Scalar] = []
    for key, value in node.entries:
        if _PHASE.fullmatch(key.value):
            lines += scalars(value)
            for item in value.items if isinstance(value, Sequence) else [value]:
                if isinstance(item, Mapping):  # `- sh: …`, `- cmd: …`, `script: …` of a deployment
                    lines += scalars(*(one for name, one in item.entries if name.value in ("sh", "cmd", "script")))
    job = Job(where, where, node.line, node.column, node=node)
    job.steps = script_step(lines, where, [])
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
