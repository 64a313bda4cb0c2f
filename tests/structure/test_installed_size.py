"""A plain install stays small: the environment of README's first command takes less than 200 MB."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.structure.installed_size import plain_install, requirements

ROOT = Path(__file__).parent.parent.parent
MB = 1_000_000
MOST = 166 * MB
"""200 MB less 26 of pip and setuptools, which `venv` brings, and 8 of modules that the first scan compiles."""


def test_a_plain_install_is_below_the_limit() -> None:
    sizes = plain_install()
    largest = sorted(sizes.items(), key=lambda row: -row[1])[:8]
    assert sum(sizes.values()) <= MOST, f"{sum(sizes.values()) / MB:.0f} MB, the largest: {largest}"
    assert sum(sizes.values()) > MOST / 3, "packages are missing from the sum"


def test_each_dependency_counts() -> None:
    sizes = plain_install()
    assert {canonicalize_name(each.name) for each in requirements()} <= {name for name, size in sizes.items() if size}
    assert not {"pytest", "pygithub", "distributed", "mypy"} & set(sizes)


def test_the_commands_that_install_compile_only_what_is_used() -> None:
    for name in ("README.md", "docs/start.md"):
        command = re.search(
            r"^python3 -m venv \.venv && \.venv/bin/pip install (.*) \.(?: |$)", text(name), re.MULTILINE
        )
        assert command, name
        assert "--no-compile" in command[1], name
    for name in ("action.yml", "templates/tokenaudit.gitlab-ci.yml"):
        assert "--no-compile" in text(name), name


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")
