"""State of an earlier scan of a repository's history, so that the next scan reads only new objects.

A state contains ids of objects and fingerprints but no content: which objects were read, which had detections, and
which commits add them. It is valid only for the detectors that wrote it, and only as a whole: a state that
doesn't match, or is damaged, is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tokenaudit import detect
from tokenaudit._version import __version__
from tokenaudit.detect.plugins import source
from tokenaudit.file_access import read_regular
from tokenaudit.interfaces import Scanner

_FORMAT = "tokenaudit/history-state/4"
_ID = 20


@dataclass(frozen=True)
class HistoryState:
    """`ids` are sorted raw ids of 20 bytes each; `hits` are (type, id) of objects with detections.

    `objects` and `bytes` count everything that was read for this state, whether or not the repository still has it.
    `fingerprints` are those in each blob of `hits` that needs no second look. `commits` are the commits, of `compared`
    ones, that add a fingerprint in the blobs `attributed` to a path, parents first; None if not all commits could be
    compared. Of these, `lost` are not reachable from the refs with the digest `refs`, and `notes` only from notes. No
    commit adds the blobs `unnamed`.
    """

    ids: bytes
    hits: tuple[tuple[str, str], ...]
    objects: int = 0
    bytes: int = 0
    fingerprints: Mapping[str, frozenset[str]] = field(default_factory=dict)
    attributed: frozenset[str] = frozenset()
    commits: tuple[str, ...] | None = None
    refs: str = ""
    lost: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()
    compared: int = 0


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
        head, _, ids = read_regular(file).partition(b"\n")
        header = json.loads(head)
        body = header["state"]
        if header["format"] != _FORMAT or header["detection"] != detectors or header["sha256"] != _checksum(ids, body):
            return None
        objects, size = (int(number) for number in body["read"])
        groups = [frozenset(map(str, fingerprints)) for fingerprints in body["fingerprints"]]
        state = HistoryState(
            ids,
            tuple((str(kind), str(name)) for kind, name, _ in body["hits"]),
            objects,
            size,
            {str(name): groups[group] for _, name, group in body["hits"] if group is not None},
            frozenset(map(str, body["attributed"])),
            None if body["commits"] is None else tuple(map(str, body["commits"])),
            str(body["refs"]),
            frozenset(map(str, body["lost"])),
            frozenset(map(str, body["notes"])),
            frozenset(map(str, body["unnamed"])),
            int(body["compared"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # no valid state: everything is read
    return state if len(ids) % _ID == 0 else None


def save_state(file: Path, detectors: str, state: HistoryState) -> None:
    """Write the state atomically, readable only by its owner.

    Raises:
        OSError: the state can't be written.
    """
    groups = {fingerprints: number for number, fingerprints in enumerate(dict.fromkeys(state.fingerprints.values()))}
    number_of = {name: groups[fingerprints] for name, fingerprints in state.fingerprints.items()}
    body = {
        "hits": [[kind, name, number_of.get(name) if kind == "blob" else None] for kind, name in state.hits],
        "fingerprints": [sorted(fingerprints) for fingerprints in groups],
        "attributed": sorted(state.attributed),
        "commits": state.commits,
        "refs": state.refs,
        "lost": sorted(state.lost),
        "notes": sorted(state.notes),
        "unnamed": sorted(state.unnamed),
        "compared": state.compared,
        "read": [state.objects, state.bytes],
    }
    checksum = _checksum(state.ids, body)
    head = json.dumps({"format": _FORMAT, "detection": detectors, "sha256": checksum, "state": body})
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(head.encode() + b"\n" + state.ids)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checksum(ids: bytes, body: object) -> str:
    return hashlib.sha256(ids + json.dumps(body).encode()).hexdigest()
