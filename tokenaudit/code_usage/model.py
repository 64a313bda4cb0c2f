"""Data model of the needs of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from tokenaudit.model import Certainty, Entity, Evidence


class Needs(NamedTuple):
    """Needs found in one file.

    `skipped` has the reasons for parts that were not analyzed, `unparsed` the parts that are not in the expected
    language or can't be determined statically. Never complete: a need that is missing here was not found, but can
    exist.
    """

    evidence: tuple[Evidence, ...] = ()
    skipped: tuple[str, ...] = ()
    unparsed: tuple[str, ...] = ()


class Need(NamedTuple):
    """One permission that one call or command needs, before its position is known."""

    permission: str
    entity: Entity | None = None
    certainty: Certainty = "needed"

    def at(self, path: str, line: int, what: str) -> Evidence:
        """The need as evidence."""
        return Evidence(self.permission, self.certainty, path, line, what, self.entity)

    def doubted(self) -> Need:
        """The same need, no longer certain."""
        return self._replace(certainty="perhaps")


def unique(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """`evidence` in order of line, without repetitions."""
    return tuple(sorted(dict.fromkeys(evidence), key=lambda e: (e.line or 0, e.need, str(e.entity))))


def merged(parts: Iterable[Needs]) -> Needs:
    """Merges several results."""
    found = list(parts)
    return Needs(
        unique(e for p in found for e in p.evidence),
        tuple(dict.fromkeys(s for p in found for s in p.skipped)),
        tuple(dict.fromkeys(s for p in found for s in p.unparsed)),
    )


Language: TypeAlias = Literal["python", "javascript", "shell", "notebook", "pipeline", "first-line"]
"""`first-line` is for a file without an extension, whose first line can name its language."""

_BY_EXTENSION: dict[str, Language] = {
    **dict.fromkeys(("py", "pyi", "pyw", "pyiw"), "python"),
    **dict.fromkeys((f"{m}{kind}s{x}" for m in ("", "c", "m") for kind in "jt" for x in ("", "x")), "javascript"),
    **dict.fromkeys(("vue", "svelte"), "javascript"),
    **dict.fromkeys(("sh", "bash", "zsh", "ksh", "mk", "dockerfile", "just"), "shell"),
    "ipynb": "notebook",
}
_LONGEST_PATH = 4_096
_TEMPLATES = frozenset(("jinja", "jinja2"))
_PIPELINE_EXTENSIONS = frozenset(("yml", "yaml"))
_PIPELINE = re.compile(
    r"(?:^|/)(?:\.github/workflows/[^/]+\.ya?ml|action\.ya?ml|\.gitlab-ci\.ya?ml|\.circleci/config\.ya?ml|"
    r"bitbucket-pipelines\.ya?ml)$"
)
_SHELL_NAME = re.compile(
    r"[\w.-]*(?:Dockerfile|Containerfile)[\w.-]*|GNUmakefile|[Mm]akefile|[Jj]ustfile|\.envrc|Jenkinsfile|Procfile"
)


def language(path: str) -> Language | None:
    """How to read a file of this name, with forward slashes; None for one that is not read."""
    if len(path) > _LONGEST_PATH:
        return None
    name = path[path.rfind("/") + 1 :]
    stem, dot, extension = name.rpartition(".")
    if extension in _PIPELINE_EXTENSIONS and _PIPELINE.search(path):
        return "pipeline"
    found = _BY_EXTENSION.get(extension) if dot else None
    if found is None and ("file" in name or name == ".envrc") and _SHELL_NAME.fullmatch(name):
        return "shell"
    if found is None and extension in _TEMPLATES and stem.endswith(".py"):
        return "python"
    return found if dot else "first-line"
