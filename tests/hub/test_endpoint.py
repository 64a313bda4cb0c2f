"""Where credentials may be sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.double import HubDouble
from tests.support.cli import tokenaudit
from tests.support.mint import Mint
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


@pytest.mark.parametrize("blanks", [" ", "  ", "\t", "\n", "\r\n", "\u00a0"])
def test_blanks_around_an_address_are_removed(blanks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{blanks}https://hub.example.com/{blanks}")
    assert resolve_endpoint() == "https://hub.example.com"
    assert resolve_endpoint(f"{blanks}https://other.example.com{blanks}") == "https://other.example.com"


@pytest.mark.parametrize(
    "address",
    [
        "", " ", "\n", "https://hub.example.com /", "https://hub. example.com", "https://hub\n.example.com",
        "https://hub.example.com/\tapi", "\x00https://hub.example.com", "https://hub.example.com\x00",
        "\x1bhttps://hub.example.com", "https://hub.example.com\x7f", "\u200bhttps://hub.example.com",
        "https://hub.example.com?", "https://hub.example.com/#", "https://hub.example.com/?a", "https://@hub.example.com",
        "https://:@hub.example.com", "https://user@hub.example.com", "https://hub.example.com\\@evil.example",
        "https://hub.example.com%2f", "https://hub.example.com:99999", "https://hub.example.com:-1",
        "https:hub.example.com",
        "//hub.example.com", "https:///", "javascript:alert(1)", "http://127.0.0.1.:9", "http://2130706433",
    ],
)  # fmt: skip
def test_what_a_client_could_read_in_another_way_is_refused(address: str) -> None:
    with pytest.raises(EndpointError) as caught:
        resolve_endpoint(address)
    assert str(caught.value).isprintable()


def test_an_address_has_one_spelling() -> None:
    assert resolve_endpoint("HTTPS://Hub.Example.COM:8443/Path/") == "https://hub.example.com:8443/Path"


@pytest.mark.parametrize("value", [" {} ", "{}\n", "http://[::1", "{}:99999", "http://127.0.0.1:9 ", "\x01"])
@pytest.mark.parametrize("given", [False, True])
def test_the_variable_never_stops_the_client_library(
    value: str, given: bool, hub_double: HubDouble, tmp_path: Path
) -> None:
    """huggingface_hub parses `HF_ENDPOINT` when it is imported, whatever address is used then."""
    token = hub_double.knows(Mint(2).user_token())
    arguments = ["--endpoint", hub_double.endpoint] if given else []
    variable = value.format(hub_double.endpoint)
    ran = tokenaudit(
        "inspect", "-f", "json", *arguments, home=tmp_path, stdin=token.encode(), env={"HF_ENDPOINT": variable}
    )
    assert "Traceback" not in ran.err
    if given or variable.strip() == hub_double.endpoint:
        assert ran.report["credentials"][0]["inspection"]["status"] == "active"
    elif ran.code != 2:
        assert ran.report["credentials"][0]["inspection"]["status"] == "unknown"
    else:
        assert ran.err.count("\n") == 1


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
