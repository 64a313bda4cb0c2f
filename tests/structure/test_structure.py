"""The package keeps its structure: one-way imports, few packages, one name for one thing."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.structure.follow import files_of_finding
from tests.structure.measure import ROOT, Structure, level, read_structure
from tokenaudit.ci.systems import SYSTEMS

MOST_MODULES = 475
MOST_LEVELS = 9
MOST_PACKAGE_EDGES = 93
MOST_LAZY_IMPORTS = 58
MOST_FILES_OF_A_FINDING = 42
"""From a pack to the screen, without the policy's rules."""

FEWEST_LINES = 40
"""A module with fewer lines belongs into another one, unless it is one of its kind: see `ONE_A_FILE`."""

ONE_A_FILE = re.compile(
    r"tokenaudit\.("
    r"__main__|_version|errors|forking|lazy_names|rule_index"
    r"|cli\.\w+"  # one command a file
    r"|(ci|policy)\.rules\.\w+|ci\.systems\.\w+"  # one rule, one CI system
    r"|sources\.\w+\.\w+|incident\.changes\.\w+|remediate\.consumers\.\w+"  # one place, one question, one consumer
    r"|report\.(\w+|(changes|incident|usage)\.\w+)|detect\.decode\.\w+"  # one format, one encoding
    r")"
)
ALLOWED_SMALL = frozenset(
    {
        "tokenaudit.hub.repo_access",  # imported by all of hub/
        "tokenaudit.exit_codes",  # imported by changes/, report/ and cli/
        "tokenaudit.work_budget",  # imported by ci/ and code_usage/, which know nothing of each other
        "tokenaudit.ci.systems.common",  # imported by all of ci/systems/
        "tokenaudit.json_text",  # imported by report/, inventory/ and remediate/; text.py stays free of msgspec
    }
)
SIBLINGS = ("content", "detect", "git", "ci", "hub", "inventory")
"""Packages that know nothing of each other."""


@pytest.fixture(scope="module")
def structure() -> Structure:
    return read_structure()


def test_no_module_imports_itself_through_others(structure: Structure) -> None:
    assert structure.cycles() == []


def test_no_two_public_types_share_a_name(structure: Structure) -> None:
    assert structure.shared_names() == {}


def test_the_package_does_not_grow_unnoticed(structure: Structure) -> None:
    assert len(structure.modules) <= MOST_MODULES
    assert structure.levels <= MOST_LEVELS
    assert structure.package_edges <= MOST_PACKAGE_EDGES
    assert structure.lazy_imports <= MOST_LAZY_IMPORTS


def test_a_finding_is_followed_through_few_files(tmp_path: Path) -> None:
    files = files_of_finding(tmp_path / "repository")
    assert {"git/pack/scan.py", "detect/scanner.py", "audit/aggregate.py", "report/text.py", "cli/scan.py"} <= files
    assert len(files) <= MOST_FILES_OF_A_FINDING


def test_small_modules_are_one_of_their_kind(structure: Structure) -> None:
    small = {
        name
        for name, path in structure.modules.items()
        if len(path.read_text("utf-8").splitlines()) < FEWEST_LINES and path.name != "__init__.py"
    }
    assert {name for name in small if not ONE_A_FILE.fullmatch(name)} <= ALLOWED_SMALL


@pytest.mark.parametrize("name", SIBLINGS)
def test_the_lowest_packages_know_only_the_ground(structure: Structure, name: str) -> None:
    assert structure.packages[name] <= {"ground"}


def test_every_ci_system_has_files(structure: Structure) -> None:
    modules = {name.rpartition(".")[2] for name in structure.modules if name.startswith("tokenaudit.ci.systems.")}
    assert {system.module for system in SYSTEMS} == modules - {"common"}


def test_only_the_hub_package_imports_the_hub_client(structure: Structure) -> None:
    clients = {"huggingface_hub", "httpx", "requests", "urllib.request"}
    found = {name for name, libraries in structure.libraries.items() if libraries & clients}
    assert {name for name in found if not name.startswith("tokenaudit.hub.")} <= {
        "tokenaudit.detect.plugins",  # keeps detect-secrets from importing requests
        "tokenaudit.audit.targets",  # turns a file URL into a path
        "tokenaudit.hub.platforms.transport",  # the guarded transport of GitHub and GitLab
    }


def test_the_architecture_map_names_every_package_at_its_level(structure: Structure) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("<!-- architecture -->")[2].partition("<!-- /architecture -->")[0]
    rows = re.findall(r"^\| (\d+) \| `tokenaudit/(\w+)/` \|", table, re.MULTILINE)
    packages = structure.packages
    expected = {(level(name, packages), name) for name in packages if name != "ground"}
    assert {(int(number), name) for number, name in rows} == expected
    assert [int(number) for number, _ in rows] == sorted(int(number) for number, _ in rows)


def test_every_public_name_of_a_package_can_be_imported(structure: Structure) -> None:
    packages = [name for name, path in structure.modules.items() if path.name == "__init__.py"]
    for package in map(importlib.import_module, packages):
        missing = [name for name in getattr(package, "__all__", ()) if not hasattr(package, name)]
        assert missing == [], package.__name__
