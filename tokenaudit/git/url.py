"""Clone URLs: telling what they are, and saying them without their passwords."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/?#\s]*)@")


def without_password(text: str) -> str:
    """`text` (a URL, or a message of git's that quotes one) with the user part of every URL in it left out.

    The user goes with the password, since a token may stand in either. `ssh://git@host/…` keeps its `git`, which is
    part of how that place is called.
    """
    return _USERINFO.sub(_bare, text)


def _bare(found: re.Match[str]) -> str:
    scheme = found["scheme"]
    keeps_user = scheme.lower() in {"ssh://", "git+ssh://"} and found["userinfo"] == "git"
    return f"{scheme}git@" if keeps_user else scheme
