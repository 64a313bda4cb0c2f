"""Where credentials may be sent."""

from __future__ import annotations

import pytest

from tokenaudit.errors import EndpointError
from tokenaudit.hub.endpoint import resolve_endpoint


@pytest.mark.parametrize(
    "address",
    [
        "https://huggingface.co",
        "https://hub.example.com:8443/hf",
        "http://127.0.0.1:9",
        "http://[::1]:9",
        "http://localhost",
    ],
)
def test_https_anywhere_and_http_on_loopback_are_taken(address: str) -> None:
    assert resolve_endpoint(address + "/") == address


@pytest.mark.parametrize(
    "address",
    [
        "http://huggingface.co",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "ftp://huggingface.co",
        "huggingface.co",
        "https://",
        "https://host:port",
        "https://[::1",
        "https://user:pass@huggingface.co",
        "https://huggingface.co?x=1",
        "https://huggingface.co#x",
        "file:///etc/passwd",
        "http://127.0.0.1@example.com",
    ],
)
def test_anything_else_is_refused_in_one_line(address: str) -> None:
    with pytest.raises(EndpointError) as caught:
        resolve_endpoint(address)
    assert "\n" not in str(caught.value)
    assert "pass@" not in str(caught.value)


def test_the_environment_names_the_hub_where_no_argument_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.com/")
    assert resolve_endpoint() == "https://hub.example.com"
    assert resolve_endpoint("https://other.example.com") == "https://other.example.com"
    monkeypatch.delenv("HF_ENDPOINT")
    assert resolve_endpoint() == "https://huggingface.co"


def test_a_proxy_must_not_carry_loopback_traffic_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(EndpointError, match="NO_PROXY"):
        resolve_endpoint("http://127.0.0.1:8000")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert resolve_endpoint("http://127.0.0.1:8000")
