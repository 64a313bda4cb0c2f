"""The variable that a value is assigned to, in the languages that credentials are written in."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.detect.positions import assigned_to

DETECTOR = Detector.load()
VALUE = Mint(21).user_token()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HF_TOKEN={}", "HF_TOKEN"),
        ('A=1\nexport HF_TOKEN = "{}"\n', "HF_TOKEN"),
        ("  HF_TOKEN: {}", "HF_TOKEN"),
        ("  - HF_TOKEN={}", "HF_TOKEN"),
        ('{{"hf_token": "{}"}}', "hf_token"),
        ("{{'hf_token':'{}'}}", "hf_token"),
        ("$env:HF_TOKEN = '{}'", "HF_TOKEN"),
        ("set HF_TOKEN={}", "HF_TOKEN"),
        ("docker run -e HF_TOKEN={} image", "HF_TOKEN"),
        ("ENV HF_TOKEN={}", "HF_TOKEN"),
        ("run: HF_TOKEN={} python x.py", "HF_TOKEN"),
        ("api = HfApi(token='{}')", "token"),
        ("REMOTE=https://me:{}@huggingface.co/a", "REMOTE"),
        ("AUTH='Bearer {}'", "AUTH"),
        ("- name: HF_TOKEN\n  value: {}", "HF_TOKEN"),
        ('{{"name": "HF_TOKEN", "value": "{}"}}', "HF_TOKEN"),
        ("HF_TOKEN:\n  value: {}", "HF_TOKEN"),
        ("HF_TOKEN: {{value: '{}'}}", "HF_TOKEN"),
        ("run: hf auth login --token {}", None),
        ("the token of the demo is {}", None),
        ("{}", None),
        ("A=1\n{}", None),
        ("https://me:{}@huggingface.co", None),
    ],
)
def test_the_name_before_a_value(text: str, name: str | None) -> None:
    (seen,) = DETECTOR.scan(text.format(VALUE).encode()).detections
    assert seen.variable == name


def test_an_encoded_value_has_the_name_that_is_outside() -> None:
    text = f"HF_AUTH={base64.b64encode(f'me:{VALUE}'.encode()).decode()}\n"
    (seen,) = DETECTOR.scan(text.encode()).detections
    assert (seen.via, seen.variable) == (("base64",), "HF_AUTH")
    packed = gzip.compress(json.dumps({"hf_token": VALUE}).encode())
    (seen,) = DETECTOR.scan(packed).detections
    assert seen.variable == "hf_token"


@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_bytes_are_looked_at(data: bytes, at: int) -> None:
    name = assigned_to(data, min(at, len(data)))
    assert name is None or name.isidentifier()
