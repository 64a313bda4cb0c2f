"""Content stored elsewhere: files behind pointers, read if the repository has the content.

Missing content is reported with the command that fetches it.
"""

from __future__ import annotations

import glob
import json
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tokenaudit.git.command import GitError
from tokenaudit.git.layout import open_repository
from tokenaudit.interfaces import Detection, Pointer, Scanner
from tokenaudit.model import Skipped
from tokenaudit.sources.local.file_reader import Unreadable
from tokenaudit.sources.local.parallel import examine_file
from tokenaudit.text import count, size

_MOST_NAMED = 20


class _System(NamedTuple):
    """`fetch` is the command for one path (`{}`), `fetch_all` that for every revision."""

    name: str
    fetch: str
    fetch_all: str


_SYSTEMS = {
    "git-lfs": _System("Git LFS", "git lfs pull --include {}", "git lfs fetch --all"),
    "xet": _System("Xet", "git xet materialize {}", "clone it again without --lazy"),
    "git-annex": _System("git-annex", "git annex get {}", "git annex get --all"),
    "git-fat": _System("git-fat", "git fat pull", "git fat pull"),
    "dvc": _System("DVC", "dvc pull {}", "dvc fetch --all-commits"),
}


class Behind(NamedTuple):
    """Content behind pointers: detections, skipped content, and the pointers without content."""

    detections: tuple[Detection, ...] = ()
    skipped: tuple[str, ...] = ()
    missing: tuple[Pointer, ...] = ()


class PointerContents:
    """The stores of the repository that contains `path` (a folder or file); none outside a repository."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def scan(self, pointers: Iterable[Pointer], scanner: Scanner) -> Behind:
        """Scan the content of each pointer whose content is available. Detections are `via` the pointer's system."""
        detections: list[Detection] = []
        skipped: list[str] = []
        missing: list[Pointer] = []
        for pointer in pointers:
            files = self._files(pointer)
            if files is None:
                missing.append(pointer)
                continue
            for file in files:
                try:
                    seen, _ = examine_file(os.fspath(file), scanner)
                except Unreadable as error:
                    skipped.append(f"the content of its {_SYSTEMS[pointer.system].name} pointer {error.reason}")
                    continue
                detections += [replace(each, via=(pointer.system, *each.via)) for each in seen.detections]
                skipped += seen.skipped
        return Behind(tuple(dict.fromkeys(detections)), tuple(dict.fromkeys(skipped)), tuple(missing))

    def _files(self, pointer: Pointer) -> Sequence[Path] | None:
        """Return the files with the content; None if it is not available, or only in part."""
        if pointer.system == "dvc":
            return self._dvc_files(pointer.key)
        found = [file for folder in self._git_folders for file in _stored(folder, pointer) if file.is_file()]
        return found[:1] or None

    def _dvc_files(self, key: str) -> Sequence[Path] | None:
        for folder in self._dvc_caches:
            file = folder / key[:2] / key[2:]
            if not file.is_file():
                continue
            if not key.endswith(".dir"):
                return [file]
            inside = [folder / each[:2] / each[2:] for each in _directory(file)]
            return inside if all(each.is_file() for each in inside) else None
        return None

    @cached_property
    def _git_folders(self) -> list[Path]:
        if self._repository is None:
            return []
        try:
            opened = open_repository(self._repository)
        except GitError:
            return []
        return list(dict.fromkeys((opened.common_dir, opened.git_dir)))

    @cached_property
    def _dvc_caches(self) -> list[Path]:
        cache = self._dvc_root / ".dvc" / "cache" if self._dvc_root else None
        return [cache / "files" / "md5", cache] if cache else []

    @cached_property
    def _repository(self) -> Path | None:
        whole = self._path.resolve()
        if (whole / "objects").is_dir() and (whole / "HEAD").is_file():
            return whole
        return next((parent for parent in (whole, *whole.parents) if (parent / ".git").exists()), None)

    @cached_property
    def _dvc_root(self) -> Path | None:
        whole = self._path.resolve()
        return next((parent for parent in (whole, *whole.parents) if (parent / ".dvc").is_dir()), None)


def _stored(folder: Path, pointer: Pointer) -> Iterator[Path]:
    key = pointer.key
    if pointer.system == "git-lfs":
        yield folder / "lfs" / "objects" / key[:2] / key[2:4] / key
    elif pointer.system == "git-fat":
        yield folder / "fat" / "objects" / key
    elif pointer.system == "git-annex":
        name = glob.escape(key)  # the two parent folders derive from its MD5, in two ways
        yield from (folder / "annex" / "objects").glob(f"*/*/{name}/{name}")


def _directory(manifest: Path) -> list[str]:
    """Return the keys of the files in a folder that DVC stores."""
    try:
        listing = json.loads(manifest.read_bytes())
        return [str(entry["md5"]) for entry in listing]
    except (OSError, ValueError, KeyError, TypeError):
        return [manifest.name]  # it names no available file


def without_content(target: str, missing: Sequence[tuple[str, Pointer]]) -> Iterator[Skipped]:
    """Yield one line for each (path, pointer), up to twenty, then one for the others of each system."""
    for path, pointer in missing[:_MOST_NAMED]:
        system = _SYSTEMS[pointer.system]
        of = f" to {size(pointer.size)}" if pointer.size is not None else ""
        command = system.fetch.format(shlex.quote(path))
        yield Skipped(f"{target}: {path}", f"{system.name} pointer without content{of}; fetch with: {command}")
    yield from _summed(target, "more", [pointer for _, pointer in missing[_MOST_NAMED:]], "fetch")


def without_content_in_history(target: str, missing: Iterable[Pointer]) -> Iterator[Skipped]:
    """Yield one line for each system."""
    yield from _summed(target, "in its history", list(dict.fromkeys(missing)), "fetch_all")


def _summed(target: str, what: str, pointers: Sequence[Pointer], command: str) -> Iterator[Skipped]:
    for name, system in _SYSTEMS.items():
        ours = [pointer for pointer in pointers if pointer.system == name]
        if ours:
            total = size(sum(pointer.size or 0 for pointer in ours))
            how = str(getattr(system, command)).replace(" --include {}", "").replace(" {}", "")
            verb = "has" if len(ours) == 1 else "have"
            reason = f"{count(len(ours), f'{system.name} pointer')} {what} {verb} no content here ({total})"
            yield Skipped(target, f"{reason}; fetch with: {how}")
