"""What is handed over, in every state of repair."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.inspect.input import (
    LONGEST_LINE,
    CredentialInput,
    GivenCredential,
    from_environment,
    from_lines,
    from_store,
)
from tokenaudit.model import Skipped

EXAMINER = Detector.load()
MINT = Mint(12)


def lines(data: bytes) -> list[CredentialInput]:
    return list(from_lines(io.BytesIO(data), EXAMINER))


def values(handed: list[CredentialInput]) -> list[str]:
    return [each.detection.secret.reveal() for each in handed if isinstance(each, GivenCredential)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"", b" \t\n", b"\n\n\r\n"])
def test_one_a_line_whatever_ends_it(ending: bytes) -> None:
    token = MINT.user_token()
    handed = lines(token.encode() + ending)
    assert values(handed) == [token]
    assert len(handed) == 1


def test_every_kind_is_known_by_its_shape() -> None:
    made = {
        "user_token": MINT.user_token(),
        "org_token": MINT.org_token(),
        "oauth_token": MINT.oauth_token(),
        "oauth_refresh_token": MINT.refresh_token(),
        "oidc_token": MINT.oidc_token(),
        "app_token": MINT.app_token(),
        "s3_token": MINT.s3_token(),
        "oauth_client_secret": MINT.client_secret(),
    }
    handed = lines("\n".join(made.values()).encode())
    assert {
        each.detection.kind: each.detection.secret.reveal() for each in handed if isinstance(each, GivenCredential)
    } == made


def test_a_line_without_a_credential_is_said_by_its_number_and_not_by_its_text() -> None:
    token = MINT.user_token()
    handed = lines(b"my secret password\n" + token.encode() + b"\nhf_short\n")
    assert values(handed) == [token]
    skipped = [each for each in handed if isinstance(each, Skipped)]
    assert [each.where for each in skipped] == ["line 1 of stdin", "line 3 of stdin"]
    assert "password" not in repr(skipped)


@pytest.mark.parametrize("size", [LONGEST_LINE + 1, 1_000_000, 3_000_000])
def test_a_line_that_goes_on_and_on_is_passed_over(size: int) -> None:
    token = MINT.user_token()
    handed = lines(b"x" * size + b"\n" + token.encode())
    assert values(handed) == [token]
    assert len(handed) == 2


def test_the_line_before_one_without_end_survives() -> None:
    token = MINT.user_token()
    assert values(lines(token.encode() + b"\n" + b"x" * 200_000)) == [token]


def test_nothing_at_all_is_nothing() -> None:
    assert lines(b"") == []
    assert lines(b"\n \r\n\t\n") == []


def test_a_token_inside_a_line_is_found_there() -> None:
    token = MINT.user_token()
    assert values(lines(f"HF_TOKEN={token}\n".encode())) == [token]


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    lines(data)


def test_variables_are_read_by_name_and_a_missing_one_is_an_error() -> None:
    token = MINT.user_token()
    environment = {"A": token, "B": "  ", "C": "nothing of the kind"}
    (handed,) = from_environment(["A"], EXAMINER, environment)
    assert isinstance(handed, GivenCredential)
    assert handed.origin == "environment variable A"
    for name in ("B", "D"):
        with pytest.raises(UsageError, match=f"{name} is not set"):
            list(from_environment([name], EXAMINER, environment))
    (skipped,) = from_environment(["C"], EXAMINER, environment)
    assert isinstance(skipped, Skipped)


def test_the_whole_store_is_read(tmp_path: Path) -> None:
    first, second = MINT.user_token(), MINT.refresh_token()
    (tmp_path / "token").write_text(first)
    (tmp_path / "stored_tokens").write_text(f"[a]\nhf_token = {first}\nrefresh_token = {second}\n")
    handed = list(from_store(EXAMINER, {"HF_HOME": str(tmp_path)}))
    assert values(handed) == [first, first, second]
