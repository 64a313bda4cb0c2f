"""The history of a repository on the Hub or elsewhere: a copy that goes away again, or a mirror that stays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tokenaudit.git.clone import cloned, mirrored, remote_refs
from tokenaudit.interfaces import Examiner
from tokenaudit.inventory.model import Outcome, Place
from tokenaudit.sources.interface import Silence
from tokenaudit.sources.local.ci_config import CiSource
from tokenaudit.sources.local.git_dir import GitDirSource
from tokenaudit.sources.local.git_history import HistorySource
from tokenaudit.sweep.config import VERSION
from tokenaudit.sweep.outcome import HubSource, collected
from tokenaudit.sweep.platforms import with_password
from tokenaudit.sweep.task import Task

if TYPE_CHECKING:
    from tokenaudit.sweep.worker_context import Workshop

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@contextmanager
def repository_copy(url: str, target: str, cache: Path | None, *, full: bool) -> Iterator[tuple[Path, Path | None]]:
    """All refs of the repository at `url`, bare; in `cache` it stays, and the next time only news are fetched.

    With a `cache` there is also a file for what has been read of it; `full` forgets what an earlier sweep noted there.

    Raises:
        GitError: it could not be cloned or fetched.
        OSError: the cache can't be written.
    """
    if cache is None:
        with cloned(url, Silence()) as path:
            yield path, None
        return
    # The digest keeps apart what differs only in characters that a file name can't hold.
    mirror = cache / f"{_UNSAFE.sub('-', target)}-{hashlib.sha256(target.encode()).hexdigest()[:8]}.git"
    state = mirror.with_suffix(f".{VERSION}.state")
    with mirrored(url, mirror, Silence(), [state]) as path:
        if full:
            state.unlink(missing_ok=True)
        yield path, state


def read_repository(shop: Workshop, task: Task, place: Place, examiner: Examiner, url: str, state: str) -> Outcome:
    """The repository at `url`, whose refs are in `state`: what `tokenaudit scan` reads of a clone, too.

    That is its history, what lies beside it, and its CI configuration.

    Raises:
        GitError: it could not be cloned or fetched.
        OSError: the cache can't be written.
    """
    target, names = place.target, shop.setup.secret_names
    with repository_copy(url, target, shop.setup.cache, full=task.full) as (path, noted):
        found = [HistorySource(path, target, noted), GitDirSource(path, target), CiSource(path, target, names)]
        return collected(
            place,
            cast("list[HubSource]", found),
            examiner,
            shop.inspecting,
            state=state,
            progress=shop.meter,
            known=task.known,
        )


def history_of_url(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    """A git repository that is not on the Hub."""
    url = with_password(task.namespace, task.url or "")
    state = f"{VERSION}:{hashlib.sha256(remote_refs(url)).hexdigest()[:32]}"
    if task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    return read_repository(shop, task, place, examiner, url, state)
