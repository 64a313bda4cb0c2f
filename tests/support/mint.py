"""Credentials made up at run time: random bodies, so no test file ever holds one."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Mapping

_ALNUM = string.ascii_letters + string.digits


class Mint:
    """Makes credentials of every kind from one seed; two mints with one seed make the same ones."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)

    def body(self, length: int = 34, alphabet: str = string.ascii_letters) -> str:
        return "".join(self.random.choices(alphabet, k=length))

    def user_token(self) -> str:
        return "hf_" + self.body()

    def org_token(self) -> str:
        return "api_org_" + self.body()

    def legacy_token(self) -> str:
        return "api_" + self.body()

    def refresh_token(self) -> str:
        return "hf_oauth__refresh_" + self.body(34, _ALNUM)

    def app_token(self) -> str:
        return "hf_app_" + self.body(32, _ALNUM)

    def client_secret(self) -> str:
        return "oauth_app_secret_" + self.body(34, _ALNUM)

    def oauth_token(self, claims: Mapping[str, object] | None = None) -> str:
        return "hf_oauth_" + self.jwt(claims)

    def oidc_token(self, claims: Mapping[str, object] | None = None) -> str:
        return "hf_jwt_" + self.jwt(claims)

    def s3_token(self, claims: Mapping[str, object] | None = None) -> str:
        return "hf_s3_" + self.jwt(claims)

    def jwt(self, claims: Mapping[str, object] | None = None) -> str:
        payload = {
            "sub": "".join(self.random.choices("0123456789abcdef", k=24)),
            "aud": "https://huggingface.co",
            "scope": "openid profile read-repos",
            "iat": 1_790_000_000,
            "exp": 4_000_000_000,
            **(claims or {}),
        }
        signature = base64.urlsafe_b64encode(self.random.randbytes(64)).rstrip(b"=").decode()
        return f"{_part({'alg': 'EdDSA', 'typ': 'JWT'})}.{_part(payload)}.{signature}"


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
