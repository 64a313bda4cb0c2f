"""Call third-party plugins; a failing plugin loses only its own results."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from tokenaudit.model import Likelihood

if TYPE_CHECKING:
    from tokenaudit.detect.plugins import Candidate, Find

CPU_SECONDS = 8.0
"""Maximum CPU time of a plugin per text."""

SECONDS = 20.0
"""Maximum elapsed time of a plugin per text, for a plugin that sleeps or a busy machine."""

_MOST_CANDIDATES = 1_000_000
_LIKELIHOODS = frozenset(get_args(Likelihood))


class PluginError(Exception):
    """A plugin failed on a text. `str()` contains its name and the kind of failure, never the exception's message."""


def guarded(name: str, find: Find) -> Find:
    """Wrap `find` so that a failure raises `PluginError` after the candidates found before it.

    A plugin that timed out is not called again, because it would take as long for every text.
    """
    stopped: list[str] = []

    def checked(text: str) -> Iterator[Candidate]:
        if stopped:
            raise PluginError(stopped[0])
        found: list[Candidate] = []
        failure = _collect(find, text, found)
        yield from found
        if failure is not None:
            message = f"plugin {name} {failure}"
            if isinstance(failure, _TooSlow):
                stopped.append(f"plugin {name} was disabled: it {failure}")
            raise PluginError(message)

    return checked


class _TooSlow(str):
    """A failure that would recur for every text."""

    __slots__ = ()


class _TimeUp(BaseException):
    """Raised inside a plugin; not an `Exception`, so that `except Exception` in the plugin does not catch it."""


def _collect(find: Find, text: str, found: list[Candidate]) -> str | None:
    """Add the candidates of `find` to `found`; return the failure, or None."""
    try:
        with _time_limit():
            for each in find(text):
                if not _is_candidate(each, text):
                    return f"returned an invalid match ({type(each).__name__})"
                found.append(each)
                if len(found) >= _MOST_CANDIDATES:
                    return f"returned more than {_MOST_CANDIDATES:,} matches"
    except KeyboardInterrupt:
        raise
    except _TimeUp:
        return _TooSlow(f"took longer than {CPU_SECONDS:g} seconds for one text")
    except BaseException as error:  # noqa: BLE001 - a plugin must not end the audit, not even by SystemExit
        return f"failed: {type(error).__name__}"
    return None


def _is_candidate(each: object, text: str) -> bool:
    kind, value = getattr(each, "kind", None), getattr(each, "value", None)
    start, end = getattr(each, "start", None), getattr(each, "end", None)
    if not (isinstance(kind, str) and isinstance(value, str) and value and isinstance(start, int)):
        return False
    if not (isinstance(end, int) and 0 <= start <= end <= len(text)):
        return False
    return getattr(each, "likelihood", None) in _LIKELIHOODS and callable(getattr(each, "_replace", None))


@contextmanager
def _time_limit() -> Iterator[None]:
    """Interrupt the body of the `with` statement when it times out (only on POSIX, in the main thread)."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    timers = ((signal.ITIMER_PROF, signal.SIGPROF, CPU_SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, SECONDS))
    before: list[tuple[signal.Signals, Any]] = []
    try:
        for timer, number, seconds in timers:
            before.append((number, signal.signal(number, _time_up)))
            signal.setitimer(timer, seconds)
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        for number, handler in before:
            signal.signal(number, handler)


def _time_up(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise _TimeUp
