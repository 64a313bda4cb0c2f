"""Proof instead of deduction: whether a credential opens a named repository, as the Hub itself decides it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenaudit.errors import UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, auth_check, invalid_repo_name
from tokenaudit.model import Reach, ReachedRepo
from tokenaudit.secret import Secret

_FOLDERS: dict[str, GitRepoType] = {"": "model", "models/": "model", "datasets/": "dataset", "spaces/": "space"}
_NAMED = re.compile(r"(models/|datasets/|spaces/|)([^/]+/[^/]+)")


@dataclass(frozen=True)
class NamedRepo:
    """A repository named by the user."""

    id: str
    type: GitRepoType


def named_repo(text: str) -> NamedRepo:
    """`owner/name` for a model, else `datasets/owner/name` or `spaces/owner/name`.

    Raises:
        UsageError: `text` is neither.
    """
    found = _NAMED.fullmatch(text)
    if found is None or invalid_repo_name(found[2]) is not None:
        message = f"invalid repository {text!r}; use owner/name, datasets/owner/name or spaces/owner/name"
        raise UsageError(message)
    return NamedRepo(found[2], _FOLDERS[found[1]])


def check_access(secret: Secret, hub: Hub, repos: Sequence[NamedRepo], reach: Reach | None = None) -> Reach:
    """`reach` with what `secret` can really do in each of `repos`; nothing is changed by asking.

    What was proven replaces what was deduced. A repository that it can't open is not among the result's; one that the
    Hub gave no answer about is among what was not counted.
    """
    known = reach or Reach(not_counted=("everything except the named repositories",))
    held = {(repo.type, repo.id): repo for repo in known.repos}
    open_questions = list(known.not_counted)
    for repo in repos:
        was = held.pop((repo.type, repo.id), ReachedRepo(repo.id, repo.type, "read"))
        write = auth_check(hub, repo.id, repo.type, secret, write=True)
        read = write if write.allowed else auth_check(hub, repo.id, repo.type, secret)
        if write.allowed:
            held[repo.type, repo.id] = replace(was, access="write")
        elif read.allowed:
            held[repo.type, repo.id] = replace(was, access="read")
        for wanted, access in (("write", write), ("read", read)):
            if access.allowed is None:
                open_questions.append(f"access to {repo.type} {repo.id} ({wanted}): {access.reason}")
    if reach is None:
        writable = sum(repo.access == "write" for repo in held.values())
        known = replace(known, readable=len(held), writable=writable)
    return replace(known, repos=tuple(held.values()), not_counted=tuple(dict.fromkeys(open_questions)))
