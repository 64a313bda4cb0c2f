"""The detector: kinds, places, and what crosses a pickle."""

from __future__ import annotations

import pickle
import subprocess
import sys
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
