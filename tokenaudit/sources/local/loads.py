"""How the code of a folder loads repositories of the Hub; part of its configuration's audit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from tokenaudit.ci import is_ci_file, may_be_ci
from tokenaudit.content.load_rules import COMMAND_MENTION, LARGEST, MENTIONS
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.file_reader import Unreadable, read_small, read_windows

_INSTALLED = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|\.?venv|virtualenv|\.tox|\.nox|__pycache__|\.eggs|\.git)/"
)
"""Folders of code that is installed, not written here."""


def load_findings(
    names: Mapping[str, str], target: str, credentials: Mapping[str, str], known: Collection[str]
) -> Iterator[Problem | Skipped]:
    """Problems with loads in the files `names`, whose keys are paths and whose values are names in the report.

    `credentials` are in the environment of scripts, by name; `known` are configuration files for which a rule on CI
    already reports code that runs unpinned.
    """
    for file, name in sorted(names.items()):
        is_python = name.endswith((".py", ".ipynb"))
        if _INSTALLED.search(name) or not (is_python or may_be_ci(name)):
            continue
        try:
            data = read_small(file)
            if data is None:
                window, *more = islice(read_windows(file), 2)
                data = window.data
                if more and is_python:
                    continue  # no source file: megabytes of data under such a name
        except Unreadable as error:
            yield Skipped(f"{target}: {name}", error.reason)
            continue
        if not (MENTIONS.search(data) if is_python else COMMAND_MENTION in data):
            continue
        from tokenaudit.content import load_policy  # noqa: PLC0415 - parsers that most files do not need

        if is_python:
            yield from load_policy.load_problems(target, name, data, credentials)
        elif name not in known and len(data) <= LARGEST and is_ci_file(name, data):
            yield from load_policy.command_problems(target, name, data)
