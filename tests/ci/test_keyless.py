"""Patches that take the stored token out of a job: applied by git, read by others' linters."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ci.support import problems
from tests.support.gitrepo import GitRepo
from tokenaudit.model import Problem, Severity

_GITHUB = ".github/workflows/publish.yml"
_GITLAB = ".gitlab-ci.yml"
_HEAD = """\
name: publish
on:
  push:
    branches: [main]  # nothing else
jobs:
"""

WORKFLOWS = {
    "token in the step's environment": """\
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4   # the code

      - name: upload
        run: |
          hf upload acme/model ./out . \\
            --commit-message "from CI"
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}  # may go
""",
    "log-in as a step of its own": """\
  publish:
    runs-on: ubuntu-latest
    permissions:
      contents: write   # for the release
    steps:
      - run: pip install huggingface_hub==1.10.0
      - name: log in
        run: huggingface-cli login --token ${{ secrets.HF_TOKEN }}
      - run: hf upload acme/data ./out . --repo-type dataset
""",
    "log-in before the upload in one script": """\
  publish:
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - name: upload
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
          OTHER: "1"
        run: |
          hf auth login --token "$HF_TOKEN"
          hf upload acme/model ./out .
""",
    "option on a line of its own": """\
  publish:
    runs-on: ubuntu-latest
    permissions: write-all
    steps:
      - name: upload
        run: |
          hf upload acme/model ./out . \\
            --token "${{ secrets.HF_TOKEN }}"
""",
    "push of a Space": """\
  sync:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: git push https://user:$HF_TOKEN@huggingface.co/spaces/acme/demo main
""",
    "the sync action": """\
  sync:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: sync
        uses: huggingface/hub-sync@v0.1.0
        with:
          github_repo_id: acme/code
          huggingface_repo_id: acme/demo
          hf_token: ${{ secrets.HF_TOKEN }}
""",
    "token for the whole job": """\
  publish:
    runs-on: ubuntu-latest
    env:
      HF_TOKEN: ${{ secrets.HF_TOKEN }}
    steps:
      - run: pip install -U huggingface_hub
      - run: hf upload acme/model ./out .
""",
}

PIPELINES = {
    "variable of the project": """\
# publishes
publish:
  stage: deploy
  script:
    - pip install -U huggingface_hub
    - hf upload acme/model ./out . --token "$HF_TOKEN"   # the model
""",
    "log-in and a variable of the job": """\
publish:
  variables:
    HF_TOKEN: $WRITE_HF_TOKEN
    OTHER: "1"
  before_script:
    - pip install -U huggingface_hub
  script:
    - hf auth login --token $HF_TOKEN
    - hf upload acme/model ./out .
""",
}


def _advice(path: str, text: str) -> Problem:
    (found,) = [one for one in problems({path: text}) if one.rule == "ci-could-be-keyless"]
    return found


def _applied(folder: Path, path: str, text: str) -> str:
    """The file after its patch, applied by git itself."""
    advice = _advice(path, text)
    assert advice.severity is Severity.INFO
    assert advice.patch, advice.remedy
    repo = GitRepo(folder)
    repo.commit(files={path: text})
    repo.git("apply", "--whitespace=error-all", "-", stdin=advice.patch.encode())
    return (folder / path).read_bytes().decode()


@pytest.mark.parametrize("text", WORKFLOWS.values(), ids=WORKFLOWS.keys())
def test_a_patched_workflow_needs_no_token_and_keeps_all_else(text: str, tmp_path: Path) -> None:
    before = _HEAD + text
    after = _applied(tmp_path, _GITHUB, before)
    assert "secrets." not in after
    assert "HF_OIDC_RESOURCE: " in after
    assert "id-token: write" in after or "write-all" in after
    assert not [one.rule for one in problems({_GITHUB: after}) if one.credential_name]
    kept = [line for line in before.splitlines() if "#" in line and "HF_TOKEN" not in line]
    assert [line for line in kept if line not in after.splitlines()] == []


@pytest.mark.parametrize("text", PIPELINES.values(), ids=PIPELINES.keys())
def test_a_patched_pipeline_mints_its_own_token(text: str, tmp_path: Path) -> None:
    after = _applied(tmp_path, _GITLAB, text)
    assert "HF_TOKEN" not in after
    assert "aud: https://huggingface.co" in after
    assert "HF_OIDC_RESOURCE: acme/model" in after


@pytest.mark.parametrize(
    ("schema", "path", "texts"),
    [
        ("vendor.github-workflows", _GITHUB, [_HEAD + text for text in WORKFLOWS.values()]),
        ("vendor.gitlab-ci", _GITLAB, list(PIPELINES.values())),
    ],
)
def test_patched_files_obey_the_published_schema(schema: str, path: str, texts: list[str], tmp_path: Path) -> None:
    files = []
    for number, text in enumerate(texts):
        _applied(tmp_path / str(number), path, text)
        files.append(str(tmp_path / str(number) / path))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    shutil.which("zizmor", path=str(Path(sys.executable).parent)) is None, reason="zizmor is not installed"
)
def test_zizmor_finds_no_more_in_the_patched_workflows_than_before(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    for number, text in enumerate(WORKFLOWS.values()):
        (before / f"{number}.yml").write_text(_HEAD + text)
        (after / f"{number}.yml").write_text(_applied(tmp_path / str(number), _GITHUB, _HEAD + text))
    earlier, later = _zizmor(before), _zizmor(after)
    assert earlier
    for name, kinds in later.items():
        assert kinds <= earlier[name], name


def _zizmor(folder: Path) -> dict[str, set[str]]:
    """The kinds of findings that zizmor has in each workflow of a folder; it must be able to read them all."""
    program = str(Path(sys.executable).parent / "zizmor")
    files = sorted(folder.iterdir())
    command = [program, "--offline", "--no-exit-codes", "--format", "json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds: dict[str, set[str]] = {file.name: set() for file in files}
    for finding in json.loads(done.stdout):
        for location in finding["locations"]:
            kinds[Path(location["symbolic"]["key"]["Local"]["verbatim_path"]).name].add(finding["ident"])
    return kinds


def test_windows_line_endings_stay(tmp_path: Path) -> None:
    text = (_HEAD + WORKFLOWS["token in the step's environment"]).replace("\n", "\r\n")
    advice = _advice(_GITHUB, text)
    assert advice.patch
    repo = GitRepo(tmp_path)
    repo.git("config", "core.autocrlf", "false")
    repo.commit(files={_GITHUB: text})
    repo.git("apply", "-", stdin=advice.patch.encode())
    after = (tmp_path / _GITHUB).read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n")


def test_the_claims_are_those_of_the_file() -> None:
    remedy = _advice(_GITHUB, _HEAD + WORKFLOWS["token in the step's environment"]).remedy
    assert "https://huggingface.co/acme/model/settings" in remedy
    assert "branch = main" in remedy
    assert "workflow = publish.yml" in remedy


_STEP = """\
  publish:
    runs-on: ubuntu-latest
    steps:
      - env:
          HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}
        run: |
{script}
"""


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("hf upload acme/a . .\nhf upload acme/b . .", "several repositories"),
        ("hf upload ${{ matrix.repo }} . .", "set at run time"),
        ("hf repos create acme/a\nhf upload acme/a . .", "creates or deletes"),
        ("hf upload acme/a . .\nhf jobs run python:3.12 python x.py", "changes more"),
        ("python train.py\nhf upload acme/a . .", "permissions are unknown"),
        ("hf download acme/gated\nhf upload acme/a . .", "reads other repositories"),
    ],
)
def test_where_a_publisher_does_not_fit_the_reason_is_said(script: str, reason: str) -> None:
    lines = "\n".join(f"          {line}" for line in script.splitlines())
    advice = _advice(_GITHUB, _HEAD + _STEP.format(script=lines))
    assert advice.severity is Severity.INFO
    assert reason in advice.message
    assert advice.patch is None


def test_reading_alone_points_to_a_publisher_of_the_account() -> None:
    advice = _advice(_GITHUB, _HEAD + _STEP.format(script="          hf download acme/gated"))
    assert "ci-cd-access" in advice.remedy
    assert advice.patch is None


def test_a_keyless_job_gets_no_advice() -> None:
    text = WORKFLOWS["token in the step's environment"].replace(
        "HF_TOKEN: ${{ secrets.HF_TOKEN }}", "HF_OIDC_RESOURCE: acme/model"
    )
    assert not [one for one in problems({_GITHUB: _HEAD + text}) if one.rule == "ci-could-be-keyless"]


def test_a_token_shared_by_the_whole_file_is_told_in_words_only() -> None:
    text = (
        "env:\n  HF_TOKEN: ${{ secrets.HF_TOKEN }}\n"
        + _HEAD
        + WORKFLOWS["push of a Space"].replace("          HF_TOKEN: ${{ secrets.HF_TOKEN }}\n", "          OTHER: x\n")
    )
    advice = _advice(_GITHUB, text)
    assert advice.patch is None
    assert "HF_OIDC_RESOURCE=spaces/acme/demo" in advice.remedy
