"""State of an earlier scan of a repository's history, so that the next scan reads only new objects.

A state contains ids of objects and fingerprints but no content: which objects were read, which had detections, which
commits add them, and in which trees there are submodules. It is valid only for the detectors that wrote it, and only as
a whole: a state that doesn't match, or is damaged, is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tokenaudit import detect
from tokenaudit._version import __version__
from tokenaudit.detect.plugins import source
from tokenaudit.file_access import read_regular
from tokenaudit.git.objects import KnownObjects, KnownPack
from tokenaudit.interfaces import Scanner

_FORMAT = "tokenaudit/history-state/5"
_ID = 20


@dataclass(frozen=True)
class SubmoduleTrees:
    """The submodules at the tips of refs.

    `trees` are the tips that were looked at, with their tree if it has a `.gitmodules`, otherwise an empty string.
    Trees with the same number in `sets` contain the same submodules. `head` is the commit of HEAD, and `head_set` the
    number of its submodules, None if it has none.
    """

    trees: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, int] = field(default_factory=dict)
    head: str | None = None
    head_set: int | None = None


class RefTips(NamedTuple):
    """The ids that HEAD and refs outside `refs/notes/` name, and those that notes name."""

    others: frozenset[str]
    notes: frozenset[str]


@dataclass(frozen=True)
class HistoryState:
    """What is known of the objects `known`. `hits` are (type, id) of objects with detections, without those below.

    `objects` and `bytes` count everything that was read for this state, whether or not the repository still has it.
    `fingerprints` are those in each blob with detections that needs no second look. `commits` are the commits, of
    `compared` ones, that add a fingerprint in the blobs `attributed` to a path, parents first; None if not all commits
    could be compared. Of these, `lost` are not reachable from `tips`, and `notes` only from notes; None if they can be
    reachable without a ref. No commit adds the blobs `unnamed`.
    """

    known: KnownObjects = field(default_factory=KnownObjects)
    hits: tuple[tuple[str, str], ...] = ()
    objects: int = 0
    bytes: int = 0
    fingerprints: Mapping[str, frozenset[str]] = field(default_factory=dict)
    attributed: frozenset[str] = frozenset()
    commits: tuple[str, ...] | None = None
    tips: RefTips | None = None
    lost: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()
    compared: int = 0
    submodules: SubmoduleTrees | None = None


def signature(scanner: Scanner) -> str | None:
    """Return a digest of the detectors: our code, plugins and limits. None for a scanner without plugins."""
    plugins = getattr(scanner, "plugins", None)
    if plugins is None:
        return None
    digest = hashlib.sha256(__version__.encode())
    digest.update(repr(getattr(scanner, "limits", None)).encode())
    own = sorted(path for folder in detect.__path__ for path in Path(folder).rglob("*.py"))
    for path in [*own, *sorted({plugin.path for plugin in plugins})]:
        digest.update(path.name.encode() + hashlib.sha256(source(path)).digest())
    return digest.hexdigest()


def load_state(file: Path, detectors: str) -> HistoryState | None:
    """Return the state in `file` if it is intact and `detectors` is the signature of the detectors that wrote it."""
    try:
        data = read_regular(file)
        first = data.index(b"\n") + 1
        header = json.loads(data[:first])
        digest = hashlib.sha256(memoryview(data)[first:]).hexdigest()
        if header["format"] != _FORMAT or header["detection"] != detectors or header["sha256"] != digest:
            return None
        second = data.index(b"\n", first) + 1
        return _state(json.loads(data[first:second]), memoryview(data)[second:])
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error):
        return None  # no valid state: everything is read


def _state(body: dict[str, Any], columns: memoryview) -> HistoryState:
    """Return the state of `body` and the columns that follow it: ids, blobs, and the group of fingerprints of each.

    Raises:
        ValueError, KeyError, TypeError, IndexError, struct.error: it does not have the form that `save_state` writes.
    """
    first = int(body["ids"]) * _ID
    second = first + int(body["blobs"]) * _ID
    if not 0 <= first <= second <= len(columns):
        raise ValueError
    names = _split(columns[first:second].hex())
    numbers = struct.unpack(f"<{len(names)}I", columns[second:])
    groups = [frozenset(map(str, fingerprints)) for fingerprints in body["fingerprints"]]
    attributed = frozenset(map(str, body["attributed"]))
    objects, size = (int(number) for number in body["read"])
    known = KnownObjects(
        bytes(columns[:first]),
        frozenset(KnownPack(str(digest), int(stored), int(count)) for digest, stored, count in body["packs"]),
        frozenset(map(str, body["loose"])),
        bool(body["has_commits"]),
    )
    return HistoryState(
        known,
        tuple((str(kind), str(name)) for kind, name in body["hits"]),
        objects,
        size,
        dict(zip(names, map(groups.__getitem__, numbers), strict=True)),
        attributed.union(names) if body["are_blobs_attributed"] else attributed,
        None if body["commits"] is None else tuple(map(str, body["commits"])),
        None if body["tips"] is None else RefTips(*(frozenset(map(str, each)) for each in body["tips"])),
        frozenset(map(str, body["lost"])),
        frozenset(map(str, body["notes"])),
        frozenset(map(str, body["unnamed"])),
        int(body["compared"]),
        None if body["submodules"] is None else _submodules(body["submodules"]),
    )


def _submodules(found: dict[str, Any]) -> SubmoduleTrees:
    trees = {str(tip): str(tree) for tip, tree in found["trees"].items()}
    sets = {str(tree): int(number) for tree, number in found["sets"].items()}
    head = None if found["head"] is None else str(found["head"])
    return SubmoduleTrees(trees, sets, head, None if found["head_set"] is None else int(found["head_set"]))


def _split(names: str) -> list[str]:
    return [names[start : start + 2 * _ID] for start in range(0, len(names), 2 * _ID)]


def save_state(file: Path, detectors: str, state: HistoryState) -> None:
    """Write the state atomically, readable only by its owner.

    Raises:
        OSError: the state can't be written.
    """
    groups = {fingerprints: number for number, fingerprints in enumerate(dict.fromkeys(state.fingerprints.values()))}
    are_attributed = state.attributed >= state.fingerprints.keys()
    body = {
        "ids": len(state.known.ids) // _ID,
        "packs": sorted(state.known.packs),
        "loose": sorted(state.known.loose),
        "has_commits": state.known.has_commits,
        "hits": state.hits,
        "blobs": len(state.fingerprints),
        "fingerprints": [sorted(fingerprints) for fingerprints in groups],
        "are_blobs_attributed": are_attributed,
        "attributed": sorted(state.attributed - state.fingerprints.keys() if are_attributed else state.attributed),
        "commits": state.commits,
        "tips": state.tips and [sorted(each) for each in state.tips],
        "lost": sorted(state.lost),
        "notes": sorted(state.notes),
        "unnamed": sorted(state.unnamed),
        "compared": state.compared,
        "submodules": state.submodules and vars(state.submodules),
        "read": [state.objects, state.bytes],
    }
    blobs = bytes.fromhex("".join(state.fingerprints))
    numbers = struct.pack(f"<{len(state.fingerprints)}I", *map(groups.__getitem__, state.fingerprints.values()))
    rest = b"".join((json.dumps(body).encode(), b"\n", state.known.ids, blobs, numbers))
    head = {"format": _FORMAT, "detection": detectors, "sha256": hashlib.sha256(rest).hexdigest()}
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(json.dumps(head).encode() + b"\n")
            written.write(rest)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
