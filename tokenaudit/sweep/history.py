"""The history of a repository on the Hub or elsewhere: a copy that goes away again, or a mirror that stays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tokenaudit.detect.interface import Examiner
from tokenaudit.inventory.nouns import Outcome, Place
from tokenaudit.sources.ci import CiSource
from tokenaudit.sources.clone import cloned, mirrored, remote_refs
from tokenaudit.sources.gitdir import GitDirSource
from tokenaudit.sources.history import HistorySource
from tokenaudit.sources.interface import Silence
from tokenaudit.sweep.collect import HubSource, collected
from tokenaudit.sweep.elsewhere import with_password
from tokenaudit.sweep.setup import VERSION
from tokenaudit.sweep.task import Task

if TYPE_CHECKING:
    from tokenaudit.sweep.workshop import Workshop

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@contextmanager
def repository_copy(url: str, target: str, cache: Path | None) -> Iterator[Path]:
    """All refs of the repository at `url`, bare; in `cache` it stays, and the next time only news are fetched.

    Raises:
        GitError: it could not be cloned or fetched.
    """
    if cache is None:
        with cloned(url, Silence()) as path:
            yield path
        return
    # The digest keeps apart what differs only in characters that a file name can't hold.
    name = f"{_UNSAFE.sub('-', target)}-{hashlib.sha256(target.encode()).hexdigest()[:8]}.git"
    with mirrored(url, cache / name, Silence()) as path:
        yield path


def sources_of(path: Path, target: str, secret_names: Sequence[str]) -> list[HubSource]:
    """What `tokenaudit scan` reads of a clone, too: history, what lies beside it, CI configuration."""
    found = [HistorySource(path, target), GitDirSource(path, target), CiSource(path, target, secret_names=secret_names)]
    return cast("list[HubSource]", found)


def history_of_url(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    """A git repository that is not on the Hub."""
    url = with_password(task.namespace, task.url or "")
    state = f"{VERSION}:{hashlib.sha256(remote_refs(url)).hexdigest()[:32]}"
    if task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    with repository_copy(url, place.target, shop.setup.cache) as path:
        return collected(
            place,
            sources_of(path, place.target, shop.setup.secret_names),
            examiner,
            shop.inspecting,
            state=state,
            progress=shop.meter,
            known=task.known,
        )
