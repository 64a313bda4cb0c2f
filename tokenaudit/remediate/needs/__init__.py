"""Which Hugging Face permissions code needs, read from the code with evidence.

One file a language, all pure functions from text to `Needs`. What they find is needed or perhaps needed; what they do
not find is not thereby unneeded.
"""

from __future__ import annotations

import re

from tokenaudit.remediate.needs.interface import Need, Needs, merged
from tokenaudit.remediate.needs.javascript import javascript_needs
from tokenaudit.remediate.needs.notebook import notebook_needs
from tokenaudit.remediate.needs.pipelines import is_pipeline, pipeline_needs
from tokenaudit.remediate.needs.python import python_needs
from tokenaudit.remediate.needs.shell import shell_needs

__all__ = ["Need", "Needs", "merged", "needs_of", "reads"]

_PYTHON = re.compile(r"\.pyi?w?$|\.py\.jinja2?$")
_JAVASCRIPT = re.compile(r"\.(?:[cm]?[jt]sx?|vue|svelte)$")
_SHELL = re.compile(
    r"\.(?:sh|bash|zsh|ksh|mk|dockerfile|just)$|(?:^|/)(?:[\w.-]*(?:Dockerfile|Containerfile)[\w.-]*|GNUmakefile|"
    r"[Mm]akefile|[Jj]ustfile|\.envrc|Jenkinsfile|Procfile)$"
)
_LARGEST = 4_000_000


def reads(path: str) -> bool:
    """Whether a file of this name is read for needs. One without an extension may still be, by its first line."""
    name = path.rsplit("/", 1)[-1]
    return (
        bool(_PYTHON.search(path) or _JAVASCRIPT.search(path) or _SHELL.search(path) or is_pipeline(path))
        or name.endswith(".ipynb")
        or "." not in name
    )


def needs_of(path: str, data: bytes) -> Needs:
    """What the file `path` with the content `data` needs; empty for kinds of file that are not read for needs.

    A file larger than 4 MB is not read, and said so.
    """
    if not reads(path):
        return Needs()
    if len(data) > _LARGEST:
        return Needs(skipped=(f"{path}: larger than 4 MB, so its needs are unknown",))
    if _PYTHON.search(path):
        return python_needs(path, data)
    return notebook_needs(path, data) if path.endswith(".ipynb") else _of_text(path, data.decode("utf-8", "replace"))


def _of_text(path: str, text: str) -> Needs:
    if is_pipeline(path):
        return pipeline_needs(path, text)
    if _JAVASCRIPT.search(path):
        return javascript_needs(path, text)
    return shell_needs(path, text, python=python_needs) if _SHELL.search(path) else _by_first_line(path, text)


def _by_first_line(path: str, text: str) -> Needs:
    first = text.partition("\n")[0]
    if not first.startswith("#!"):
        return Needs()
    if "python" in first:
        return python_needs(path, text.encode())
    return shell_needs(path, text, python=python_needs) if re.search(r"\b(?:ba|z|k|da)?sh\b", first) else Needs()
