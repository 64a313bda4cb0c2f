"""The patches of a report as files for `git apply`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tokenaudit.errors import UsageError
from tokenaudit.model import Report


def write_patches(report: Report, folder: Path) -> Iterator[Path]:
    """Writes each patch of `report`'s problems once into `folder`, which is made if needed; gives the files' paths.

    File names are built from the rule's id and the patched file's name, and never leave the folder.

    Raises:
        UsageError: the folder can't be written to.
    """
    unique = {problem.patch: problem for problem in report.problems if problem.patch}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (patch, problem) in enumerate(unique.items(), start=1):
            about = re.sub(r"[^A-Za-z0-9]+", "-", f"{problem.rule}-{(problem.path or '').rsplit('/', 1)[-1]}").strip(
                "-"
            )
            path = folder / f"{number:02d}-{about[:80]}.patch"
            path.write_text(patch if patch.endswith("\n") else f"{patch}\n", encoding="utf-8", newline="\n")
            yield path
    except OSError as error:
        message = f"{folder} can't be written to: {error.strerror}"
        raise UsageError(message) from None
