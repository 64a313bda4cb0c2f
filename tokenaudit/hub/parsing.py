"""Names as the Hub allows them."""

from __future__ import annotations

import re

from tokenaudit.hub.result import Failure, printable

_PART = r"(?!\.)[A-Za-z0-9._-]{1,96}"
_REPO = re.compile(rf"(?:{_PART}/)?{_PART}")
_NAMESPACE = re.compile(_PART)


def invalid_repo_name(name: str) -> Failure | None:
    """The answer to a question about something that can't be a repository's name, else None."""
    if _REPO.fullmatch(name) and ".." not in name:
        return None
    return Failure("not-asked", None, f"'{printable(name, limit=100)}' is no repository's name", 0)


def is_namespace(name: str) -> bool:
    """Whether `name` can be a user's or an organization's."""
    return _NAMESPACE.fullmatch(name) is not None and ".." not in name
