"""Runs a task: reads each of its places; an error in one place does not affect the others."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tokenaudit.audit.targets import UnreadableSource
from tokenaudit.errors import AuditError
from tokenaudit.git.clone import NO_ROOM, cloned, mirrored, missing_refs, remote_refs
from tokenaudit.git.command import GitError
from tokenaudit.git.layout import opened_once
from tokenaudit.hub.discussions import discussions
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_listing import HubRepository, digest, refs
from tokenaudit.hub.result import Failure
from tokenaudit.hub.service_accounts import READ_PERMISSION
from tokenaudit.interfaces import NullProgress, Scanner
from tokenaudit.inventory.model import Outcome, PlaceRecord
from tokenaudit.service_accounts.organization import read_organization
from tokenaudit.service_accounts.read import WITH_SERVICE_ACCOUNTS, read_accounts
from tokenaudit.sources.local.ci_config import CiSource
from tokenaudit.sources.local.git_dir import GitDirSource
from tokenaudit.sources.local.git_history import HistorySource
from tokenaudit.sources.platforms.hub_discussions import DiscussionsSource
from tokenaudit.sources.platforms.hub_large_files import LARGEST_TEXT, BucketSource, LargeFileLimit, LargeFilesSource
from tokenaudit.sources.platforms.hub_namespace import CollectionsSource, EndpointsSource, JobsSource, WebhooksSource
from tokenaudit.sources.platforms.hub_space import SpaceLogsSource, SpaceSource
from tokenaudit.sweep.config import VERSION, SweepConfig, Task, TaskResult
from tokenaudit.sweep.plan import group_of, with_password
from tokenaudit.sweep.worker_context import HubSource, WorkerContext, collected, missed, without_values, worker_context
from tokenaudit.text import file_name, listed

if TYPE_CHECKING:
    from tokenaudit.sweep.worker_context import WorkerContext


def run_task(setup: SweepConfig, task: Task) -> TaskResult:
    """Return the outcome of each place of `task`. Arguments and result are plain data, so it can run on any machine."""
    context = worker_context(setup)
    with context.scanner() as scanner:
        outcomes = tuple(_read(context, task, place, scanner) for place in task.places)
    return TaskResult(outcomes, context.hub.rate_limiter.window)


def _read(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    try:
        return _READERS[place.aspect](context, task, place, scanner)
    except (AuditError, GitError) as error:
        outcome = missed(place, str(error))
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        outcome = missed(place, NO_ROOM if full else error.strerror or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - an unreadable place must not stop the others; it is reported
        outcome = missed(place, f"scan failed ({type(error).__name__})")
    return without_values(outcome, scanner, [context.secret] if context.secret else ())


def _collected(
    context: WorkerContext,
    task: Task,
    place: PlaceRecord,
    scanner: Scanner,
    source: HubSource,
    state: str | None = None,
) -> Outcome:
    return collected(
        place,
        [source],
        scanner,
        context.inspecting,
        state=state,
        progress=context.meter,
        known=task.known,
    )


def _refused(
    context: WorkerContext, scanner: Scanner, place: PlaceRecord, failure: Failure, permission: str
) -> Outcome:
    outcome = missed(place, needs(failure, permission))
    return without_values(outcome, scanner, [context.secret] if context.secret else ())


def _history(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    repository = _repository(task)
    found = refs(context.hub, repository, context.secret)
    if isinstance(found, Failure):
        return _refused(context, scanner, place, found, f"repo.content.read on {repository.target}")
    version = _version(context, repository, found)
    before = task.states.get(place.key) or ""
    if before == version.state or _read_more(before, found, context.setup.largest_lfs):
        return Outcome(place, before, unchanged=True)
    return read_repository(context, task, place, scanner, context.git_url(repository), version)


def _version(context: WorkerContext, repository: HubRepository, named: Mapping[str, str]) -> Version:
    def ask_again() -> Version | None:
        found = refs(context.hub, repository, context.secret)
        return None if isinstance(found, Failure) else _version(context, repository, found)

    limit = context.setup.largest_lfs
    state = f"{VERSION}:{digest(named)}"
    return Version(state if limit is None else f"{state}{_LARGE_FILES}{limit}", named, ask_again)


_LARGE_FILES = ":lfs="


def _read_more(before: str, named: Mapping[str, str], limit: int | None) -> bool:
    """Return whether the state `before` means that an earlier sweep has read larger files of the same revisions."""
    larger = before.removeprefix(f"{VERSION}:{digest(named)}{_LARGE_FILES}")
    return larger != before and larger.isdecimal() and int(larger) >= (LARGEST_TEXT if limit is None else limit)


def _discussions(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    repository = _repository(task)
    listing = discussions(context.hub, repository, context.secret)
    if isinstance(listing, Failure):
        return _refused(context, scanner, place, listing, f"repo.content.read on {repository.target}")
    state = f"{VERSION}:{digest(listing.items)}"
    if task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    outcome = _collected(
        context, task, place, scanner, DiscussionsSource(context.hub, context.secret, repository, listing), state
    )
    # A discussion that could not be read is retried by the next sweep.
    return outcome if not outcome.skipped else _without_state(outcome)


def _settings(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    return _collected(
        context, task, place, scanner, SpaceSource(context.hub, context.secret, _repository(task), context.names)
    )


def _logs(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    return _collected(context, task, place, scanner, SpaceLogsSource(context.hub, context.secret, _repository(task)))


def _jobs(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    return _collected(context, task, place, scanner, JobsSource(context.hub, context.secret, task.namespace))


def _webhooks(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    source = WebhooksSource(context.hub, context.secret, task.namespace, everything=task.mine)
    return _collected(context, task, place, scanner, source)


def _endpoints(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    source = EndpointsSource(context.hub, context.secret, task.namespace, context.setup.service)
    return _collected(context, task, place, scanner, source)


def _collections(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    return _collected(context, task, place, scanner, CollectionsSource(context.hub, context.secret, task.namespace))


def _service_accounts(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    found = read_accounts(context.hub, task.namespace, context.secret)
    if found.failure is not None:
        if task.plan not in WITH_SERVICE_ACCOUNTS and _is_denied(found.failure):
            return Outcome(place)  # its plan has no service accounts
        permission = f"{READ_PERMISSION} on {task.namespace}"
        return _refused(context, scanner, place, found.failure, permission)
    tokens = sum(len(account.tokens) for account in found.accounts)
    context.meter.advance(objects=tokens)
    return without_values(
        Outcome(place, service_accounts=found.accounts, skipped=found.skipped, objects=tokens), scanner
    )


def _organization(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    found = read_organization(context.hub, task.namespace, context.secret, task.plan, context.now())
    outcome = Outcome(place, problems=found.problems, skipped=found.skipped, failed=found.nothing_read, objects=1)
    return without_values(outcome, scanner)


def _is_denied(failure: Failure) -> bool:
    return failure.kind == "refused"


def _bucket(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    repository = _repository(task)
    state = f"{VERSION}:{repository.version}"
    if repository.version and task.states.get(place.key) == state:
        return Outcome(place, state, unchanged=True)
    limits = (context.setup.largest_text, context.setup.most_bucket_bytes)
    source = BucketSource(context.hub, context.secret, repository.id, *limits)
    return _collected(context, task, place, scanner, source, state)


def _url(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    return history_of_url(context, task, place, scanner)


def _platform(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    return _collected(context, task, place, scanner, group_of(task.namespace))


def _repository(task: Task) -> HubRepository:
    if task.repository is None:
        raise AssertionError
    return task.repository


def _without_state(outcome: Outcome) -> Outcome:
    return replace(outcome, state=None)


_READERS: Mapping[str, Callable[[WorkerContext, Task, PlaceRecord, Scanner], Outcome]] = {
    "history": _history,
    "discussions": _discussions,
    "settings": _settings,
    "logs": _logs,
    "jobs": _jobs,
    "webhooks": _webhooks,
    "endpoints": _endpoints,
    "collections": _collections,
    "service-accounts": _service_accounts,
    "organization": _organization,
    "bucket": _bucket,
    "git": _url,
    "platform": _platform,
}
ASPECTS = frozenset(_READERS)


@contextmanager
def repository_copy(url: str, target: str, cache: Path | None, *, full: bool) -> Iterator[tuple[Path, Path | None]]:
    """Yield a bare clone of the repository at `url` with all refs; with `cache` it is a mirror that is only updated.

    With a `cache` there is also a state file of what has been read; `full` ignores the state of earlier sweeps.

    Raises:
        GitError: the repository could not be cloned or fetched.
        OSError: the cache can't be written.
    """
    if cache is None:
        with cloned(url, NullProgress()) as path:
            yield path, None
        return
    # The digest separates names that differ only in characters that are invalid in file names.
    mirror = cache / f"{file_name(target, 200)}-{hashlib.sha256(target.encode()).hexdigest()[:8]}.git"
    state = mirror.with_suffix(f".{VERSION}.state")
    with mirrored(url, mirror, NullProgress(), [state]) as path:
        if full:
            state.unlink(missing_ok=True)
        yield path, state


def read_repository(
    context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner, url: str, version: Version
) -> Outcome:
    """Read the repository at `url` like `tokenaudit scan` reads a clone.

    This covers its history, the other content of its git directory, and its CI configuration; for a repository on the
    Hub also the content of large files. Refs in `version` that the copy lacks are reported as skipped, and so the place
    is read again by the next sweep.

    Raises:
        GitError: the repository could not be cloned or fetched.
        OSError: the cache can't be written.
    """
    target, names = place.target, context.setup.secret_names
    with repository_copy(url, target, context.setup.cache, full=task.full) as (path, noted), opened_once():
        missing, state = _compared(path, version)
        history = HistorySource(path, target, noted, report_pointers=task.repository is None)
        found: list[object] = [history, GitDirSource(path, target), CiSource(path, target, names)]
        if task.repository is not None:
            revision = (version.refs or {}).get("refs/heads/main", "main")
            limit = LargeFileLimit(context.setup.largest_lfs)
            found.append(LargeFilesSource(context.hub, context.secret, task.repository, revision, history, limit))
        gaps = [UnreadableSource(target, "git", missing)] if missing else []
        return collected(
            place,
            cast("list[HubSource]", [*gaps, *found]),
            scanner,
            context.inspecting,
            state=state,
            progress=context.meter,
            known=task.known,
        )


@dataclass(frozen=True)
class Version:
    """Version of a repository at the time of the request.

    `state` identifies it for the next sweep. `refs` are the commits by ref that a copy must have, None if unknown;
    `ask_again` requests both again, since refs can be deleted at any time; it returns None without a response.
    """

    state: str
    refs: Mapping[str, str] | None = None
    ask_again: Callable[[], Version | None] | None = None


def _compared(path: Path, version: Version) -> tuple[str, str]:
    """Return a description of what the copy at `path` lacks, and the state that it corresponds to."""
    missing = missing_refs(path, version.refs or {})
    again = version.ask_again() if missing and version.ask_again is not None else None
    if again is not None:
        version = again
        missing = missing_refs(path, version.refs or {})
    if not missing:
        return "", version.state
    shown = listed(missing, 3)
    reason = f"the clone lacks {len(missing)} of {len(version.refs or ())} refs on the server: {shown}"
    return reason, version.state


def history_of_url(context: WorkerContext, task: Task, place: PlaceRecord, scanner: Scanner) -> Outcome:
    """Read a git repository outside the Hub."""
    url = with_password(task.namespace, task.url or "")
    version = _advertised(url)
    if task.states.get(place.key) == version.state:
        return Outcome(place, version.state, unchanged=True)
    return read_repository(context, task, place, scanner, url, version)


def _advertised(url: str) -> Version:
    listing = remote_refs(url)
    rows = (line.partition("\t") for line in listing.decode("utf-8", "replace").splitlines())
    refs = {ref: commit for commit, _, ref in rows if ref.startswith("refs/") and not ref.endswith("^{}")}
    return Version(f"{VERSION}:{hashlib.sha256(listing).hexdigest()[:32]}", refs, partial(_advertised_again, url))


def _advertised_again(url: str) -> Version | None:
    try:
        return _advertised(url)
    except GitError:
        return None  # the copy is read; it is compared with the first response
