"""Keras models, HDF5, fsspec references, indexes, ONNX, archives' members and safetensors: what is new is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.content.changes import judge
from tests.content.samples import opcodes as op
from tests.content.samples.containers import safetensors, tarred, zipped
from tests.content.samples.hdf5 import hdf5_files

HDF5 = hdf5_files()
LAMBDA = {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA", None, None]}}
DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 8}, "registered_name": None}
RELU = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}


def model(*layers: dict[str, Any]) -> str:
    return json.dumps({"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": layers}})


def keras(*layers: dict[str, Any]) -> bytes:
    return zipped([("metadata.json", b'{"keras_version": "3.9"}'), ("config.json", model(*layers).encode())])


def rules(path: str, after: bytes, before: bytes | None = None) -> set[str]:
    return {each.rule for each in judge(path, after, before).findings}


HOSTILE_LAYERS: dict[str, dict[str, Any]] = {
    "lambda": LAMBDA,
    "lambda-of-keras": {**LAMBDA, "module": "keras.layers"},
    "lambda-registered": {**LAMBDA, "class_name": "Custom>Lambda"},
    "serialized": {"class_name": "__lambda__", "config": {"code": "4wEAAAA", "defaults": None}},
    "nested": {"module": "keras.layers", "class_name": "Bidirectional", "config": {"layer": LAMBDA}},
    "process": {"module": "os", "class_name": "function", "config": "system", "registered_name": "function"},
    "builtin": {**RELU, "config": "eval"},
    "download": {**RELU, "module": "keras.utils", "config": "get_file"},
    "load": {**RELU, "module": "keras.src.saving", "config": "load_model"},
    "class": {"module": "helper.layers", "class_name": "Thing", "config": {}},
    "prefix": {"module": "keras_evil.layers", "class_name": "Thing", "config": {}},
    "saved-model": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "x"}},
    "file": {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
}


@pytest.mark.parametrize("name", sorted(HOSTILE_LAYERS))
def test_layers_that_run_code_are_found_in_every_form(name: str) -> None:
    text = model(DENSE, HOSTILE_LAYERS[name])
    for path, data in {
        "model.keras": keras(DENSE, HOSTILE_LAYERS[name]),
        "config.json": text.encode(),
        "keras_metadata.pb": b"\x0a\x90\x05\x08\x01" + text.encode() + b"\x12\x04",
        "model.h5": HDF5["plain-latest"] + text.encode() + b"\x00",
    }.items():
        assert "content-keras-code" in rules(path, data), path


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_a_lambda_layer_of_keras_2_is_found(version: str) -> None:
    judged = judge("model.h5", HDF5[f"lam-{version}"])
    assert ([each.rule for each in judged.findings], judged.risk) == (["content-keras-code"], "executes")
    assert judged.format == "keras"


def test_layers_of_keras_are_no_finding() -> None:
    plain = (DENSE, {**DENSE, "config": {"activation": RELU, "x": {"class_name": "__tensor__", "config": {}}}})
    for path, data in {"model.keras": keras(*plain), "config.json": model(*plain).encode()}.items():
        judged = judge(path, data)
        assert (judged.findings, judged.risk) == ((), "none")
    assert judge("model.keras", keras(DENSE)).format == "keras"


def test_a_layer_that_was_there_before_is_no_finding_and_another_function_is() -> None:
    other = {**LAMBDA, "config": {"name": "l", "function": ["4wEAAAB", None, None]}}
    assert rules("model.keras", keras(LAMBDA, DENSE), keras(LAMBDA)) == set()
    assert rules("model.keras", keras(other), keras(LAMBDA)) == {"content-keras-code"}


def test_the_first_of_two_equal_keys_counts_too() -> None:
    text = '{"class_name": "Lambda", "class_name": "Dense", "config": {}}'
    assert rules("config.json", text.encode()) == {"content-keras-code"}


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("link", "/proc/self/environ"),
        ("many", "../token.h5"),
        ("storage", "/etc/passwd"),
        ("virtual", "/data/0.h5"),
    ],
)
def test_other_files_behind_hdf5_are_found(name: str, target: str, version: str) -> None:
    judged = judge("train.h5", HDF5[f"{name}-{version}"])
    assert {each.rule for each in judged.findings} == {"content-hdf5-external"}
    assert target in {each.evidence for each in judged.findings}
    assert judged.risk == "misleads"


@pytest.mark.parametrize("name", [name for name in HDF5 if name.startswith(("plain", "virtual_self"))])
def test_hdf5_that_refers_to_itself_alone_is_no_finding(name: str) -> None:
    judged = judge("model.h5", HDF5[name])
    assert (judged.findings, judged.risk) == ((), "none")


def test_a_link_that_was_there_before_is_no_finding() -> None:
    assert rules("train.h5", HDF5["link-latest"], HDF5["link-earliest"]) == set()


def test_large_hdf5_files_are_never_clean() -> None:
    judged = judge("model.h5", HDF5["plain-latest"] + bytes(17 << 20))
    assert judged.risk == "unknown"
    assert "HDF5" in judged.skipped[0]


REFERENCES = '{"version": 1, "refs": {"a/0": ["s3://bucket/x", 0, 10], "b": "text"}}'


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ('{"templates": {"u": "{{ \'\'.__class__ }}"}, "refs": {"a": ["{{u}}/x"]}}', "executes"),
        ('{"refs": {"a": ["{% for x in y %}{% endfor %}"]}}', "executes"),
        ('{"refs": {"{{ f(1) }}": ["x"]}}', "executes"),
        ('{"templates": {"u": "s3://b"}, "refs": {"a": ["{{u}}/x"]}}', "misleads"),
        ('{"refs": {"a": ["file:///proc/self/environ", 0, 10]}}', "misleads"),
        ('{"refs": {"a": ["/etc/passwd"]}}', "misleads"),
    ],
)
def test_templates_and_local_files_in_references_are_found(text: str, risk: str) -> None:
    judged = judge("reference.json", text.encode(), REFERENCES.encode())
    assert {each.rule for each in judged.findings} == {"content-hdf5-external"}
    assert judged.risk == risk


def test_plain_references_are_no_finding() -> None:
    assert judge("reference.json", REFERENCES.encode()).findings == ()


def index(*names: str) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": {f"w{n}": name for n, name in enumerate(names)}}).encode()


@pytest.mark.parametrize(
    "name",
    [
        "../other/model.safetensors", "/etc/model.safetensors", "~/.cache/token", "C:\\x.safetensors", "a/../../b",
        "..\\x", "https://x.invalid/m.safetensors", "file:///m.safetensors", "x\x00.safetensors",
    ],
)  # fmt: skip
def test_an_index_that_leaves_the_repository_is_found(name: str) -> None:
    for path in ("model.safetensors.index.json", "pytorch_model.bin.index.json", "model.safetensors.index.fp16.json"):
        judged = judge(path, index("model-1.safetensors", name))
        assert "content-path-escape" in {each.rule for each in judged.findings}
        assert judged.risk == "misleads"


def test_an_index_of_safetensors_that_leads_to_pickles_is_a_downgrade() -> None:
    assert rules("model.safetensors.index.json", index("a.safetensors", "b.bin")) == {"content-format-downgrade"}
    assert rules("pytorch_model.bin.index.json", index("a.bin", "b.bin")) == set()
    assert rules("model.safetensors.index.json", index("a.safetensors", "b..safetensors")) == set()


def test_the_first_of_two_equal_names_in_an_index_counts_too() -> None:
    text = b'{"weight_map": {"w": "../x.safetensors", "w": "a.safetensors"}, "weight_map": {"w": "a.safetensors"}}'
    assert rules("model.safetensors.index.json", text) == {"content-path-escape"}


def test_an_index_that_is_not_json_is_unknown() -> None:
    assert judge("model.safetensors.index.json", b"{").risk == "unknown"


def onnx(location: str) -> bytes:
    name = location.encode()
    return b"\x08\x07\x12\x07pytorch:\x40\x2a\x30j\x20\x0a\x08location\x12" + bytes([len(name)]) + name + b"p\x01"


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "a/../../b", "~/x"])
def test_external_data_of_onnx_that_leaves_the_repository_is_found(location: str) -> None:
    assert rules("model.onnx", onnx(location)) == {"content-path-escape"}
    assert rules("model.onnx", onnx(location), onnx(location)) == set()


@pytest.mark.parametrize("location", ["model.onnx_data", "data/weights.bin", "model..data"])
def test_external_data_of_onnx_inside_the_repository_is_no_finding(location: str) -> None:
    assert rules("model.onnx", onnx(location)) == set()


def test_members_of_archives_that_leave_their_folder_are_found() -> None:
    for path, data in {
        "model.nemo": tarred([("../../.bashrc", b"true")]),
        "data.tar": tarred([("/etc/cron.d/x", b"true")]),
        "data.zip": zipped([("../x.txt", b"true")]),
        "model.pt": zipped([("archive/data.pkl", op.state_dict()), ("../x", b"a")]),
    }.items():
        judged = judge(path, data)
        assert "content-path-escape" in {each.rule for each in judged.findings}, path
        assert judged.risk == "misleads"


def header(tensors: object, data: bytes = b"") -> bytes:
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text + data


TENSOR = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    "data",
    [
        header({"w": TENSOR}, bytes(49)),
        header({"w": TENSOR}, bytes(15)),
        header({"w": TENSOR, "v": {**TENSOR, "data_offsets": [8, 24]}}, bytes(24)),
        header({"w": {**TENSOR, "shape": [5]}}, bytes(16)),
        header({"w": TENSOR, "v": {**TENSOR, "data_offsets": [20, 36]}}, bytes(36)),
        header({"w": {"dtype": "F32"}}, bytes(16)),
        header(b'{"w": %s, "w": %s}' % ((json.dumps(TENSOR).encode(),) * 2), bytes(16)),
        header(b'{"w": nothing}', bytes(16)),
        safetensors({"text": "x" * 70_000}),
    ],
)
def test_safetensors_that_hide_something_are_unreadable(data: bytes) -> None:
    judged = judge("model.safetensors", data)
    assert {each.rule for each in judged.findings} == {"content-pickle-unreadable"}
    assert judged.risk == "unknown"


def test_code_in_the_metadata_of_safetensors_is_found() -> None:
    judged = judge("model.safetensors", safetensors({"config": '{"_target_": "os.system"}'}))
    assert ({each.rule for each in judged.findings}, judged.risk) == ({"content-config-code"}, "executes")


def test_ordinary_safetensors_are_no_finding() -> None:
    empty = header({"__metadata__": {"format": "pt"}})
    for data in (safetensors(), safetensors({"format": "pt", "note": "hello"}, padding=7), empty):
        assert judge("model.safetensors", data).risk == "none"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(HDF5)), st.integers(0, 12_000), st.binary(max_size=6))
def test_damaged_hdf5_of_any_kind_is_judged(name: str, at: int, junk: bytes) -> None:
    data = HDF5[name]
    for damaged in (data[:at], data[:at] + junk + data[at + len(junk) :]):
        judged = judge("model.h5", damaged)
        assert judged.risk != "unknown" or judged.skipped


KEYS = st.sampled_from(["class_name", "module", "config", "weight_map", "refs", "chat_template", "data_offsets"])
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from(["config.json", "model.safetensors.index.json", "refs.json", "tokenizer_config.json"]))
def test_json_of_any_shape_is_judged(value: object, path: str) -> None:
    judged = judge(path, json.dumps(value).encode())
    assert judged.risk != "unknown" or judged.skipped
    assert judge("m.safetensors", header(value)).risk in {"none", "unknown", "executes"}


@pytest.mark.parametrize(
    "part", [b"\x01\x00\xff\x03\x10\0\0\0", b"\x01\x08@", b'{"name":', b"OHDR\x02\x03\xff\xff\xff\xff"]
)
def test_hdf5_that_is_made_to_take_long_ends(part: bytes) -> None:
    judged = judge("m.h5", b"\x89HDF\r\n\x1a\n" + part * 100_000)
    assert judged.risk != "unknown" or judged.skipped
