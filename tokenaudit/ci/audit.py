"""The audit of a set of configuration files: pure, bytes in, problems out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from tokenaudit.ci.model import Pipeline
from tokenaudit.ci.names import Names
from tokenaudit.ci.rule_context import ConfigurationSet
from tokenaudit.ci.systems import GITLAB, Parse, System, gitlab, system_of
from tokenaudit.ci.yaml_document import ParseError
from tokenaudit.model import Problem, Skipped
from tokenaudit.work_budget import WorkBudget, WorkLimitError

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection, Scanner

LARGEST = 1 << 20
"""Bytes. A larger file is no configuration that a CI system would read; its literals are found as text all the same."""

_TEMPLATE = re.compile(r"^[ \t]*(?:- )?(?:\{\{|\{%)", re.MULTILINE)
_WHOLE = (b"inherit", b"toJSON")


@dataclass(frozen=True)
class Literal:
    """A literal credential seen in a configuration file."""

    path: str
    detection: Detection


def audit_files(
    files: Iterable[tuple[str, bytes]],
    target: str,
    secret_names: Sequence[str] = (),
    scanner: Scanner | None = None,
    repository: str | None = None,
) -> Iterator[Problem | Skipped | Literal]:
    """Problems in a target's CI and deployment configuration.

    `files` are (path with forward slashes, content); those that are no configuration are passed over. `secret_names`
    adds names that count as Hugging Face credentials. Without an `scanner` literals are not looked for; with one they
    come as `Literal` beside the problem that names them. A file that can't be understood comes as `Skipped`, and its
    literals are still found. `repository` is the `owner/name` that the target is hosted as, for exact claims.
    """
    reading = _Reading(target, Names(secret_names), scanner)
    reading.project.repository = repository
    rest: dict[str, bytes] = {}
    for path, data in files:
        system = system_of(path, data)
        if system is not None:
            yield from reading.take(path, data, system)
        elif path.endswith((".yml", ".yaml")) and len(data) <= LARGEST and reading.names.may_name(data):
            rest[path] = data
    for path in _included(reading.project, rest):
        yield from reading.take(path, rest[path], GITLAB)
    if reading.project.pipelines:
        from tokenaudit.ci.rules import problems  # noqa: PLC0415 - most repositories need no rules

        yield from problems(target, reading.project, reading.names, reading.literals)


class _Reading:
    """Parses files to pipelines."""

    def __init__(self, target: str, names: Names, scanner: Scanner | None) -> None:
        self.target = target
        self.names = names
        self.scanner = scanner
        self.project = ConfigurationSet()
        self.literals: dict[str, tuple[Detection, ...]] = {}

    def take(self, path: str, data: bytes, system: System) -> Iterator[Skipped | Literal]:
        """Parses one file, if it refers to Hugging Face."""
        if self.scanner is not None and self.scanner.may_contain(data):
            examined = self.scanner.scan(data, path)
            self.literals[path] = tuple(one for one in examined.detections if one.likelihood == "credential")
            yield from (Literal(path, detection) for detection in examined.detections)
            yield from (Skipped(f"{self.target}: {path}", reason) for reason in examined.skipped)
        if not self.literals.get(path) and not self.names.may_name(data) and not any(sign in data for sign in _WHOLE):
            return
        pipeline, skipped = _read(system.parse, path, data)
        self.project.pipelines[path] = pipeline
        yield from (Skipped(_place(self.target, path, line), reason) for line, reason in skipped)


def _included(project: ConfigurationSet, rest: Mapping[str, bytes]) -> list[str]:
    """The files that GitLab pipelines include from their own repository and whose names don't say so."""
    wanted = [
        name
        for pipeline in project.pipelines.values()
        if pipeline.system == GITLAB.name and pipeline.root is not None
        for name in gitlab.included(pipeline.root)
    ]
    return [path for path in rest if any(fnmatch(path, name.replace("**", "*")) for name in wanted)]


def _read(parse: Parse, path: str, data: bytes) -> tuple[Pipeline, list[tuple[int | None, str]]]:
    """The file as a pipeline, empty if it can't be parsed, with the reasons."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    empty = Pipeline(path, "unknown", "settings", text, WorkBudget(len(text)))
    if len(data) > LARGEST:
        return empty, [(None, f"larger than {LARGEST >> 20} MiB; scanned as text only")]
    try:
        pipeline = parse(path, text, WorkBudget(len(text)))
    except WorkLimitError as problem:
        return empty, [(None, f"{problem.reason}; scanned as text only")]
    except ParseError as problem:
        template = _TEMPLATE.search(text)
        if template is not None and path.endswith((".yaml", ".yml")):
            return empty, [(text.count("\n", 0, template.end()) + 1, "a template, not YAML; scanned as text only")]
        return empty, [(problem.line, f"{problem.reason}; scanned as text only")]
    unread = [
        (step.script.text.at(offset)[0], complaint)
        for _, step in pipeline.steps()
        if step.script is not None
        for offset, complaint in step.script.complaints
    ]
    return pipeline, [*pipeline.notes, *unread]


def _place(target: str, path: str, line: int | None) -> str:
    return f"{target}: {path}" + (f":{line}" if line else "")
