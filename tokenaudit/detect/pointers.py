"""Pointer files, which contain only a reference to content stored elsewhere.

Formats: the Git LFS specification (`docs/spec.md` of git-lfs), xet-core's pointer files, git-annex's "pointer file" and
"key format" pages, git-fat's README, and DVC's user guide on `.dvc` and `dvc.lock` files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tokenaudit.interfaces import Pointer

_LARGEST = 1 << 20
_LFS = re.compile(
    rb"version https://(?:git-lfs|hawser)\.github\.com/spec/v[0-9]+\r?\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:(?P<key>[0-9a-f]{64})\r?\nsize (?P<size>[0-9]+)\s*\Z"
)
_XET = re.compile(rb"# xet version [^\n]*\n")
_XET_HASH = re.compile(rb"^hash = ['\"](?P<key>[0-9a-f]+)['\"]", re.MULTILINE)
_XET_SIZE = re.compile(rb"^filesize = (?P<size>[0-9]+)", re.MULTILINE)
_ANNEX_KEY = rb"(?P<key>[A-Z0-9_]+(?:-[sSmC][0-9]+)*--[^/\n]+)"
_ANNEX_FILE = re.compile(rb"/annex/objects/" + _ANNEX_KEY + rb"(?:\n|\Z)")
_ANNEX_LINK = re.compile(rb"(?:[^\n]*/)?annex/objects/[^\n]+/" + _ANNEX_KEY + rb"\Z")
_ANNEX_SIZE = re.compile(rb"-s(?P<size>[0-9]+)")
_FAT = re.compile(rb"#\$# git-fat (?P<key>[0-9a-f]{40}) +(?P<size>[0-9]+)\s*\Z")
_DVC = re.compile(rb"^[ \t]*outs:\r?\n *- (?:md5|etag|checksum|path|hash): ", re.MULTILINE)
_DVC_SUMS = ("md5", "etag", "checksum")


def read_pointers(data: bytes) -> tuple[Pointer, ...]:
    """Return the pointers in `data`, a whole file or the target of a link; empty if `data` is not a pointer file."""
    if len(data) > _LARGEST:
        return ()
    for read in _READERS:
        if found := tuple(read(data)):
            return found
    return ()


def _lfs(data: bytes) -> Iterator[Pointer]:
    if found := _LFS.match(data):
        yield Pointer("git-lfs", found["key"].decode(), int(found["size"]))


def _xet(data: bytes) -> Iterator[Pointer]:
    key, size = _XET_HASH.search(data), _XET_SIZE.search(data)
    if _XET.match(data) and key:
        yield Pointer("xet", key["key"].decode(), int(size["size"]) if size else None)


def _annex(data: bytes) -> Iterator[Pointer]:
    found = _ANNEX_FILE.match(data) or _ANNEX_LINK.match(data)
    if found:
        size = _ANNEX_SIZE.search(found["key"].split(b"--")[0])
        yield Pointer("git-annex", found["key"].decode("utf-8", "replace"), int(size["size"]) if size else None)


def _fat(data: bytes) -> Iterator[Pointer]:
    if found := _FAT.match(data):
        yield Pointer("git-fat", found["key"].decode(), int(found["size"]))


def _dvc(data: bytes) -> Iterator[Pointer]:
    if not _DVC.search(data):
        return
    import yaml  # noqa: PLC0415 - slow to import, needed for DVC only

    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # YAML of another kind, not a valid DVC file
    if not isinstance(document, dict):
        return
    stages = document.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else [document]:
        outs = stage.get("outs") if isinstance(stage, dict) else None
        for out in outs if isinstance(outs, list) else ():
            yield from _dvc_out(out, document.get("wdir"))


def _dvc_out(out: Any, folder: object) -> Iterator[Pointer]:  # noqa: ANN401 - any YAML
    if not isinstance(out, dict) or not isinstance(out.get("path"), str) or out.get("cache") is False:
        return
    key = next((str(out[name]) for name in _DVC_SUMS if out.get(name)), None)
    if key is not None:
        size = out.get("size")
        path = f"{folder}/{out['path']}" if isinstance(folder, str) else out["path"]
        yield Pointer("dvc", key, size if isinstance(size, int) else None, path)


_READERS: tuple[Callable[[bytes], Iterator[Pointer]], ...] = (_lfs, _xet, _annex, _fat, _dvc)
