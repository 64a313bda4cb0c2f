"""Inflating many objects of a pack as they stand there: whole ones whole, the others as the deltas they are."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING
from zlib import decompress
from zlib import error as zlib_error

import numpy as np
from deflate import DeflateError, zlib_decompress

from tokenaudit.git.pack.forest import Forest
from tokenaudit.git.pack.headers import Ints
from tokenaudit.git.pack.index import PackError, PackIndex
from tokenaudit.git.pack.walk import TINY
from tokenaudit.processes import may_fork, start_helper

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_WORTH_A_PROCESS = 20_000
"""Objects for which another process is worth starting."""


def inflate(index: PackIndex, forest: Forest, nodes: Ints, jobs: int = 1) -> bytes:
    """The inflated content of the objects at `nodes`, one behind the other, each as long as its header says.

    Raises:
        PackError: one of them is damaged.
    """
    parts = max(1, min(jobs, len(nodes) // _WORTH_A_PROCESS)) if may_fork() else 1
    first, *others = np.array_split(nodes, parts)
    helpers = [start_helper(_help, index, forest, part) for part in others]
    try:
        found = [_inflated(index, forest, first)]
        found += [_received(receiver, index, forest, part) for (receiver, _), part in zip(helpers, others, strict=True)]
    finally:
        for receiver, process in helpers:
            process.kill()
            process.join()
            receiver.close()
    return b"".join(found)


def _inflated(index: PackIndex, forest: Forest, nodes: Ints) -> bytes:
    bodies = forest.headers.bodies[nodes]
    ends = (bodies + forest.lengths[nodes]).tolist()
    sizes = forest.headers.sizes[nodes].tolist()
    with index.pack.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            found = b"".join(
                [
                    decompress(view[start:end]) if end - start < TINY else zlib_decompress(view[start:end], size or 1)
                    for start, end, size in zip(bodies.tolist(), ends, sizes, strict=True)
                ]
            )
        except (DeflateError, zlib_error, MemoryError, OverflowError, ValueError):
            found = b""
        finally:
            view.release()
    if len(found) != sum(sizes):
        message = "one of its objects is damaged"
        raise PackError(message)
    return found


def _help(sender: Connection[bytes, object], index: PackIndex, forest: Forest, nodes: Ints) -> None:
    sender.send_bytes(_inflated(index, forest, nodes))


def _received(receiver: Connection[object, bytes], index: PackIndex, forest: Forest, nodes: Ints) -> bytes:
    """What a helper found; where it died, the work is done here, and says what is wrong."""
    try:
        return receiver.recv_bytes()
    except EOFError:
        return _inflated(index, forest, nodes)
