"""What must be in no output: a value, its pieces, and its encoded forms."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable, Iterable

from tests.support.mint import Mint

KINDS: tuple[Callable[[Mint], str], ...] = (
    Mint.user_token, Mint.org_token, Mint.legacy_token, Mint.refresh_token, Mint.app_token, Mint.client_secret,
    Mint.oauth_token, Mint.oidc_token, Mint.s3_token,
)  # fmt: skip
"""Every kind that a plugin knows."""

PIECE = 10
"""Characters of the shortest piece that is masked wherever it stands."""


def pieces(value: str) -> set[str]:
    """All pieces of what is secret of `value`: not of its prefix, and not of the header that all JWTs share."""
    start = value.index(".") + 1 if "." in value else value.rindex("_") + 1
    return {value[at : at + PIECE] for at in range(start, len(value) - PIECE + 1)}


def encoded(value: str) -> set[str]:
    """The value as base64, hexadecimal and percent escapes write it."""
    forms = {value.encode().hex(), urllib.parse.quote(value, safe="").replace("_", "%5F")}
    forms |= {"".join(f"%{byte:02x}" for byte in value.encode()), "".join(f"\\x{byte:02x}" for byte in value.encode())}
    return forms | {base64.b64encode(b"x" * shift + value.encode())[8:-8].decode() for shift in range(3)}


def assert_hidden(text: str, values: Iterable[str], where: str) -> None:
    """No value, no piece and no encoded form of one is in `text`."""
    for value in values:
        seen = {piece for piece in pieces(value) | encoded(value) if piece in text}
        assert not seen, f"{where} shows {len(seen)} pieces of {value[:5]}…: {_around(text, min(seen))}"


def _around(text: str, piece: str) -> str:
    at = text.index(piece)
    return repr(text[max(0, at - 60) : at + 60])
