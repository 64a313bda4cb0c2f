"""The rules, held against what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tokenaudit.ci.names import Names
from tokenaudit.ci.project import Project
from tokenaudit.ci.rule_context import Context
from tokenaudit.ci.rules import CHECKS
from tokenaudit.model import Problem

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection


def problems(
    target: str, project: Project, names: Names, literals: Mapping[str, tuple[Detection, ...]]
) -> Iterator[Problem]:
    """What is wrong in each file of `project`; `literals` are the credentials seen in a file, by its path."""
    for path, pipeline in project.pipelines.items():
        yield from _in_file(Context(target, pipeline, names, project, literals.get(path, ())))


def _in_file(context: Context) -> Iterator[Problem]:
    said: set[tuple[str, int | None, int | None]] = set()
    for check in CHECKS.values():
        for problem in check(context):
            key = (problem.rule, problem.line, problem.column)
            if key not in said:
                said.add(key)
                yield problem
