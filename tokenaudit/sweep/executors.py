"""Executors of tasks: threads of this process, or the workers of a Dask cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from tokenaudit.errors import ConfigurationError, UsageError

_RECONNECT_SECONDS = 30.0
"""Seconds that a cluster can be without its scheduler or any worker, since both can reconnect."""

_CONNECT_SECONDS = 4
_ANSWER_SECONDS = 5.0


def _never() -> str:
    return ""


@dataclass(frozen=True)
class ExecutorPool:
    """An executor, created on demand, and its number of concurrent tasks.

    `remote` means that tasks run in other processes, so that only their results report what was read. `lost` is called
    periodically while no results arrive: it returns why none can arrive any more, or an empty string.
    """

    executor: Callable[[], AbstractContextManager[Executor]]
    size: int
    remote: bool = False
    lost: Callable[[], str] = _never


def thread_pool(size: int) -> ExecutorPool:
    """Return threads of this process.

    Clones are separate processes and searching releases the GIL, so threads use all CPUs. Values never leave the
    process, and a shared rate limiter keeps all threads within the Hub's limits.
    """
    return ExecutorPool(lambda: ThreadPoolExecutor(size, thread_name_prefix="sweep"), size)


def dask_cluster(address: str, reconnect_seconds: float = _RECONNECT_SECONDS) -> ExecutorPool:
    """Return the workers of a Dask cluster. They read the auditor's token from their own environment.

    Raises:
        ConfigurationError: the extra isn't installed.
        UsageError: no scheduler responds at `address`.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        message = "--cluster needs Dask: pip install 'tokenaudit[cluster]'"
        raise ConfigurationError(message) from None
    client = Client.__new__(Client)
    try:
        client.__init__(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, TimeoutError):  # a TLS setup raises the type error
        # Its finalizer would wait for the connection that failed, and print a traceback.
        client.status = "closed"
        message = f"no Dask scheduler at {address}"
        raise UsageError(message) from None

    @contextmanager
    def executor() -> Iterator[Executor]:
        # Messages about a lost scheduler, including tracebacks, are replaced by one line of the sweep.
        complaints = logging.getLogger("distributed.client")
        before = complaints.level
        complaints.setLevel(logging.CRITICAL)
        try:
            with client:
                yield client.get_executor(pure=False)
        finally:
            complaints.setLevel(before)

    size = 2 * max(1, sum(client.nthreads().values()))
    return ExecutorPool(executor, size, remote=True, lost=_Health(client, address, reconnect_seconds).lost)


class _Health:
    """Whether a cluster can still return results."""

    def __init__(self, client: Any, address: str, reconnect_seconds: float) -> None:  # noqa: ANN401 - Dask's client has no types
        self._client, self._address, self._reconnect_seconds = client, address, reconnect_seconds
        self._since: float | None = None

    def lost(self) -> str:
        """Return what has been missing for longer than the limit."""
        missing = self._missing()
        if not missing:
            self._since = None
            return ""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return missing if now - self._since > self._reconnect_seconds else ""

    def _missing(self) -> str:
        lost_message = f"connection to the Dask scheduler at {self._address} lost"
        if self._client.status != "running":
            self._since = float("-inf") if self._client.status == "closed" else self._since  # the client gave up
            return lost_message
        try:
            workers = self._client.sync(self._client.scheduler.ncores, callback_timeout=_ANSWER_SECONDS)
        except (OSError, TimeoutError):
            return lost_message
        return "" if workers else f"the Dask cluster at {self._address} has no workers"
