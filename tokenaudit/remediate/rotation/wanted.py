"""The grants that a replacement has to have, as written on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tokenaudit.errors import UsageError
from tokenaudit.model import Entity, Grant

_SPELLED = re.compile(r"(?P<permission>[A-Za-z][\w.-]*)@(?P<type>[a-z-]+)(?::(?P<name>[\w./-]+))?")


def grants(spelled: Sequence[str]) -> tuple[Grant, ...]:
    """Grants from `PERMISSION@TYPE[:NAME]`, such as `repo.write@model:acme/m` or `inference.serverless.write@user`.

    Raises:
        UsageError: one of them is not written like that.
    """
    found: dict[Entity, list[str]] = {}
    for text in spelled:
        parts = _SPELLED.fullmatch(text)
        if not parts:
            message = f"{text!r} is no grant; write PERMISSION@TYPE:NAME, such as repo.write@model:acme/m"
            raise UsageError(message)
        found.setdefault(Entity(parts["type"], parts["name"]), []).append(parts["permission"])
    return tuple(Grant(entity, tuple(sorted(set(permissions)))) for entity, permissions in found.items())
