"""Small projects with exactly the permissions they need, and how many are read exactly.

A label stands in a comment on the line it is about: `#> permission [type name] [@job]`, several joined by commas, with
`?` behind the permission where the code leaves doubt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tokenaudit.code_usage import needs_of
from tokenaudit.model import Evidence

_LABEL = re.compile(r"\s*(?:#|//)> ?(.*)$")


@dataclass
class Project:
    """Files by path, and the labels by path and line."""

    name: str
    files: dict[str, list[str]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)


def projects() -> Iterator[Project]:
    for file in sorted((Path(__file__).parent / "labelled").glob("*.txt")):
        project = Project("")
        path = ""
        for line in file.read_text().splitlines():
            if line.startswith("=== "):
                if project.name:
                    yield project
                project = Project(line[4:])
            elif line.startswith("--- "):
                path = line[4:]
                project.files[path] = []
            elif path and project.name:
                label = _LABEL.search(line)
                project.files[path].append(line[: label.start()] if label else line)
                for text in label[1].split(", ") if label else ():
                    project.labels.add(f"{path}:{len(project.files[path])} {text.strip()}")
        yield project


def spelled(evidence: Evidence) -> str:
    words = [f"{evidence.path}:{evidence.line}", evidence.need + ("?" if evidence.certainty == "perhaps" else "")]
    if evidence.entity:
        words.append(evidence.entity.type)
        words += [evidence.entity.name] if evidence.entity.name else []
    return " ".join([*words, *([f"@{evidence.job}"] if evidence.job else [])])


def seen(project: Project) -> set[str]:
    return {
        spelled(e) for path, lines in project.files.items() for e in needs_of(path, "\n".join(lines).encode()).evidence
    }


PROJECTS = list(projects())


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.name)
def test_a_project_is_read_exactly(project: Project) -> None:
    assert seen(project) == project.labels


def test_the_set_is_large_enough_to_mean_something() -> None:
    assert len(PROJECTS) >= 40
    assert sum(len(p.labels) for p in PROJECTS) >= 100
    assert sum(not p.labels for p in PROJECTS) >= 4


def test_python_projects_read_the_same_as_notebooks() -> None:
    """The same code split over cells, with a shell line in between, gives the same needs."""
    for project in PROJECTS:
        for path, lines in project.files.items():
            if not path.endswith(".py"):
                continue
            cells = [
                {"cell_type": "code", "source": "\n".join(lines)},
                {"cell_type": "code", "source": ["!ls\n", "%pwd"]},
            ]
            notebook = json.dumps({"cells": [{"cell_type": "markdown", "source": "# hf"}, *cells]}).encode()
            found = needs_of("n.ipynb", notebook)
            assert {spelled(e).replace("n.ipynb", path) for e in found.evidence} == project.labels
