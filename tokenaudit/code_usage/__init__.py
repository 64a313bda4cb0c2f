"""Which Hugging Face permissions code needs, read from the code with evidence.

One file a language, all pure functions from text to `Needs`. What they find is needed or perhaps needed; what they do
not find is not thereby unneeded. A reader is loaded when there is something for it to read.
"""

from __future__ import annotations

import re

from tokenaudit.code_usage.model import Language, Need, Needs, language, merged
from tokenaudit.work_budget import WorkBudget, WorkLimitError

__all__ = ["Need", "Needs", "merged", "needs_of", "reads"]

_LARGEST = 4_000_000
_SHELL = re.compile(r"\b(?:ba|z|k|da)?sh\b")


def reads(path: str) -> bool:
    """Whether a file of this name is read for needs. One without an extension may still be, by its first line."""
    return language(path) is not None


def needs_of(path: str, data: bytes) -> Needs:
    """What the file `path` with the content `data` needs; empty for kinds of file that are not analyzed.

    A file larger than 4 MB is not read and is reported, as is one that takes more work than its size justifies.
    """
    known = language(path)
    if known is None:
        return Needs()
    if len(data) > _LARGEST:
        return Needs(skipped=(f"{path}: larger than 4 MB; required permissions unknown",))
    if known == "first-line":
        known = _by_first_line(data.partition(b"\n")[0].decode("utf-8", "replace"))
    try:
        return _read(known, path, data, WorkBudget(len(data))) if known else Needs()
    except WorkLimitError as error:
        return Needs(skipped=(f"{path}: {error.reason}; required permissions unknown",))


def _by_first_line(first: str) -> Language | None:
    if not first.startswith("#!"):
        return None
    if "python" in first:
        return "python"
    return "shell" if _SHELL.search(first) else None


def _read(known: Language, path: str, data: bytes, budget: WorkBudget) -> Needs:
    from tokenaudit.code_usage.python import python_needs  # noqa: PLC0415 - see above; the others build on it

    if known == "python":
        return python_needs(path, data, budget)
    if known == "notebook":
        from tokenaudit.code_usage.python import notebook_needs  # noqa: PLC0415 - see above

        return notebook_needs(path, data, budget)
    text = data.decode("utf-8", "replace")
    if known == "pipeline":
        from tokenaudit.code_usage.pipelines import pipeline_needs  # noqa: PLC0415 - see above

        return pipeline_needs(path, text, budget)
    if known == "javascript":
        from tokenaudit.code_usage.javascript import javascript_needs  # noqa: PLC0415 - see above

        return javascript_needs(path, text, budget)
    from tokenaudit.code_usage.shell import shell_needs  # noqa: PLC0415 - see above

    return shell_needs(path, text, budget, python=python_needs)
