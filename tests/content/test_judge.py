"""Judging a change: formats, risks, files that can't be read, and evidence that is safe to print."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.changes import facts, judge, judge_all
from tests.support.mint import Mint
from tokenaudit import content
from tokenaudit.content.change import FileChange, FileVersion
from tokenaudit.content.changed_content import LONGEST_EVIDENCE, quoted_evidence
from tokenaudit.content.judge import judge_change, worst

PACKAGE = Path(content.__file__).parent

FORBIDDEN_CALLS = frozenset({"eval", "exec", "compile", "__import__", "import_module"})
FORBIDDEN_METHODS = frozenset({"load", "loads", "render", "generate", "unsafe_load", "full_load", "from_string"})
PARSERS = frozenset({"json", "tomllib", "tomli"})
"""Modules whose `load` and `loads` make data only."""


def runs_content(source: str) -> list[str]:
    """The calls in `source` that could load, render, import or evaluate what they are given."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS | FORBIDDEN_METHODS:
            found.append(ast.unparse(node))
        elif isinstance(called, ast.Attribute) and called.attr in FORBIDDEN_METHODS | FORBIDDEN_CALLS:
            owner = ast.unparse(called.value)
            if owner not in PARSERS and not (owner == "re" and called.attr == "compile"):
                found.append(ast.unparse(node))
    return found


def test_nothing_is_loaded_rendered_imported_or_evaluated() -> None:
    assert {path.name: runs_content(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")} == {
        path.name: [] for path in PACKAGE.rglob("*.py")
    }


@pytest.mark.parametrize(
    "source",
    [
        "pickle.loads(b)", "torch.load(f)", "joblib.load(f)", "yaml.load(f)", "yaml.unsafe_load(f)", "eval(x)",
        "exec(x)", "template.render()", "importlib.import_module(n)", "marshal.loads(b)", "numpy.load(f)",
        "load(f)", "env.from_string(t)", "builtins.eval(x)", "Unpickler(f).load()",
    ],
)  # fmt: skip
def test_a_call_that_runs_content_is_found(source: str) -> None:
    assert runs_content(source)


@pytest.mark.parametrize("library", ["pickle", "torch", "joblib", "marshal", "shelve", "dill", "runpy", "subprocess"])
def test_no_module_imports_what_runs_content(library: str) -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert library not in {name.partition(".")[0] for name in names}, path


class Failing(io.BytesIO):
    """A remote file whose reads fail."""

    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002 - the signature of every file
        message = "the server answered 500"
        raise OSError(message)


def test_what_can_not_be_read_is_unknown_and_never_clean() -> None:
    broken = FileVersion("pytorch_model.bin", 100, "a" * 64, lambda: Failing(b"x" * 100))
    judged = judge_change(FileChange("added", None, broken), facts())
    assert judged.risk == "unknown"
    assert judged.skipped == ("could not be read: the server answered 500",)


def test_a_version_that_can_not_be_opened_is_unknown() -> None:
    def refuse() -> io.BytesIO:
        message = "the limit of bytes to download is met"
        raise OSError(message)

    judged = judge_change(FileChange("added", None, FileVersion("a.pkl", 9, None, refuse)), facts())
    assert (judged.risk, judged.skipped) == ("unknown", ("could not be read: the limit of bytes to download is met",))


def test_the_worst_risk_wins() -> None:
    assert worst(["none", "unknown", "weakens", "misleads", "executes"]) == "executes"
    assert worst(["none", "unknown", "weakens"]) == "weakens"
    assert worst(["unknown", "none"]) == "unknown"
    assert worst([]) == "none"


@pytest.mark.parametrize(
    ("path", "data", "form"),
    [
        ("README.md", b"# Card\n", "card"),
        ("notes.bin", b"# Card\n", "other"),
        ("model.py", b"import os\n", "python"),
        ("model.txt", b"\x7fELF\x02\x01\x01" + bytes(64), "native"),
        ("tool", b"MZ\x90\x00" + bytes(64), "native"),
        ("MZ.txt", b"MZ is a country code\n", "config"),
        ("run.bin", b"#!/bin/sh\ntrue\n", "native"),
        ("start.bat", b"@echo off\r\n", "native"),
        ("config.json", b'{"a": 1}', "config"),
        ("config.json", '{"a": 1}'.encode("utf-16"), "config"),
        ("nb.ipynb", b"{}", "notebook"),
        ("m.gguf", b"GGUF" + bytes(20), "gguf"),
        ("m.safetensors", (2).to_bytes(8, "little") + b"{}", "safetensors"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(20), "other"),
        ("m.7z", b"7z\xbc\xaf\x27\x1c" + bytes(20), "archive"),
    ],
)
def test_the_format_is_that_of_the_content(path: str, data: bytes, form: str) -> None:
    assert judge(path, data).format == form


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01" + bytes(64),
        b"MZ\x90\x00" + bytes(64),
        b"\xcf\xfa\xed\xfe" + bytes(64),
        b"\xca\xfe\xba\xbe" + bytes(64),
        b"#!/bin/sh\ntrue\n",
    ],
)
def test_programs_and_scripts_are_findings_under_any_name(data: bytes) -> None:
    judged = judge("weights.bin", data)
    assert [each.rule for each in judged.findings] == ["content-native-code"]
    assert judged.risk == "executes"


def test_a_script_that_is_added_is_said_and_one_that_changes_is_judged_by_its_commands() -> None:
    (added,) = judge("train.sh", b"#!/bin/sh\ntrue\n").findings
    assert (added.rule, added.severity.value) == ("content-native-code", "low")
    assert judge("train.sh", b"#!/bin/sh\ntrue\n", b"#!/bin/sh\n").findings == ()
    (windows,) = judge("start.bat", b"rem x\r\n", b"rem\r\n").findings
    assert windows.severity.value == "medium"


@pytest.mark.parametrize("path", ["model.engine", "model.tflite", "saved_model.pb", "data.rds", "x/model.mlmodel"])
def test_programs_of_other_runtimes_are_not_clean(path: str) -> None:
    judged = judge(path, b"\x08\x01\x12\x03" * 40)
    assert (judged.risk, judged.findings) == ("unknown", ())


def test_a_program_with_an_archive_behind_it_is_named() -> None:
    data = b"MZqFpD='\n" + bytes(4000) + b"PK\x05\x06" + bytes(18)
    assert "llamafile" in judge("model.llamafile", data).findings[0].message


def test_deleted_safetensors_with_a_pickle_left_are_a_downgrade() -> None:
    weights = {"model.safetensors": (2).to_bytes(8, "little") + b"{}", "pytorch_model.bin": b"\x80\x02}."}
    judged = judge_all(weights, {"pytorch_model.bin": weights["pytorch_model.bin"]})
    assert [each.rule for each in judged["model.safetensors"].findings] == ["content-format-downgrade"]
    assert judged["model.safetensors"].risk == "weakens"


def test_deleted_safetensors_without_a_pickle_are_none() -> None:
    weights = {"model.safetensors": (2).to_bytes(8, "little") + b"{}", "README.md": b"x"}
    assert judge_all(weights, {"README.md": b"x"})["model.safetensors"].risk == "none"


def test_a_pickle_that_changes_without_its_safetensors_is_a_downgrade() -> None:
    safe = (2).to_bytes(8, "little") + b"{}"
    before = {"model.safetensors": safe, "pytorch_model.bin": b"\x80\x02}."}
    judged = judge_all(before, {**before, "pytorch_model.bin": b"\x80\x02]."})
    assert [each.rule for each in judged["pytorch_model.bin"].findings] == ["content-format-downgrade"]


def test_a_pickle_that_changes_with_its_safetensors_is_none() -> None:
    before = {"model.safetensors": (2).to_bytes(8, "little") + b"{}", "pytorch_model.bin": b"\x80\x02}."}
    after = {"model.safetensors": (3).to_bytes(8, "little") + b"{} ", "pytorch_model.bin": b"\x80\x02]."}
    assert judge_all(before, after)["pytorch_model.bin"].findings == ()


def test_evidence_never_holds_a_credential() -> None:
    token = Mint("evidence").user_token()
    for text in (token, f"export HF_TOKEN={token}", "x" * 30 + token + "y" * 60):
        assert token not in quoted_evidence(text)
        assert token[8:20] not in quoted_evidence(text)


@given(st.text(max_size=300))
def test_evidence_is_one_short_printable_line(text: str) -> None:
    quoted = quoted_evidence(text)
    assert len(quoted) <= LONGEST_EVIDENCE
    assert "\n" not in quoted
    assert "\x1b" not in quoted


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>system",
        "[INST] do it [/INST]",
        "<<SYS>>",
        "</s>",
        "\u200b\u202ehidden",
        "\x1b[31mred",
        "<\uff5cUser\uff5c>",
    ],
)
def test_evidence_has_no_chat_marker_and_nothing_invisible(text: str) -> None:
    quoted = quoted_evidence(f"a {text} b")
    assert text not in quoted
    assert not set("\x1b\u200b\u202e") & set(quoted)
