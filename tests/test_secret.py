"""A `Secret` gives its value to nobody who doesn't ask for it by name."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit.errors import UsageError
from tokenaudit.secret import Secret, SecretUnavailableError, display, fingerprint
from tokenaudit.text import parse_fingerprint


@pytest.fixture
def value() -> str:
    return Mint(1).user_token()


def test_text_forms_are_masked(value: str) -> None:
    secret = Secret(value)
    forms = [str(secret), repr(secret), f"{secret}", f"{secret!r:>60}", f"{secret:>60}", f"{[secret]}"]
    assert all(value not in form and value[3:-4] not in form for form in forms)
    assert str(secret) == f"hf_****{value[-4:]}"


def test_logging_is_masked(value: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("audit").warning("found %s in %r", Secret(value), {"token": Secret(value)})
    assert value not in caplog.text
    assert "hf_****" in caplog.text


def test_exceptions_and_their_tracebacks_are_masked(value: str) -> None:
    with pytest.raises(ValueError, match="hf_") as caught:
        _fail_with(Secret(value))
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert frames.stack[-1].locals == {"secret": f"Secret(hf_****{value[-4:]})"}
    assert value not in "".join(frames.format_exception_only())


def _fail_with(secret: Secret) -> None:
    raise ValueError(secret)


def test_json_is_masked(value: str) -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(value))
    assert value not in json.dumps({"token": Secret(value)}, default=str)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_carries_no_value(value: str, protocol: int) -> None:
    pickled = pickle.dumps([Secret(value)], protocol)
    assert value.encode() not in pickled
    assert value[3:].encode() not in pickled
    (arrived,) = pickle.loads(pickled)  # noqa: S301 - made two lines above
    assert arrived == Secret(value)
    assert str(arrived) == str(Secret(value))
    with pytest.raises(SecretUnavailableError):
        arrived.reveal()


def test_copies_keep_the_value(value: str) -> None:
    assert copy.deepcopy(Secret(value)).reveal() == copy.copy(Secret(value)).reveal() == value


def test_it_has_no_dictionary_to_look_into(value: str) -> None:
    with pytest.raises(TypeError):
        vars(Secret(value))


def test_equality_and_hash_go_by_value(value: str) -> None:
    other = Mint(2).user_token()
    assert Secret(value) == Secret(value)
    assert len({Secret(value), Secret(value), Secret(other)}) == 2
    assert Secret(value) != value


def test_a_fingerprint_is_the_same_in_every_run_and_version() -> None:
    """Inventories, baselines and plans hold fingerprints: changing them would cut every credential from its history."""
    assert fingerprint("not a credential") == "457879d50015d7791cc1ad9f67435327"


@given(st.text(min_size=1))
def test_the_display_form_never_holds_a_body(body: str) -> None:
    shown = display("hf_" + body)
    assert len(shown) <= len("hf_****") + 4 + 20
    assert body not in shown or len(body) <= 4


def test_the_display_form_of_every_kind_shows_its_prefix_and_end() -> None:
    mint = Mint(3)
    for value, prefix in (
        (mint.user_token(), "hf_"),
        (mint.org_token(), "api_org_"),
        (mint.oauth_token(), "hf_oauth_"),
        (mint.refresh_token(), "hf_oauth__refresh_"),
        (mint.oidc_token(), "hf_jwt_"),
        (mint.app_token(), "hf_app_"),
        (mint.s3_token(), "hf_s3_"),
        (mint.client_secret(), "oauth_app_secret_"),
    ):
        assert display(value) == f"{prefix}****{value[-4:]}"


def test_a_short_value_shows_none_of_itself() -> None:
    assert display("hunter2") == "****"


@pytest.mark.parametrize("text", ["ABCDEF0123456789abcdef0123456789", " abcdef0123456789ABCDEF0123456789\n"])
def test_a_fingerprint_has_no_case(text: str) -> None:
    assert parse_fingerprint(text) == "abcdef0123456789abcdef0123456789"


@pytest.mark.parametrize("text", ["", "abcdef0", "0xabcdef01", "abcdefg01", "a" * 33, "hf_abcdefgh"])
def test_what_is_not_a_fingerprint_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match="32 hex digits") as error:
        parse_fingerprint(text)
    assert not text or text not in str(error.value)
