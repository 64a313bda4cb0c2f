"""Processes that share the memory of the one that starts them: nothing is handed over, only results come back."""

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
    """Whether this system and this process can start such helpers."""
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    return forks and not multiprocessing.current_process().daemon  # such processes may have no children


def start_helper(
    work: Callable[Concatenate[Connection[Any, Any], _P], None], *args: _P.args, **named: _P.kwargs
) -> tuple[Connection[Any, Any], ForkProcess]:
    """Runs `work` in a helper: it gets where to send its results, then the arguments. Gives where they come out."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, sender, args, named), daemon=True)
    with warnings.catch_warnings():
        # A progress bar may run in a thread of ours; helpers touch nothing that thread could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sender.close()
    return receiver, process


def _run(
    work: Callable[..., None], sender: Connection[Any, Any], args: tuple[object, ...], named: dict[str, object]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its helpers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    work(sender, *args, **named)
