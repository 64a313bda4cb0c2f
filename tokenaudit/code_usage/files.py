"""Which files are read for needs, and as what, by their names alone: it is asked of every file of a tree."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["python", "javascript", "shell", "notebook", "pipeline", "first-line"]
"""`first-line` stands for a file without an extension, whose first line may say what it is."""

_BY_EXTENSION: dict[str, Language] = {
    **dict.fromkeys(("py", "pyi", "pyw", "pyiw"), "python"),
    **dict.fromkeys((f"{m}{kind}s{x}" for m in ("", "c", "m") for kind in "jt" for x in ("", "x")), "javascript"),
    **dict.fromkeys(("vue", "svelte"), "javascript"),
    **dict.fromkeys(("sh", "bash", "zsh", "ksh", "mk", "dockerfile", "just"), "shell"),
    "ipynb": "notebook",
}
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
