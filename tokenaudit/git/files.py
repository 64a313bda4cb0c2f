"""Check the files of a repository before git reads them.

Git blocks on named pipes, follows includes of a configuration, and reads any file with a known name to its end. A
malicious repository can make this last forever. So the type, size and location of these files are checked first,
without opening them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from tokenaudit.file_access import kind, read_regular

_SHORT = 64 << 10
_LISTING = 16 << 20
_LONG = 512 << 20
_LARGEST = {
    "HEAD": _SHORT,
    "commondir": _SHORT,
    "gitdir": _SHORT,
    "config": _LISTING,
    "config.worktree": _LISTING,
    "shallow": _LISTING,
    "index": _LONG,
    "packed-refs": _LONG,
}
"""Files at the top of a repository that git reads, and their maximum size in bytes."""

_OTHERS_READ = re.compile(r"[A-Z_]+_HEAD|sharedindex\.[0-9a-f]+")
_INCLUDES = re.compile(rb"(?im)^[^#;]*\[\s*include")
_GITDIR = re.compile(rb"gitdir: (?P<path>[^\r\n]+)[\r\n]*\Z")
_PART = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}|[0-9a-f]{62}")
_DEEPEST = 5
_SPARSE_FROM = 1 << 30
_SPARSE = 4
_BLOCK = 512


class BrokenLinkError(Exception):
    """A `.git` file or link, or a `commondir`, does not lead to a repository; `str()` is the reason in one line."""


class Hazard(NamedTuple):
    """A file that git must not read, and the reason. `is_loss`: the audit is incomplete without it."""

    path: Path
    reason: str
    is_loss: bool = True


class Folders(NamedTuple):
    """The folders of a repository, with links resolved.

    `objects` are all object folders, including alternates; `missing` are the alternates that don't exist. `stored` is
    the size in bytes of all packs, plus 4 KiB for each loose object.
    """

    git_dir: Path
    common_dir: Path
    objects: tuple[Path, ...]
    missing: tuple[Path, ...]
    hazards: tuple[Hazard, ...]
    stored: int = 0

    def outside(self, root: Path) -> tuple[Path, ...]:
        """Return the folders outside `root`, each once."""
        top = root.resolve()
        found = dict.fromkeys((self.git_dir, self.common_dir, *self.objects))
        outside = [folder for folder in found if not folder.is_relative_to(top)]
        within = {folder for folder in outside for other in outside if folder != other and folder.is_relative_to(other)}
        return tuple(folder for folder in outside if folder not in within)


_looked: ContextVar[dict[str, Folders] | None] = ContextVar("looked", default=None)


@contextmanager
def looked_once() -> Iterator[None]:
    """Look at each repository only once while the context is entered."""
    token = _looked.set({})
    try:
        yield
    finally:
        _looked.reset(token)


def look_at(git_dir: Path) -> Folders:
    """Locate and check the folders of the repository in `git_dir` (a folder, link or `.git` file).

    Raises:
        BrokenLinkError: `git_dir` does not lead to a folder.
    """
    known = _looked.get()
    if known is None:
        return _look_at(git_dir)
    key = os.path.abspath(git_dir)  # noqa: PTH100 - links are not followed, and this is called often
    if key not in known:
        known[key] = _look_at(git_dir)
    return known[key]


def _look_at(git_dir: Path) -> Folders:
    own = _resolved(git_dir)
    hazards: list[Hazard] = []
    common = _common_dir(own, hazards)
    for folder in dict.fromkeys((own, common)):
        hazards += _top(folder)
    objects, missing, unlisted = object_folders(common / "objects")
    hazards += unlisted
    stored = sum(_objects(folder, hazards) for folder in objects)
    return Folders(own, common, tuple(objects), tuple(missing), tuple(dict.fromkeys(hazards)), stored)


def _resolved(git_dir: Path) -> Path:
    if not os.path.lexists(git_dir):
        message = "not a git repository"
        raise BrokenLinkError(message)
    try:
        mode = git_dir.stat().st_mode
        if stat.S_ISREG(mode):
            found = _GITDIR.match(read_regular(git_dir, _SHORT))
            if not found:
                message = f"{git_dir} is a file without a repository path"
                raise BrokenLinkError(message)
            named = git_dir.parent / os.fsdecode(found["path"])
            mode = named.stat().st_mode
            git_dir = named
        if stat.S_ISDIR(mode):
            return git_dir.resolve()
        message = f"{git_dir} is {kind(mode)}, not a repository"
    except (OSError, ValueError, RuntimeError) as error:
        message = f"{git_dir} is not a repository: {getattr(error, 'strerror', None) or 'path can not be resolved'}"
    raise BrokenLinkError(message)


def _common_dir(own: Path, hazards: list[Hazard]) -> Path:
    named = own / "commondir"
    if not os.path.lexists(named):
        return own
    try:
        text = os.fsdecode(read_regular(named, _SHORT)).rstrip("\r\n")
        common = (own / text).resolve()
        if text and common.is_dir():
            return common
        reason = "no folder in it"
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "path can not be resolved"
    hazards.append(Hazard(named, reason))
    return own


def _top(folder: Path) -> Iterator[Hazard]:
    yield from _named_files(folder)
    for name in ("refs", "logs", "reftable"):
        yield from _tree(_inside(folder, name), _SHORT if name == "refs" else _LONG)
    yield from _flat(_inside(folder, "info"), _LISTING)
    for worktree in _entries(_inside(folder, "worktrees")):
        if worktree.is_dir():
            yield from _named_files(worktree.path)
            for name in ("refs", "logs"):
                yield from _tree(_inside(worktree.path, name), _SHORT if name == "refs" else _LONG)


def _inside(folder: Path | str, name: str) -> str:
    return os.path.join(folder, name)  # noqa: PTH118 - this is called for every file; a `Path` takes ten times as long


def _named_files(folder: Path | str) -> Iterator[Hazard]:
    for name, most in _LARGEST.items():
        found = _hazard(_inside(folder, name), most)
        if found is None and name in {"config", "config.worktree"} and _has_includes(Path(folder, name)):
            # Included files are not part of the repository, and the configuration itself is scanned as text.
            found = Hazard(Path(folder, name), "it includes files from outside the repository", is_loss=False)
        if found:
            yield found
    for entry in _entries(folder):
        if _OTHERS_READ.fullmatch(entry.name) and (found := _hazard(entry.path, _LONG)):
            yield found


def _has_includes(config: Path) -> bool:
    try:
        return bool(_INCLUDES.search(read_regular(config, _LISTING)))
    except OSError:
        return False  # missing, or already a hazard


def _hazard(path: str, most: int | None, status: os.stat_result | None = None) -> Hazard | None:
    try:
        status = status or os.stat(path)  # noqa: PTH116 - as in `_inside`
    except OSError:
        return None  # missing or unreadable: git reports it
    if not stat.S_ISREG(status.st_mode):
        return Hazard(Path(path), f"{kind(status.st_mode)}, not a regular file")
    if most is not None and status.st_size > most:
        return Hazard(Path(path), f"larger than {most / (1 << 20):g} MiB")
    stored = getattr(status, "st_blocks", None)
    if status.st_size > _SPARSE_FROM and stored is not None and stored * _BLOCK < status.st_size // _SPARSE:
        return Hazard(Path(path), f"sparse file of {status.st_size:,} bytes")
    return None


def _tree(folder: str, most: int) -> Iterator[Hazard]:
    waiting = [folder]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not (_is_dir(entry)) and (found := _hazard(entry.path, most)):
                yield found


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _flat(folder: str, most: int | None) -> Iterator[Hazard]:
    for entry in _entries(folder):
        if not _is_dir(entry) and (found := _hazard(entry.path, most)):
            yield found


def _objects(folder: Path, hazards: list[Hazard]) -> int:
    """Add the hazards in an object folder to `hazards`; return the stored bytes, as in `Folders`."""
    hazards += _flat(_inside(folder, "info"), None)
    hazards += _flat(_inside(folder, "info/commit-graphs"), None)
    stored = 0
    for entry in _entries(_inside(folder, "pack")):
        try:
            status = entry.stat()
        except OSError:
            continue  # missing or unreadable: git reports it
        stored += min(status.st_size, getattr(status, "st_blocks", status.st_size) * _BLOCK)
        if not stat.S_ISDIR(status.st_mode) and (found := _hazard(entry.path, None, status)):
            hazards.append(found)
    for part in _entries(folder):
        if _PART.fullmatch(part.name):
            # There can be many loose objects, so only their types are checked, from the directory listing.
            loose, others = _counted(part.path)
            stored += loose * _PER_LOOSE
            hazards += filter(None, (_hazard(other, None) for other in others))
    return stored


_PER_LOOSE = 4 << 10


def _counted(folder: str) -> tuple[int, list[str]]:
    """Return the number of files in a folder of loose objects, and those with the name of one that are none, sorted."""
    try:
        with os.scandir(folder) as entries:
            listed = [entry.path if not entry.is_file(follow_symlinks=False) else "" for entry in entries]
    except OSError:
        return 0, []  # missing, unreadable or not a folder: git and the object readers report it
    others = (path for path in filter(None, listed) if _LOOSE.fullmatch(os.path.basename(path)))  # noqa: PTH119 - a name
    return len(listed), sorted(others)


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # missing, unreadable or not a folder: git and the object readers report it


def pack_files(objects: Path, suffix: str) -> list[Path]:
    """Return the files in the `pack` folder of an object folder whose names end with `suffix`, sorted.

    A missing folder has none. `Path.glob` is not used, because in newer Pythons a folder that can't be listed has none
    either.

    Raises:
        OSError: the folder can't be listed.
    """
    try:
        with os.scandir(objects / "pack") as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.endswith(suffix))
    except (FileNotFoundError, NotADirectoryError):
        return []


def object_folders(main: Path) -> tuple[list[Path], list[Path], list[Hazard]]:
    """Return `main` and its direct and indirect alternates, each once; missing alternates; invalid alternates files."""
    found: list[Path] = []
    missing: list[Path] = []
    hazards: list[Hazard] = []
    waiting = [(main, 0)]
    while waiting:
        named, depth = waiting.pop(0)
        try:
            folder = named.resolve()
        except (OSError, RuntimeError, ValueError):
            missing.append(named)
            continue
        if folder in found:
            continue
        if not folder.is_dir():
            missing.append(folder)
            continue
        found.append(folder)
        listing = folder / "info" / "alternates"
        if not os.path.lexists(listing) or depth > _DEEPEST:
            continue
        try:
            lines = os.fsdecode(read_regular(listing, _LISTING)).splitlines()
        except OSError as error:
            hazards.append(Hazard(listing, error.strerror or "can't be read"))
            continue
        waiting += [(folder / line, depth + 1) for line in lines if line and not line.startswith("#")]
    return found, missing, hazards
