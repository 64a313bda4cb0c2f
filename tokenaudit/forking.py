"""Forked worker processes: they share the memory of the parent and only send back results."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from ctypes import Array
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

_P = ParamSpec("_P")
_T = TypeVar("_T")


def may_fork() -> bool:
    """Whether this process can fork workers on this system."""
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return False
    loaded = sys.modules.get("multiprocessing.process")  # it is in every process that it has started
    return loaded is None or not loaded.current_process().daemon  # daemonic processes can't have children


def _multiprocessing() -> ModuleType:
    import multiprocessing.connection  # noqa: PLC0415 - slow to load, and small scans need one process

    return multiprocessing


_NUMBER = 4
MOST_PARTS = 4096
"""Maximum parts of a `PartQueue`: their numbers must fit into a pipe, which is at least 16 KiB."""


class PartQueue:
    """Numbers of parts that forked workers take, each once, without a lock that a killed worker could hold.

    They are in a pipe whose writing end is closed before any worker is forked, so that its end shows that none is left.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        """Fill the queue with up to `MOST_PARTS` numbers.

        Raises:
            OSError: there are too many open files.
        """
        self._source, sink = os.pipe()
        try:
            os.write(sink, b"".join(number.to_bytes(_NUMBER, "little") for number in numbers))
        finally:
            os.close(sink)

    def __iter__(self) -> Iterator[int]:
        """Take numbers until none is left."""
        while taken := os.read(self._source, _NUMBER):
            yield int.from_bytes(taken, "little")

    def close(self) -> None:
        """Close the pipe in this process."""
        os.close(self._source)


def shared_numbers(count: int) -> Array[Any]:
    """Return `count` numbers below 65,536, at first 0, in memory that workers share with this process."""
    found: Array[Any] = _multiprocessing().get_context("fork").Array("H", count, lock=False)
    return found


def wait(receivers: Iterable[Connection[Any, Any]]) -> list[Any]:
    """Wait until at least one worker has sent something or exited; return the connections of those that have."""
    ready: list[Any] = _multiprocessing().connection.wait(list(receivers))
    return ready


def received(receiver: Connection[Any, _T]) -> _T:
    """Return the next result of a worker.

    Raises:
        EOFError: the worker has exited, possibly while it was sending.
    """
    try:
        return receiver.recv()
    except OSError as error:
        raise EOFError from error


def _start_helper(
    work: Callable[Concatenate[Connection[Any, Any], _P], None], *args: _P.args, **named: _P.kwargs
) -> tuple[Connection[Any, Any], BaseProcess]:
    """Runs `work` in a forked worker with a connection for its results and the arguments; returns the receiving end.

    Raises:
        NotImplementedError: this system has no fork; see `may_fork`.
        OSError: there are too many processes or open files, or too little memory.
    """
    if sys.platform == "win32":
        raise NotImplementedError
    context = _multiprocessing().get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, sender, args, named), daemon=True)
    try:
        with warnings.catch_warnings():
            # A progress bar can run in another thread; workers use no lock that this thread could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
    except OSError:
        receiver.close()
        raise
    finally:
        sender.close()
    return receiver, process


def start_helpers(
    count: int, work: Callable[Concatenate[Connection[Any, Any], int, _P], None], *args: _P.args, **named: _P.kwargs
) -> list[tuple[Connection[Any, Any], BaseProcess]]:
    """Runs `work` in up to `count` forked workers, each with its number: fewer, or none, if the system allows no more.

    `received` returns their results.
    """
    started: list[tuple[Connection[Any, Any], BaseProcess]] = []
    for number in range(count):
        try:
            started.append(_start_helper(work, number, *args, **named))
        except OSError:  # noqa: PERF203 - at most once
            break
    return started


def stop_helpers(helpers: Iterable[tuple[Connection[Any, Any], BaseProcess]]) -> None:
    """End workers, whatever they are doing, and close their connections."""
    for receiver, process in helpers:
        receiver.close()
        process.kill()
        process.join()


def _run(
    work: Callable[..., None], sender: Connection[Any, Any], args: tuple[object, ...], named: dict[str, object]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and stops its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    work(sender, *args, **named)
