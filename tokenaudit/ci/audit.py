"""The audit of a set of configuration files: pure, bytes in, problems out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tokenaudit.ci.check import Context, Project
from tokenaudit.ci.model import Pipeline
from tokenaudit.ci.names import Names
from tokenaudit.ci.registry import Parse, system_of
from tokenaudit.ci.rules import CHECKS
from tokenaudit.ci.yamltree import UnreadableError
from tokenaudit.detect.interface import Detection, Examiner
from tokenaudit.model import Problem, Skipped

LARGEST = 1 << 20
"""Bytes. A larger file is no configuration that a CI system would read; its literals are found as text all the same."""

_WHOLE = (b"inherit", b"toJSON")


@dataclass(frozen=True)
class Literal:
    """A literal credential seen in a configuration file."""

    path: str
    detection: Detection


def audit(
    files: Iterable[tuple[str, bytes]],
    target: str,
    secret_names: Sequence[str] = (),
    examiner: Examiner | None = None,
) -> Iterator[Problem | Skipped | Literal]:
    """Everything wrong in a target's CI and deployment configuration.

    `files` are (path with forward slashes, content); those that are no configuration are passed over. `secret_names`
    adds names that count as Hugging Face credentials. Without an `examiner` literals are not looked for; with one they
    come as `Literal` beside the problem that names them. A file that can't be understood comes as `Skipped`, and its
    literals are still found.
    """
    names = Names(secret_names)
    project = Project()
    literals: dict[str, tuple[Detection, ...]] = {}
    for path, data in files:
        system = system_of(path, data)
        if system is None:
            continue
        if examiner is not None and examiner.may_hold(data):
            examined = examiner.examine(data, path)
            literals[path] = tuple(one for one in examined.detections if one.likelihood == "credential")
            yield from (Literal(path, detection) for detection in examined.detections)
            yield from (Skipped(f"{target}: {path}", reason) for reason in examined.skipped)
        if not literals.get(path) and not names.may_name(data) and not any(sign in data for sign in _WHOLE):
            continue
        pipeline, skipped = _read(system.parse, path, data)
        project.pipelines[path] = pipeline
        yield from (Skipped(_place(target, path, line), reason) for line, reason in skipped)
    for path, pipeline in project.pipelines.items():
        yield from _check(Context(target, pipeline, names, project, literals.get(path, ())))


def _check(context: Context) -> Iterator[Problem]:
    said: set[tuple[str, int | None, int | None]] = set()
    for check in CHECKS.values():
        for problem in check(context):
            key = (problem.rule, problem.line, problem.column)
            if key not in said:
                said.add(key)
                yield problem


def _read(parse: Parse, path: str, data: bytes) -> tuple[Pipeline, list[tuple[int | None, str]]]:
    """The file as a pipeline, empty where it can't be understood, with what has to be said about that."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    empty = Pipeline(path, "unknown", "settings", text)
    if len(data) > LARGEST:
        return empty, [(None, f"larger than {LARGEST >> 20} MiB: looked at as text only")]
    try:
        pipeline = parse(path, text)
    except UnreadableError as problem:
        return empty, [(problem.line, f"{problem.reason}: looked at as text only")]
    return pipeline, pipeline.notes


def _place(target: str, path: str, line: int | None) -> str:
    return f"{target}: {path}" + (f":{line}" if line else "")
