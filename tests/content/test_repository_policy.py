"""What a repository offers, from its list of files."""

from __future__ import annotations

import pytest

from tests.content.changes import judge_all
from tokenaudit.content.repository_policy import repository_problems
from tokenaudit.model import Severity

_REST = ["README.md", "config.json", "tokenizer.json", ".gitattributes"]


@pytest.mark.parametrize(
    ("target", "paths", "rules"),
    [
        ("models/acme/m", ["model.safetensors"], []),
        ("models/acme/m", ["model.safetensors", "pytorch_model.bin"], []),
        ("models/acme/m", ["pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"], ["repo-pickle-only"]),
        ("models/acme/m", ["weights/best.pt"], ["repo-pickle-only"]),
        ("models/acme/m", ["model.pkl"], ["repo-pickle-only"]),
        ("models/acme/m", ["model.gguf", "old.ckpt"], []),
        ("models/acme/m", ["openvino_model.bin", "openvino_model.xml"], []),
        ("models/acme/m", ["sentencepiece.bpe.bin"], []),
        ("models/acme/m", ["model.safetensors", "training_args.bin"], ["repo-trainer-leftovers"]),
        ("models/acme/m", ["training_args.bin", "checkpoint-10/optimizer.pt"], ["repo-trainer-leftovers"]),
        ("models/acme/m", ["pytorch_model.bin", "rng_state_3.pth"], ["repo-pickle-only", "repo-trainer-leftovers"]),
        ("models/acme/m", ["model.safetensors", "modeling_acme.py"], ["repo-remote-code"]),
        ("models/acme/m", ["model.safetensors", "handler.py"], ["repo-remote-code"]),
        ("models/acme/m", ["model.safetensors", "train.py", "examples/modeling_x.py"], []),
        ("datasets/acme/d", ["d.py", "train.parquet"], ["repo-remote-code"]),
        ("datasets/acme/d", ["prepare.py", "features.pkl"], []),
        ("spaces/acme/a", ["app.py", "model.pt", "handler.py"], []),
        ("models/acme/m", [], []),
    ],
)  # fmt: skip
def test_rules_of_a_list_of_files(target: str, paths: list[str], rules: list[str]) -> None:
    found = list(repository_problems(target, [*paths, *_REST]))
    assert sorted(one.rule for one in found) == rules
    assert all(one.target == target and one.path in paths and one.severity.rank <= Severity.LOW.rank for one in found)


def test_the_file_by_which_a_repository_first_has_a_problem_is_a_finding() -> None:
    safe = {"README.md": b"# A", "config.json": b"{}"}
    code = {"modeling_acme.py": b"x = 1\n", "handler.py": b"y = 1\n"}
    first = judge_all(safe, {**safe, **code})
    assert [one.rule for one in first["handler.py"].findings if one.rule.startswith("repo-")] == ["repo-remote-code"]
    assert [one.rule for one in first["modeling_acme.py"].findings if one.rule.startswith("repo-")] == []
    second = judge_all({**safe, **code}, {**safe, **code, "tokenization_acme.py": b"z = 1\n"})
    assert second["tokenization_acme.py"].findings == ()
    assert all(one.findings == () for one in judge_all({}, {"modeling_acme.py": b"x = 1\n"}).values())
