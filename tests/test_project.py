"""The files around the code: workflows, tasks, constraints and the release agree with each other and with the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tokenaudit.ci.audit import program

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return found


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_version(path: Path) -> None:
    used = re.findall(r"uses: *(.+)$", path.read_text("utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert PINNED.match(action), action


def test_one_action_has_one_version() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: *(.+)$", path.read_text("utf-8"), re.MULTILINE)}
    assert len({action.partition("@")[0] for action in used}) == len(used)


@pytest.mark.skipif(program() is None, reason="zizmor is not installed")
def test_zizmor_finds_nothing_in_our_workflows() -> None:
    done = subprocess.run(
        [program() or "", "--offline", "--no-progress", "--persona=pedantic", ".github", "action.yml"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("pattern", "schema"),
    [
        (".github/workflows/*.yml", "vendor.github-workflows"),
        (".github/dependabot.yml", "vendor.dependabot"),
        (".github/ISSUE_TEMPLATE/config.yml", "vendor.github-issue-config"),
        (".github/ISSUE_TEMPLATE/[!c]*.yml", "vendor.github-issue-forms"),
        ("action.yml", "vendor.github-actions"),
    ],
)
def test_files_for_the_forge_follow_their_published_schemas(pattern: str, schema: str) -> None:
    files = sorted(map(str, ROOT.glob(pattern)))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout


def test_every_supported_python_is_tested_on_every_system() -> None:
    classified = [c.rpartition(" ")[2] for c in project()["project"]["classifiers"] if "Python :: 3." in c]
    matrix = workflow("ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == classified
    assert project()["project"]["requires-python"] == f">={classified[0]}"
    assert [name.partition("-")[0] for name in matrix["system"]] == ["ubuntu", "macos", "windows"]
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")
    assert f"PYTHONS = {classified}".replace("'", '"') in noxfile


def test_only_the_last_job_of_ci_has_to_be_required() -> None:
    jobs = workflow("ci.yml")["jobs"]
    assert jobs["passed"]["needs"] == [name for name in jobs if name != "passed"]


def test_a_release_is_published_without_a_stored_token_and_attested() -> None:
    jobs = workflow("release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert "attest" in jobs["publish"]["needs"]
    assert jobs["attest"]["permissions"] == {"id-token": "write", "attestations": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")


def release(root: Path, tag: str) -> subprocess.CompletedProcess[str]:
    script = root / ".ci" / "release_notes.py"
    return subprocess.run([sys.executable, "-I", script, tag], capture_output=True, check=False, text=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a release looks at, with an empty Unreleased section."""
    for name in (".ci/release_notes.py", "tokenaudit/_version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tokenaudit" / "_version.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2027-01-02\n\n- new\n\n## 1.1.0 - 2026-12-01\n\n- old\n"
    )
    return tmp_path


def test_a_release_takes_its_notes_from_the_changelog(checkout: Path) -> None:
    done = release(checkout, "v1.2.0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "- new\n", "")


@pytest.mark.parametrize(
    ("tag", "old", "new", "told"),
    [
        ("v1.2.1", "", "", "the tag is v1.2.1, but"),
        ("1.2.0", "", "", "the tag is 1.2.0, but"),
        ("v1.2.0", "## Unreleased\n", "## Unreleased\n\n- more\n", "still has entries under Unreleased"),
        ("v1.2.0", "1.2.0 - 2027-01-02", "1.2.0", "no section"),
        ("v1.2.0", "- new\n", "", "says nothing about 1.2.0"),
    ],
)
def test_a_release_that_contradicts_itself_is_stopped(checkout: Path, tag: str, old: str, new: str, told: str) -> None:
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace(old, new, 1) if old else changelog.read_text())
    done = release(checkout, tag)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_changelog_has_a_first_release_and_only_known_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert re.fullmatch(r"0\.1\.0 - \d{4}-\d\d-\d\d", titles[-1])
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= known


def test_the_constraints_name_no_index_and_satisfy_every_floor() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert not [line for line in lines if "://" in line or line.startswith("-") or " @ " in line]
    pinned: dict[str, list[Version]] = {}
    for line in lines:
        requirement = Requirement(line)
        (exact,) = requirement.specifier
        assert exact.operator == "=="
        pinned.setdefault(_name(requirement.name), []).append(Version(exact.version))
    declared = project()["project"]
    wanted = [
        *declared["dependencies"],
        *(line for extra in declared["optional-dependencies"].values() for line in extra),
    ]
    for line in wanted:
        requirement = Requirement(line)
        if _name(requirement.name) not in {"tokenaudit", "tokenaudit-fast"}:
            assert _name(requirement.name) in pinned, f"{line} is new: run nox -s constraints"
            assert all(requirement.specifier.contains(version) for version in pinned[_name(requirement.name)]), line


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_our_own_hooks_are_valid_and_run_what_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", ROOT / ".pre-commit-config.yaml"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert {hook["language"] for hook in local["hooks"]} == {"system"}


def test_nox_knows_the_tasks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nox", "--list", "--noxfile", ROOT / "noxfile.py"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for task in ("tests-3.10", "lint", "docs", "coverage", "constraints"):
        assert re.search(rf"^[*-] {re.escape(task)} ", done.stdout, re.MULTILINE), done.stdout


def test_no_owner_is_a_person() -> None:
    owners = {
        word
        for line in (ROOT / ".github" / "CODEOWNERS").read_text("utf-8").splitlines()
        for word in line.partition("#")[0].split()[1:]
    }
    assert owners
    assert all(re.fullmatch(r"@[\w-]+/[\w-]+", owner) for owner in owners)


@pytest.mark.skipif(sys.platform == "win32", reason="the gate is a shell script")
def test_the_gate_takes_the_oldest_and_the_newest_python_that_work(tmp_path: Path) -> None:
    for version, works in (("3.9", True), ("3.10", False), ("3.11", True), ("3.13", True), ("3.14", False)):
        fake = tmp_path / f"python{version}"
        # Asked whether it works it fails or not; asked where it is it says so.
        fake.write_text(f'#!/bin/sh\ncase "$2" in *assert*) exit {int(not works)};; *) echo "$0";; esac\n')
        fake.chmod(0o755)
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    part = script[script.index("interpreters() {") : script.index("# Runs a command line")]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'{part}\necho "$oldest $newest"'],
        cwd=ROOT, env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "PYENV_ROOT": f"{tmp_path}/none"},
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(tmp_path / "python3.11"), str(tmp_path / "python3.13")], done.stderr


def test_the_gate_takes_the_same_examples_every_time() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^export CI=1\b", script, re.MULTILINE)
    for path in re.findall(
        r"tests/[\w/.]+", script[script.index("fast=(") : script.index(")", script.index("fast=("))]
    ):
        assert (ROOT / path).exists(), path
