"""Files that can't be understood are named with line and reason, their literals are found all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci.labelled import SYSTEMS
from tests.ci.support import audited, filled, problems
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.ci import audit_files, is_ci_file
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.ci_config import CiSource

_WORKFLOW = ".github/workflows/a.yml"
_BOMB = "HF_TOKEN: hf_<34 letters>\na: &a [x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

UNREADABLE = {
    "no YAML": (_WORKFLOW, "on: push\nenv:\n  HF_TOKEN: hf_<34 letters>\njobs: [}\n", 4),
    "tabs": (_WORKFLOW, "on: push\nenv:\n\tHF_TOKEN: hf_<34 letters>\n", 3),
    "alias bomb": (_WORKFLOW, _BOMB, None),
    "alias of itself": (_WORKFLOW, "HF_TOKEN: hf_<34 letters>\na: &a [*a]\n", 2),
    "alias of nothing": (_WORKFLOW, "HF_TOKEN: hf_<34 letters>\na: *b\n", 2),
    "brackets": (_WORKFLOW, "# hf_<34 letters>\n" + "[" * 50_000, 2),
    "dashes": (_WORKFLOW, "# hf_<34 letters>\n" + "- " * 50_000, 2),
    "a list": (_WORKFLOW, "- HF_TOKEN: hf_<34 letters>\n", 1),
    "control characters": (_WORKFLOW, "HF_TOKEN: hf_<34 letters>\na: \x01\n", 2),
    "template": (
        "k8s/a.yaml",
        "apiVersion: v1\nkind: Pod\n{{- if .Values.hf }}\nHF_TOKEN: hf_<34 letters>\n{{- end }}\n",
        3,
    ),
    "Groovy string": ("Jenkinsfile", "node {\n  sh 'hf_<34 letters>\n}\n", 2),
    "Groovy braces": ("Jenkinsfile", "node {\n  sh 'hf_<34 letters>'\n", 3),
    "Groovy comment": ("Jenkinsfile", "// hf_<34 letters>\nnode {\n /* \n", 3),
}


@pytest.mark.parametrize(("path", "text", "line"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_the_reason_is_said_and_the_literal_is_found(path: str, text: str, line: int | None) -> None:
    found = audited({path: filled(text), _WORKFLOW + "l.yml": "jobs: {}\n"})
    (skipped,) = [one for one in found if isinstance(one, Skipped)]
    assert path in skipped.where
    assert line is None or skipped.where.endswith(f":{line}")
    assert [one.rule for one in found if isinstance(one, Problem)] == ["ci-literal-token"]


def test_duplicate_keys_are_said_and_both_are_looked_at() -> None:
    text = "on: push\nenv:\n  HF_TOKEN: hf_<34 letters>\n  HF_TOKEN: ${{ secrets.HF_TOKEN }}\njobs: {}\n"
    found = audited({_WORKFLOW: filled(text)})
    assert [one.where for one in found if isinstance(one, Skipped)] == [f"repo: {_WORKFLOW}:4"]
    assert {(one.rule, one.line) for one in found if isinstance(one, Problem)} == {
        ("ci-literal-token", 3),
        ("ci-token-workflow-env", 4),
    }


def test_a_workflow_of_ten_megabytes_is_looked_at_as_text() -> None:
    text = filled("on: push\nenv:\n  HF_TOKEN: hf_<34 letters>\n") + "# filler\n" * (10 << 17)
    found = audited({_WORKFLOW: text})
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["larger than 1 MiB; scanned as text only"]
    assert [(one.rule, one.line) for one in found if isinstance(one, Problem)] == [("ci-literal-token", 3)]


@pytest.mark.parametrize(
    "piece", ["${{", "$(", "/*", "'''", "https://", "${{a}}", "print(", "trust_remote_code=True", "<<A\n"]
)
def test_a_file_made_to_be_slow_is_not(piece: str) -> None:
    """Quadratic work on this much text would not end while anybody waits."""
    script = (
        "on: push\nenv: {HF_TOKEN: x}\njobs:\n  a:\n    steps:\n      - run: |\n          "
        + piece.replace("\n", "") * 10_000
    )
    for path in (_WORKFLOW, "Jenkinsfile", "Dockerfile", "a.sh", ".env"):
        list(audit_files([(path, script.encode())], "repo", (), ToyExaminer()))


def test_commands_nested_too_deeply_are_said() -> None:
    script = "HF_TOKEN=x\n" + "$(" * 100 + "a" + ")" * 100
    found = audited({"a.sh": script})
    assert any(isinstance(one, Skipped) and "nested" in one.reason for one in found)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_other_encodings_do_no_harm(encoding: str) -> None:
    text = "on: push\nname: é\njobs:\n  a:\n    steps:\n      - run: hf auth login --token ${{ secrets.HF_TOKEN }}\n"
    found = list(audit_files([(_WORKFLOW, text.encode(encoding))], "repo"))
    rules = [one.rule for one in found if isinstance(one, Problem)]
    assert rules == ([] if encoding == "utf-16" else ["ci-token-in-argv"])


def test_windows_line_endings_keep_their_lines() -> None:
    text = "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          true\n          echo ${{ secrets.HF_TOKEN }}\n"
    assert [(one.rule, one.line) for one in problems({_WORKFLOW: text.replace("\n", "\r\n")})] == [
        ("ci-token-printed", 7)
    ]


_PATHS = [path for path, _ in SYSTEMS.values()] + [
    "Dockerfile",
    "compose.yaml",
    ".env",
    "main.tf",
    "Makefile",
    "action.yml",
    "appveyor.yml",
    "work.ps1",
    "work.bat",
]
_PIECES = [
    "HF_TOKEN",
    "$HF_TOKEN",
    "${{ secrets.HF_TOKEN }}",
    "run: |",
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "'",
    '"',
    "<<",
    "&a ",
]
_PIECES += [
    "*a",
    "steps:",
    "jobs:",
    "script:",
    "hf upload a/b .",
    "|",
    "\\\n",
    "\t",
    "sh '",
    "#",
    "é",
    "runs:",
    "kind: Pod",
    "$(",
    "$env:HF_TOKEN",
    "%HF_TOKEN%",
    "`\n",
    "^\n",
    "@{",
    "ps: ",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_PATHS), st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=4)), max_size=40))
def test_nothing_that_can_be_written_raises(path: str, pieces: list[str]) -> None:
    data = ("apiVersion: v1\nHF_TOKEN\n" if path.endswith("task.yaml") else "") + "".join(pieces)
    for found in audit_files([(path, data.encode("utf-8", "surrogatepass"))], "repo", (), ToyExaminer()):
        if isinstance(found, Problem):
            assert found.line is not None
            assert 1 <= found.line <= data.count("\n") + data.count("\r") + data.count("\x85") + 2


def test_a_value_used_as_a_key_is_not_shown() -> None:
    token = Mint(3).user_token()
    text = f"on: push\nenv:\n  {token}: {token}\njobs: {{}}\n"
    found = problems({_WORKFLOW: text})
    assert found
    assert token not in repr(found)


def test_a_value_in_a_file_name_is_not_shown(tmp_path: Path) -> None:
    token = Mint(4).user_token()
    file = tmp_path / ".github" / "workflows" / f"{token}.yml"
    file.parent.mkdir(parents=True)
    file.write_text("on: push\njobs:\n  a:\n    steps:\n      - run: echo ${{ secrets.HF_TOKEN }}\n")
    found = list(CiSource(tmp_path, "repo").findings(ScanContext(ToyExaminer())))
    assert [one.rule for one in found if isinstance(one, Problem)] == ["ci-token-printed"]
    assert token not in repr(found)


def test_names_of_files_decide() -> None:
    assert is_ci_file(".github/workflows/a.yml")
    assert is_ci_file("docker/Dockerfile.gpu")
    assert is_ci_file("deploy/x.yaml", b"apiVersion: v1\nkind: Secret\n")
    assert not is_ci_file("deploy/x.yaml", b"a: 1\n")
    assert not is_ci_file("src/dockerfile_parser.py")
