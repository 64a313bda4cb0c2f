"""The claims of credentials with a JWT body, read offline."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from tokenaudit.model import Claims
from tokenaudit.timestamps import from_unix

LONGEST_PAYLOAD = 16_384
"""Maximum payload size in bytes of JSON. hf-mcp-server treats larger payloads as unavailable."""


def read_claims(value: str) -> Claims | None:
    """Return the claims of a credential whose body is a JWT; None if it has no JWT or the JWT can't be read.

    `scope` can be a list or a space-separated string; `iat` and `exp` are Unix seconds (hf-mcp-server).
    """
    parts = value.split(".")
    if len(parts) != 3 or len(parts[1]) > LONGEST_PAYLOAD * 4 // 3 + 4:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    subject = payload.get("sub")
    return Claims(
        scopes=_words(payload.get("scope")),
        audience=_words(payload.get("aud")),
        subject=subject if isinstance(subject, str) else None,
        issued_at=_time(payload.get("iat")),
        expires_at=_time(payload.get("exp")),
    )


def _words(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str) and word))


def _time(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return from_unix(value)
    except OverflowError:  # an integer too large for a float
        return None
