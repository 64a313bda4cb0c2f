"""Running one task: each of its places is read, and whatever goes wrong with one stays with that one."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import replace

from tokenaudit.errors import AuditError
from tokenaudit.git.command import GitError
from tokenaudit.hub.discussions import discussions
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_listing import Repository, digest, refs
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import Examiner
from tokenaudit.inventory.model import Outcome, Place
from tokenaudit.sources.platforms.hub_bucket import BucketSource
from tokenaudit.sources.platforms.hub_collections import CollectionsSource
from tokenaudit.sources.platforms.hub_discussions import DiscussionsSource
from tokenaudit.sources.platforms.hub_endpoints import EndpointsSource
from tokenaudit.sources.platforms.hub_jobs import JobsSource
from tokenaudit.sources.platforms.hub_space import SpaceSource
from tokenaudit.sources.platforms.hub_space_logs import SpaceLogsSource
from tokenaudit.sources.platforms.hub_webhooks import WebhooksSource
from tokenaudit.sources.room import NO_ROOM
from tokenaudit.sweep.config import VERSION, Setup
from tokenaudit.sweep.history import history_of_url, read_repository
from tokenaudit.sweep.outcome import HubSource, collected, missed, without_values
from tokenaudit.sweep.platforms import group_of
from tokenaudit.sweep.task import Done, Task
from tokenaudit.sweep.worker_context import Workshop, workshop


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
