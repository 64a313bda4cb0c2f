"""Forked worker processes: they share the memory of the parent and only send back results."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

_P = ParamSpec("_P")


def may_fork() -> bool:
    """Whether this process can fork workers on this system."""
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    return forks and not multiprocessing.current_process().daemon  # daemonic processes can't have children


def start_helper(
    work: Callable[Concatenate[Connection[Any, Any], _P], None], *args: _P.args, **named: _P.kwargs
) -> tuple[Connection[Any, Any], ForkProcess]:
    """Runs `work` in a forked worker with a connection for its results and the arguments; returns the receiving end."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, sender, args, named), daemon=True)
    with warnings.catch_warnings():
        # A progress bar can run in another thread; workers use no lock that this thread could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sender.close()
    return receiver, process


def _run(
    work: Callable[..., None], sender: Connection[Any, Any], args: tuple[object, ...], named: dict[str, object]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and stops its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    work(sender, *args, **named)
