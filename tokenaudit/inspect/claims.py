"""What a JWT-bodied credential says of itself, read offline: description, never proof."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone

from tokenaudit.model import Claims

_LARGEST_PAYLOAD = 16_384
_MOST_SCOPES = 200
_LONGEST = 200
_JWT = re.compile(r"^(?:hf_(?:oauth|jwt|s3)_)?[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$")


def read_claims(value: str) -> Claims | None:
    """The claims of a token with a JWT body, or None where there is no readable one.

    The payload is capped at 16 384 bytes and anything odd in it counts as absent, as in Hugging Face's own reader.
    """
    found = _JWT.match(value) if len(value) <= 2 * _LARGEST_PAYLOAD else None
    if found is None:
        return None
    part = found[1]
    try:
        payload = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        claims = json.loads(payload) if len(payload) <= _LARGEST_PAYLOAD else None
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    return Claims(
        scopes=_texts(claims.get("scope"), split=True),
        audience=_texts(claims.get("aud")),
        subject=next(iter(_texts(claims.get("sub"))), None),
        issued_at=_moment(claims, "iat"),
        expires_at=_moment(claims, "exp"),
    )


def _texts(value: object, *, split: bool = False) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split() if split else [value]
    if not isinstance(value, list):
        return ()
    texts = [entry[:_LONGEST] for entry in value[:_MOST_SCOPES] if isinstance(entry, str) and entry]
    return tuple(dict.fromkeys(texts))


def _moment(claims: Mapping[str, object], name: str) -> datetime | None:
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
