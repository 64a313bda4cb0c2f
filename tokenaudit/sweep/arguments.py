"""Converts command-line arguments to a scope and an executor."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tokenaudit.errors import UsageError
from tokenaudit.file_access import read_argument
from tokenaudit.git.clone import is_clone_url
from tokenaudit.git.command import without_password
from tokenaudit.hub.repo_listing import RepoType
from tokenaudit.sweep.config import TYPES, SweepScope
from tokenaudit.sweep.plan import platform_of
from tokenaudit.sweep.scheduler import ExecutorPool, dask_cluster, thread_pool
from tokenaudit.text import did_you_mean

_MOST_THREADS = 16


def scope_of(
    namespaces: Sequence[str],
    types: str,
    include: Sequence[str],
    exclude: Sequence[str],
    from_file: Path | None,
    *,
    members: bool = False,
    logs: bool = False,
) -> SweepScope:
    """Return the scope for command-line arguments.

    Raises:
        UsageError: no namespace is given, a type is unknown, or the list can't be read.
    """
    urls = _urls(from_file) if from_file is not None else ()
    if not namespaces and not urls:
        message = "no namespace; pass a user or an organization, or a list of git URLs with --from-file"
        raise UsageError(message)
    wanted = _types(types)
    on_the_hub = any(platform_of(namespace) is None for namespace in namespaces)
    narrowed = {
        "--type": set(wanted) != set(TYPES), "--include": include, "--exclude": exclude,
        "--members": members, "--logs": logs,
    }  # fmt: skip
    for option, given in narrowed.items():
        if given and not on_the_hub:
            message = f"{option} needs a user or an organization of the Hub"
            raise UsageError(message)
    if logs and "space" not in wanted:
        message = "--logs needs Spaces, but --type excludes them"
        raise UsageError(message)
    return SweepScope(
        tuple(dict.fromkeys(namespaces)),
        wanted,
        tuple(include),
        tuple(exclude),
        members=members,
        urls=urls,
        logs=logs,
    )


def size_of(option: str, text: str) -> int:
    """Return the number of bytes for a size such as `10MB`, `1.5 GiB` or `500000`.

    Raises:
        UsageError: the size is invalid.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        message = f"invalid size {text!r} for {option}; use 10MB, 2GB or a number of bytes"
        raise UsageError(message)
    return int(float(found["number"]) * _UNITS[found["unit"].lower()])


_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[kmgt]?i?b?)", re.IGNORECASE)
_UNITS = {
    f"{letter}{binary}{end}": (1024 if binary else 1000) ** power
    for power, letter in enumerate(("", "k", "m", "g", "t"))
    for binary in (("", "i") if letter else ("",))
    for end in ("", "b")
}


def _types(named: str) -> tuple[RepoType, ...]:
    typed = [name.strip() for name in named.split(",") if name.strip()]
    wanted = {name.removesuffix("s") for name in typed}
    for name in (name for name in typed if name.removesuffix("s") not in TYPES):
        hint = did_you_mean(name, TYPES) or f"; choose from {', '.join(TYPES)}"
        message = f"invalid value {name!r} for --type{hint}"
        raise UsageError(message)
    return cast("tuple[RepoType, ...]", tuple(name for name in TYPES if name in wanted))


def _urls(path: Path) -> tuple[str, ...]:
    try:
        lines = read_argument(path).decode("utf-8").splitlines()
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise UsageError(message) from None
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text; write one git URL per line"
        raise UsageError(message) from None
    urls = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for number, url in enumerate(urls, start=1):
        if not is_clone_url(url):
            message = f"{path}: entry {number} is not a git URL"
            raise UsageError(message)
        if without_password(url) != url:
            message = f"{path}: entry {number} contains a password; use a git credential helper"
            raise UsageError(message)
    return tuple(dict.fromkeys(urls))


def cache_of(folder: Path | None, cluster_address: str | None) -> Path | None:
    """Return the folder of mirrors, created if missing. A cluster's cache is on its workers' machines, not here.

    Raises:
        UsageError: the folder can't be written.
    """
    if folder is None or cluster_address is not None:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder.absolute()
    except OSError as error:
        message = f"mirrors can't be stored in {folder}: {error.strerror}; use another folder with --cache-dir"
        raise UsageError(message) from None


def executor_for(address: str | None, size: int | None) -> ExecutorPool:
    """Return the cluster at `address`, else `size` threads, by default a few per CPU: most of the time they wait."""
    if address is not None:
        return dask_cluster(address)
    return thread_pool(size or min(_MOST_THREADS, 4 * (os.cpu_count() or 1)))
