"""The detector: kinds, places, and what crosses a pickle."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.errors import ConfigurationError


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def minted(mint: Mint) -> dict[str, str]:
    return {
        "user_token": mint.user_token(),
        "org_token": mint.org_token(),
        "legacy_token": mint.legacy_token(),
        "oauth_refresh_token": mint.refresh_token(),
        "app_token": mint.app_token(),
        "oauth_client_secret": mint.client_secret(),
        "oauth_token": mint.oauth_token(),
        "oidc_token": mint.oidc_token(),
        "s3_token": mint.s3_token(),
    }


def test_every_kind_is_found_where_it_stands(detector: Detector) -> None:
    values = minted(Mint(1))
    data = "".join(f'é = "{value}"\n' for value in values.values()).encode()
    found = detector.scan(data).detections
    assert [(each.kind, each.secret.reveal()) for each in found] == list(values.items())
    assert [(each.line, each.column) for each in found] == [(line, 6) for line in range(1, 10)]
    assert {each.likelihood for each in found} == {"credential"}


def test_a_pickled_detector_finds_the_same(detector: Detector) -> None:
    data = " ".join(minted(Mint(2)).values()).encode()
    again: Detector = pickle.loads(pickle.dumps(detector))  # noqa: S301 - our own pickle
    assert again.scan(data) == detector.scan(data)


def test_nothing_is_found_in_nothing(detector: Detector) -> None:
    assert not detector.may_contain(b"from huggingface_hub import hf_hub_download")
    assert detector.scan(b"").detections == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Broken(:\n", "not valid Python"),
        ("import no_such_module_at_all\n", "can't be loaded"),
        ("x = 1\n", "has no detect-secrets plugin"),
    ],
)
def test_a_broken_plugin_is_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        Detector.load([file])
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_plugin_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        Detector.load([tmp_path / "absent.py"])


def test_any_detect_secrets_plugin_can_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "acme.py"
    file.write_text(
        "import re\n"
        "from detect_secrets.plugins.base import RegexBasedDetector\n"
        "class Acme(RegexBasedDetector):\n"
        "    secret_type = 'Acme API Key'\n"
        "    denylist = [re.compile('acme-[0-9]{6}')]\n"
    )
    found = Detector.load([file]).scan(b"one\nkey: acme-123456\n").detections
    assert [(each.kind, each.line, each.column) for each in found] == [("acme_api_key", 2, 6)]


def test_the_plugin_host_loads_its_network_library_only_when_it_verifies() -> None:
    code = """
import sys
from tokenaudit.detect.plugins import run, shipped
found = run(shipped())
assert found and "requests" not in sys.modules
from detect_secrets.plugins import base
assert issubclass(base.requests.exceptions.Timeout, Exception)
import requests
assert requests.exceptions is base.requests.exceptions
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


CUT_PREFIXES = {
    "quoted-printable": "x {0}=\n{1}\n",
    "quoted-printable, CRLF": "x {0}=\r\n{1}\r\n",
    "color": "x \x1b[01;31m{0}\x1b[0m{1}\n",
    "color of grep": "x \x1b[01;31m\x1b[K{0}\x1b[m\x1b[K{1}\n",
    "color in JSON": '["x \\u001b[31m{0}\\u001b[0m{1}"]\n',
    "folded": "x: {0}\r\n {1}\r\n",
}


@pytest.mark.parametrize("name", CUT_PREFIXES)
def test_a_prefix_can_be_cut(detector: Detector, name: str) -> None:
    value = Mint(name).user_token()
    for at in (1, 2, 3, 9):
        data = CUT_PREFIXES[name].format(value[:at], value[at:]).encode()
        assert [each.secret.reveal() for each in detector.scan(data).detections] == [value], at


@pytest.mark.parametrize("mint", [Mint.user_token, Mint.refresh_token, Mint.client_secret, Mint.legacy_token])
def test_a_serialized_string_can_touch_letters(detector: Detector, mint: Callable[[Mint], str]) -> None:
    value = mint(Mint("neighbors"))
    text, length = value.encode(), bytes([len(value)])
    written = {
        "CBOR": b"\xa1\x65token\x78" + length + text + b"\x61a",
        "MessagePack": b"\x81\xa5token\xd9" + length + text + b"A",
        "pickle 0": pickle.dumps({"t": value, "z": "b"}, 0),
        "pickle 0, tuple": pickle.dumps((value,), 0),
        "pickle 1, no memo": b"]U" + length + text + b"a.",
        "pickle 4, no memo": b"\x80\x04]\x8c" + length + text + b"a.",
    }
    found = {
        name: [(each.secret.reveal(), each.likelihood) for each in detector.scan(data).detections]
        for name, data in written.items()
    }
    assert found == {name: [(value, "credential")] for name in written}


def test_letters_around_a_value_make_it_a_word_elsewhere(detector: Detector) -> None:
    value = Mint("word").user_token()
    for text in (f"V{value}", f"x{value}", f"{value}a", f"x{value}\n"):
        assert not any(each.likelihood == "credential" for each in detector.scan(text.encode()).detections)
