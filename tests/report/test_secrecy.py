"""No format of the report holds a credential's value, wherever in a scanned place the value stood."""

from __future__ import annotations

import base64
import html
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit.map_text import map_text
from tokenaudit.redaction import redacted, redactor
from tokenaudit.report import FORMATS, render
from tokenaudit.secret import Secret, SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: tuple[Callable[[Mint], str], ...] = (
    Mint.user_token, Mint.org_token, Mint.legacy_token, Mint.refresh_token, Mint.app_token, Mint.client_secret,
    Mint.oauth_token, Mint.oidc_token, Mint.s3_token,
)  # fmt: skip

WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 of a line": lambda value: base64.b64encode(f'token = "{value}"\n'.encode()).decode(),
    "urlsafe base64": lambda value: base64.urlsafe_b64encode(b"\xff\xfe" + value.encode()).decode(),
    "percent": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "twice percent": lambda value: "".join(f"%25{byte:02x}" for byte in value.encode()),
    "percent in part": lambda value: value.replace("_", "%5F").replace(".", "%2e"),
    "json": lambda value: "".join(f"\\u00{byte:02x}" for byte in value.encode()),
    "backslash": lambda value: value.replace("_", "\\x5f"),
    "html": lambda value: "".join(f"&#{byte};" for byte in value.encode()),
    "hex": lambda value: value.encode().hex().upper(),
}


# Keys of the model, which never come from a scanned place.
NAMES_OF_OURS = {
    "credential", "active", "write", "over", "trusted-publisher", "needed", "high", "tokenaudit/report/1",
}  # fmt: skip


def traces(value: str) -> set[str]:
    """Strings that must stand nowhere: the value, its forms, and enough of its end to be of use."""
    core = base64.b64encode(value.encode()).decode()[: len(value) * 4 // 3 - 2]
    forms = {value, quote(value, safe=""), html.escape(value), value.encode().hex(), core, value[-16:]}
    return forms | {base64.b64encode(value[shift:].encode()).decode()[:40] for shift in range(3)}


@pytest.mark.parametrize("format_name", FORMATS)
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(KINDS),
    st.sampled_from(sorted(WAYS)),
    st.text(st.characters(codec="utf-8"), max_size=4),
)
def test_no_format_holds_a_planted_value(
    format_name: str, seed: int, kind: Callable[[Mint], str], way: str, around: str
) -> None:
    """The value is put into every single text of a report, paths, authors, names and reasons alike."""
    secret = Secret(kind(Mint(seed)))
    value = secret.reveal()
    planted = f"{around}{WAYS[way](value)}{around}"
    report = reports.leaked(secret)
    report = replace(report, complete=False, skipped=reports.breach(3, 1).skipped)
    everywhere = map_text(report, lambda text: text if text in NAMES_OF_OURS else f"{text} {planted}")
    written = render(redacted(everywhere, [secret]), format_name, show_unlikely=True)
    assert secret.display in written
    for trace in traces(value):
        assert trace not in written
        assert trace.lower() not in written.lower()


def test_a_long_value_goes_whole_before_a_short_one_inside_it() -> None:
    long = Secret("hf_jwt_" + "a" * 50 + "TAIL")
    short = Secret("a" * 40)
    assert redactor([short, long])(f"x {long.reveal()} y") == f"x {long.display} y"


def test_text_without_a_value_is_left_alone() -> None:
    report = reports.breach(5, 2)
    assert redacted(report, [Secret(Mint(99).user_token())]) is report


def test_without_secrets_nothing_changes() -> None:
    report = reports.breach(2, 2)
    assert redacted(report, []) is report


def test_a_secret_without_its_value_is_an_error_not_a_leak() -> None:
    import pickle  # noqa: PLC0415 - only here

    gone = pickle.loads(pickle.dumps(Secret(Mint(1).user_token())))  # noqa: S301 - our own pickle
    with pytest.raises(SecretUnavailableError):
        redacted(reports.clean(), [gone])


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.text(st.characters(codec="utf-8"), max_size=30))
def test_surroundings_stay_as_they_were(before: str, after: str) -> None:
    secret = Secret(Mint(4).user_token())
    assert redactor([secret])(f"{before}{secret.reveal()}{after}") == f"{before}{secret.display}{after}"
