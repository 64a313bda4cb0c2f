"""Who does the work: threads of this process, or the workers of a Dask cluster."""

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
"""Seconds that a cluster may be without its scheduler or any worker: both may come back."""

_CONNECT_SECONDS = 4
_ANSWER_SECONDS = 5.0


def _never() -> str:
    return ""


@dataclass(frozen=True)
class ExecutorPool:
    """An executor, made when it is needed, and how many tasks it takes at a time.

    `remote` says that tasks run in other processes, so that only their results tell what they have read. `lost` is
    asked now and then while no results come: why none can come any more, empty while they can.
    """

    executor: Callable[[], AbstractContextManager[Executor]]
    size: int
    remote: bool = False
    lost: Callable[[], str] = _never


def thread_pool(size: int) -> ExecutorPool:
    """Threads of this process.

    Clones are programs of their own and searching leaves the interpreter's lock, so threads use all processors; values
    never leave the process, and one pacer keeps all of them within the Hub's limits.
    """
    return ExecutorPool(lambda: ThreadPoolExecutor(size, thread_name_prefix="sweep"), size)


def dask_cluster(address: str, reconnect_seconds: float = _RECONNECT_SECONDS) -> ExecutorPool:
    """The workers of a Dask cluster. They look for the auditor's token in their own environment.

    Raises:
        ConfigurationError: the extra isn't installed.
        UsageError: no scheduler answers at `address`.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        message = "--cluster needs Dask: pip install 'tokenaudit[cluster]'"
        raise ConfigurationError(message) from None
    client = Client.__new__(Client)
    try:
        client.__init__(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, TimeoutError):  # the type error is one of a TLS setup
        # Its finalizer would wait for the connection that never was, and print a traceback.
        client.status = "closed"
        message = f"no Dask scheduler at {address}"
        raise UsageError(message) from None

    @contextmanager
    def executor() -> Iterator[Executor]:
        # What it would say of a lost scheduler, tracebacks included, is told in one line as the sweep's own trouble.
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
    """Whether a cluster still has what it takes to answer."""

    def __init__(self, client: Any, address: str, reconnect_seconds: float) -> None:  # noqa: ANN401 - Dask's client has no types
        self._client, self._address, self._reconnect_seconds = client, address, reconnect_seconds
        self._since: float | None = None

    def lost(self) -> str:
        """What has been missing for longer than patience allows."""
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
            self._since = float("-inf") if self._client.status == "closed" else self._since  # it gave up
            return lost_message
        try:
            workers = self._client.sync(self._client.scheduler.ncores, callback_timeout=_ANSWER_SECONDS)
        except (OSError, TimeoutError):
            return lost_message
        return "" if workers else f"the Dask cluster at {self._address} has no workers"
