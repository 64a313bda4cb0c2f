"""Chat templates wherever they are kept: hostile ones are found, those of real models are not, and none is rendered."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.content.changes import judge
from tests.content.samples.containers import gguf
from tests.content.samples.templates import BENIGN_TEMPLATES, HOSTILE_TEMPLATES

PLACES: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "file": ("chat_template.jinja", str.encode),
    "additional": ("additional_chat_templates/tool_use.jinja", str.encode),
    "tokenizer": ("tokenizer_config.json", lambda text: json.dumps({"chat_template": text}).encode()),
    "processor": ("processor_config.json", lambda text: json.dumps({"a": {"chat_template": text}}).encode()),
    "list": (
        "tokenizer_config.json",
        lambda text: json.dumps({"chat_template": [{"name": "default", "template": text}]}).encode(),
    ),
    "repeated": (
        "tokenizer_config.json",
        lambda text: b'{"chat_template": %s, "chat_template": "x"}' % json.dumps(text).encode(),
    ),
    "json": ("chat_template.json", lambda text: json.dumps({"chat_template": text}).encode("utf-16")),
    "gguf": ("model.gguf", lambda text: gguf({"general.name": "x", "tokenizer.chat_template": text})),
    "gguf-named": (
        "model.gguf",
        lambda text: gguf({"t": ["a"] * 300, "n": 1, "tokenizer.chat_template.tool_use": text}, tensors=2),
    ),
}


def rules(path: str, after: bytes, before: bytes | None = None) -> set[str]:
    return {each.rule for each in judge(path, after, before).findings}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_hostile_templates_are_found_everywhere(place: str) -> None:
    path, write = PLACES[place]
    missed = [text for text in HOSTILE_TEMPLATES if "content-template-code" not in rules(path, write(text))]
    assert missed == []


@pytest.mark.parametrize("place", sorted(PLACES))
def test_templates_of_real_models_are_no_finding(place: str) -> None:
    path, write = PLACES[place]
    judged = {text: judge(path, write(text)) for text in BENIGN_TEMPLATES}
    assert {text for text, each in judged.items() if each.findings or each.skipped} == set()


def test_a_template_that_did_not_change_is_no_finding() -> None:
    path, write = PLACES["tokenizer"]
    before = write(HOSTILE_TEMPLATES[0])
    assert rules(path, before + b"\n", before) == set()


def test_a_template_that_is_changed_is_judged_as_a_whole() -> None:
    path, write = PLACES["file"]
    assert rules(path, write(HOSTILE_TEMPLATES[0] + "x"), write(HOSTILE_TEMPLATES[0]))


def test_text_that_was_there_before_is_not_planted() -> None:
    path, write = PLACES["file"]
    before = "See https://docs.invalid/a. {{ messages }}"
    assert rules(path, write(before + " {{ bos_token }}"), write(before)) == set()
    assert rules(path, write(before + " https://other.invalid"), write(before)) == {"content-template-code"}


def test_the_risk_and_line_are_those_of_what_was_found() -> None:
    (found,) = judge("chat_template.jinja", b"{{ bos_token }}\n{{ x|attr('a') }}\n").findings
    assert (found.risk, found.line, found.severity.value) == ("executes", 2, "critical")
    assert judge("chat_template.jinja", b"https://x.invalid/y").risk == "misleads"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("chat_template.jinja", b"{% if %}"),
        ("chat_template.jinja", b"{% unknown %}"),
        ("chat_template.jinja", b"{{" + b"(" * 5000 + b")" * 5000 + b"}}"),
        ("model.gguf", gguf({"tokenizer.chat_template": "x"})[:40]),
        ("model.gguf", b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1 << 40).to_bytes(8, "little")),
        ("model.gguf", b"GGUF" + (9).to_bytes(4, "little") + bytes(64)),
    ],
)
def test_what_can_not_be_parsed_is_not_clean(path: str, data: bytes) -> None:
    judged = judge(path, data)
    assert judged.risk == "unknown"
    assert judged.skipped


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="{}%#|.[]()'\"_abc ~+-", max_size=60))
def test_text_of_any_kind_is_judged(text: str) -> None:
    judged = judge("chat_template.jinja", text.encode())
    assert judged.risk in {"none", "unknown", "executes", "misleads"}
