"""Running one task: each of its places is read, and whatever goes wrong with one stays with that one."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tokenaudit.errors import AuditError
from tokenaudit.git.clone import NO_ROOM, cloned, mirrored, remote_refs
from tokenaudit.git.command import GitError
from tokenaudit.hub.discussions import discussions
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_listing import Repository, digest, refs
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import Examiner, Silence
from tokenaudit.inventory.model import Outcome, Place
from tokenaudit.sources.local.ci_config import CiSource
from tokenaudit.sources.local.git_dir import GitDirSource
from tokenaudit.sources.local.git_history import HistorySource
from tokenaudit.sources.platforms.hub_bucket import BucketSource
from tokenaudit.sources.platforms.hub_collections import CollectionsSource
from tokenaudit.sources.platforms.hub_discussions import DiscussionsSource
from tokenaudit.sources.platforms.hub_endpoints import EndpointsSource
from tokenaudit.sources.platforms.hub_jobs import JobsSource
from tokenaudit.sources.platforms.hub_space import SpaceSource
from tokenaudit.sources.platforms.hub_space_logs import SpaceLogsSource
from tokenaudit.sources.platforms.hub_webhooks import WebhooksSource
from tokenaudit.sweep.config import VERSION, Done, Setup, Task
from tokenaudit.sweep.outcome import HubSource, collected, missed, without_values
from tokenaudit.sweep.platforms import group_of, with_password
from tokenaudit.sweep.worker_context import Workshop, workshop

if TYPE_CHECKING:
    from tokenaudit.sweep.worker_context import Workshop


def run_task(setup: Setup, task: Task) -> Done:
    """What came of each place of `task`. Takes and gives plain data, so it can run in any process on any machine."""
    shop = workshop(setup)
    with shop.examiner() as examiner:
        outcomes = tuple(_read(shop, task, place, examiner) for place in task.places)
    return Done(outcomes, shop.hub.pacer.window)


def _read(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    try:
        return _READERS[place.aspect](shop, task, place, examiner)
    except (AuditError, GitError) as error:
        told = missed(place, str(error))
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        told = missed(place, NO_ROOM if full else error.strerror or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - one place that can't be read must not stop the others; it is told
        told = missed(place, f"reading it failed ({type(error).__name__})")
    return without_values(told, examiner, [shop.secret] if shop.secret else ())


def _collected(
    shop: Workshop, task: Task, place: Place, examiner: Examiner, source: HubSource, state: str | None = None
) -> Outcome:
    return collected(
        place,
        [source],
        examiner,
        shop.inspecting,
        state=state,
        progress=shop.meter,
        known=task.known,
    )


def _refused(shop: Workshop, examiner: Examiner, place: Place, failure: Failure, permission: str) -> Outcome:
    told = missed(place, needs(failure, permission))
    return without_values(told, examiner, [shop.secret] if shop.secret else ())


def _history(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    repository = _repository(task)
    found = refs(shop.hub, repository, shop.secret)
    if isinstance(found, Failure):
        return _refused(shop, examiner, place, found, f"repo.content.read on {repository.target}")
    state = f"{VERSION}:{digest(found)}"
    if task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    return read_repository(shop, task, place, examiner, shop.git_url(repository), state)


def _discussions(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    repository = _repository(task)
    listing = discussions(shop.hub, repository, shop.secret)
    if isinstance(listing, Failure):
        return _refused(shop, examiner, place, listing, f"repo.content.read on {repository.target}")
    state = f"{VERSION}:{digest(listing)}"
    if task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    outcome = _collected(
        shop, task, place, examiner, DiscussionsSource(shop.hub, shop.secret, repository, listing), state
    )
    # A discussion that could not be read is tried again.
    return outcome if not outcome.skipped else _without_state(outcome)


def _settings(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    return _collected(shop, task, place, examiner, SpaceSource(shop.hub, shop.secret, _repository(task), shop.names))


def _logs(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    return _collected(shop, task, place, examiner, SpaceLogsSource(shop.hub, shop.secret, _repository(task)))


def _jobs(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    return _collected(shop, task, place, examiner, JobsSource(shop.hub, shop.secret, task.namespace))


def _webhooks(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    source = WebhooksSource(shop.hub, shop.secret, task.namespace, everything=task.mine)
    return _collected(shop, task, place, examiner, source)


def _endpoints(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    source = EndpointsSource(shop.hub, shop.secret, task.namespace, shop.setup.service)
    return _collected(shop, task, place, examiner, source)


def _collections(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    return _collected(shop, task, place, examiner, CollectionsSource(shop.hub, shop.secret, task.namespace))


def _bucket(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    repository = _repository(task)
    state = f"{VERSION}:{repository.version}"
    if repository.version and task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    limits = (shop.setup.largest_text, shop.setup.most_bucket_bytes)
    source = BucketSource(shop.hub, shop.secret, repository.id, *limits)
    return _collected(shop, task, place, examiner, source, state)


def _url(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    return history_of_url(shop, task, place, examiner)


def _platform(shop: Workshop, task: Task, place: Place, examiner: Examiner) -> Outcome:
    return _collected(shop, task, place, examiner, group_of(task.namespace))


def _repository(task: Task) -> Repository:
    if task.repository is None:
        raise AssertionError
    return task.repository


def _without_state(outcome: Outcome) -> Outcome:
    return replace(outcome, state=None)


_READERS: Mapping[str, Callable[[Workshop, Task, Place, Examiner], Outcome]] = {
    "history": _history,
    "discussions": _discussions,
    "settings": _settings,
    "logs": _logs,
    "jobs": _jobs,
    "webhooks": _webhooks,
    "endpoints": _endpoints,
    "collections": _collections,
    "bucket": _bucket,
    "git": _url,
    "platform": _platform,
}
ASPECTS = frozenset(_READERS)


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
