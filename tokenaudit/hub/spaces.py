"""Read and change the variables and secrets of a Space.

Variables are returned with their values, which can be credentials: treat them as such. For secrets the Hub returns
only names and times. Reading either requires write access to the Space (undocumented; observed).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.pagination import JsonObject, text
from tokenaudit.hub.repo_access import invalid_repo_name
from tokenaudit.hub.result import Failure, Reply, Result
from tokenaudit.hub.transport import RequestAborted
from tokenaudit.secret import Secret
from tokenaudit.timestamps import is_undecidable, parse_timestamp

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Variable:
    """One variable of a Space; its value is masked like a credential's, since it can be one."""

    name: str
    value: Secret
    description: str | None = None
    updated_at: datetime | None = None
    undated: bool = False
    """Whether the Hub returned a time that can't be parsed."""


@dataclass(frozen=True)
class SpaceSecretName:
    """One secret of a Space: its name, description and time of the last change, without its value."""

    name: str
    description: str | None = None
    updated_at: datetime | None = None
    undated: bool = False


def variables(hub: Hub, space: str, secret: Secret | None) -> tuple[Variable, ...] | Failure:
    """Return the variables of `space` ("owner/name"), requested as `secret` (None: anonymously)."""
    answer = _entries(hub, space, "variables", secret)
    if isinstance(answer, Failure):
        return answer
    return tuple(
        Variable(name, Secret(text(entry.get("value")), masking="none"), *_described(entry)) for name, entry in answer
    )


def secret_names(hub: Hub, space: str, secret: Secret) -> tuple[SpaceSecretName, ...] | Failure:
    """Return the names of the secrets of `space` and when each was last set, which proves that an update succeeded."""
    answer = _entries(hub, space, "secrets", secret)
    if isinstance(answer, Failure):
        return answer
    return tuple(SpaceSecretName(name, *_described(entry)) for name, entry in answer)


def _entries(
    hub: Hub, space: str, what: Literal["variables", "secrets"], secret: Secret | None
) -> list[tuple[str, JsonObject]] | Failure:
    """Return the entries by name; the library's wrappers fail for the whole response if one date is malformed."""
    answer = invalid_repo_name(space) or hub.get(f"/api/spaces/{space}/{what}", secret)
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer.body, dict):
        return Failure("malformed", answer.status, f"the response has no {what}")
    return [
        (text(entry.get("key")) or str(name), entry) for name, entry in answer.body.items() if isinstance(entry, dict)
    ]


def _described(entry: JsonObject) -> tuple[str | None, datetime | None, bool]:
    updated = entry.get("updatedAt")
    return text(entry.get("description")) or None, parse_timestamp(updated), is_undecidable(updated)


def set_secret(
    hub: Hub, space: str, name: str, value: Secret, *, secret: Secret, description: str | None = None
) -> Result:
    """Add or replace a secret of `space`. The Space can restart automatically; `restart` ensures that."""
    return invalid_repo_name(space) or hub.ask(
        lambda api, token: api.add_space_secret(space, name, value.reveal(), description=description, token=token),
        secret,
    )


def delete_variable(hub: Hub, space: str, name: str, *, secret: Secret) -> Result:
    """Delete a variable of `space`."""
    return invalid_repo_name(space) or hub.ask(
        lambda api, token: api.delete_space_variable(space, name, token=token), secret
    )


def restart(hub: Hub, space: str, *, secret: Secret) -> Result:
    """Restart `space`; the reply's body is its stage, such as `RUNNING` or `BUILDING`."""
    answer = invalid_repo_name(space) or hub.ask(lambda api, token: api.restart_space(space, token=token), secret)
    return Reply(answer.status, str(answer.body.stage)) if isinstance(answer, Reply) else answer


def stage(hub: Hub, space: str, *, secret: Secret | None) -> Result:
    """Return the stage of `space` as the reply's body."""
    answer = invalid_repo_name(space) or hub.ask(lambda api, token: api.get_space_runtime(space, token=token), secret)
    return Reply(answer.status, str(answer.body.stage)) if isinstance(answer, Reply) else answer


LogType: TypeAlias = Literal["build", "run"]
LOG_TYPES: tuple[LogType, ...] = ("build", "run")

_GRACE = 5.0
"""Seconds after the reader's own limit at which the connection is closed from outside."""


@dataclass(frozen=True)
class LogLine:
    """One log line without its line ending, and its time; it can contain a credential."""

    text: str
    moment: datetime | None


@dataclass(frozen=True)
class SpaceLog:
    """The lines read from a log; `cut` is the reason why lines are missing, None if all lines so far were read."""

    lines: tuple[LogLine, ...]
    cut: str | None = None


@dataclass(frozen=True)
class LogLimits:
    """Limits for reading a log: characters, total seconds, and seconds without a line that count as its end."""

    most: int = 16 << 20
    seconds: float = 60.0
    silence: float = 5.0


def space_log(
    hub: Hub, space: str, log_type: LogType, secret: Secret | None, limits: LogLimits | None = None
) -> SpaceLog | Failure:
    """Return a log of `space` ("owner/name") from its beginning to now, within `limits`, requested as `secret`."""
    bounds = limits or LogLimits()

    def fetch(_api: HfApi, token: Token) -> object:
        url = f"{hub.endpoint}/api/spaces/{space}/logs/{log_type}"
        with hub.stream(url, token) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise ValueError  # a proxy's page must not count as an empty log
            now = _date(response.headers.get("date"))
            return _Reading(bounds, now, time.monotonic).read(response.iter_bytes())

    answer = invalid_repo_name(space) or hub.ask(
        fetch, secret, deadline=bounds.seconds + _GRACE, timeout=min(bounds.silence, hub.timeout)
    )
    if isinstance(answer, Failure):
        return answer
    log: SpaceLog = answer.body
    return log


class _Reading:
    """Reads events until all past lines are read, or a limit is reached."""

    def __init__(self, limits: LogLimits, now: datetime | None, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._lines: list[LogLine] = []
        # The Hub's `Date` has whole seconds, so a line with a later time was printed while reading.
        self._past = now + timedelta(seconds=1) if now is not None else None

    def read(self, chunks: Iterable[bytes]) -> SpaceLog:
        cut = None
        try:
            cut = self._follow(_events(chunks))
        except RequestAborted as stopped:
            cut = f"{stopped.message}; {len(self._lines)} lines read"
        except Exception as error:
            # The HTTP backend of the library, and so the class of its errors, differs between versions.
            if "ReadTimeout" not in {kind.__name__ for kind in type(error).__mro__}:
                if not self._lines:
                    raise
                cut = f"connection lost after {len(self._lines)} lines ({type(error).__name__})"
            elif not self._lines:
                cut = f"no data for {self._limits.silence:g} seconds; the log can be empty"
        return SpaceLog(tuple(self._lines), cut)

    def _follow(self, events: Iterator[bytes]) -> str | None:
        size, started = 0, self._clock()
        heard = started
        for event in events:
            now = self._clock()
            if now - started > self._limits.seconds:
                return f"stopped after {self._limits.seconds:g} seconds; {len(self._lines)} lines read"
            if not event:
                if now - heard > self._limits.silence:
                    return None
                continue
            heard = now
            text, when = _parse_event(event)
            if self._past is not None and when is not None and when > self._past:
                return None
            size += len(text)
            if size > self._limits.most:
                return f"only the first {self._limits.most} characters were read"
            self._lines += [LogLine(line, when) for line in text.removesuffix("\n").split("\n")]
        return None


def _events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of each `data:` line, empty ones included, and an empty one for any other line (keep-alive)."""
    pieces: list[bytes] = []
    for chunk in chunks:
        pieces.append(chunk)
        if b"\n" in chunk:
            *lines, rest = b"".join(pieces).split(b"\n")
            pieces = [rest]
            yield from map(_content, lines)
    yield _content(b"".join(pieces))


def _content(line: bytes) -> bytes:
    return line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""


def _parse_event(event: bytes) -> tuple[str, datetime | None]:
    """Return the text and time of an event; an event of another shape is returned unchanged so that nothing is lost."""
    try:
        parsed = json.loads(event)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict) and isinstance(parsed.get("data"), str):
        return parsed["data"], parse_timestamp(parsed.get("timestamp"))
    return event.decode("utf-8", "backslashreplace"), None


def _date(header: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None
