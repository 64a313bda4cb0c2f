"""Build a safe copy of a repository that contains files which git must not read.

Refs, reflogs and small files are copied, indexes and objects are linked, hazards are omitted. The configuration is
rewritten from the few settings that define the repository format.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeAlias

from tokenaudit.file_access import read_regular
from tokenaudit.git.command import GitError, git
from tokenaudit.git.files import Folders
from tokenaudit.git.tempdir import scratch_folder

_COPIED = 16 << 20
_ALLOWED_SETTINGS = re.compile(
    r"core\.repositoryformatversion|core\.bare|extensions\.(?:objectformat|refstorage|partialclone)|"
    r"remote\..*\.(?:url|promisor|partialclonefilter)"
)
_FILES = ("HEAD", "packed-refs", "shallow", "index")
_FOLDERS = ("refs", "logs", "info", "reftable")
_LONG_ID = re.compile(rb"(?m)^[0-9a-f]{64}\b")
_PART = re.compile(r"[0-9a-f]{2}")
_State: TypeAlias = "dict[Path, tuple[int, int]]"
_made: dict[Path, tuple[_State, Path]] = {}
_lock = threading.Lock()
_exit_stack = ExitStack()
atexit.register(_exit_stack.close)


def substitute(folders: Folders) -> Path:
    """Return a bare repository that git can read. It is created again when the original changes, and removed at exit.

    Raises:
        GitError: the repository can't be created.
    """
    with _lock:
        try:
            state = _state(folders)
            before, made = _made.get(folders.git_dir, (None, Path()))
            if before != state:
                made = _exit_stack.enter_context(scratch_folder("repository")) / "repository.git"
                _fill(made, folders)
                _made[folders.git_dir] = state, made
        except OSError as error:
            message = f"unsafe git configuration, and a copy without it can't be created: {error.strerror}"
            raise GitError(message) from error
        return made


def _state(folders: Folders) -> _State:
    """Return what changes whenever something that `_fill` copies or links is added, removed or written."""
    found: _State = {}
    for path in _sources(folders):
        with suppress(OSError):  # missing
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _sources(folders: Folders) -> Iterator[Path]:
    for folder in dict.fromkeys((folders.common_dir, folders.git_dir)):
        yield from (folder / name for name in ("config", "worktrees", *_FILES))
        yield from folder.glob("sharedindex.*")
        yield from folder.glob("worktrees/*/HEAD")
        for name in _FOLDERS:
            for parent, _, names in os.walk(folder / name, onerror=_unlisted):
                yield from (Path(parent, name) for name in names)
    for objects in folders.objects:
        with suppress(OSError):  # reported when its objects are read
            yield from (part for part in objects.iterdir() if part.name == "pack" or _PART.fullmatch(part.name))


def _fill(made: Path, folders: Folders) -> None:
    bad = frozenset(hazard.path for hazard in folders.hazards)
    for name in ("refs", "objects/info", "objects/pack"):
        (made / name).mkdir(parents=True)
    for folder in dict.fromkeys((folders.common_dir, folders.git_dir)):
        for name in _FILES:
            _take(folder / name, made / name, bad)
        for shared in folder.glob("sharedindex.*"):
            _take(shared, made / shared.name, bad)
        for name in _FOLDERS:
            _take_folder(folder / name, made / name, bad)
    if not (made / "HEAD").exists():
        (made / "HEAD").write_bytes(b"ref: refs/heads/HEAD-could-not-be-read\n")
    _take_worktrees(folders.common_dir / "worktrees", made / "refs" / "worktree-heads", bad)
    _write_config(made, folders)
    _link_objects(made / "objects", folders.objects, bad)


def _take(source: Path, target: Path, bad: frozenset[Path]) -> None:
    """Copy a small file or link a large one; skip files that are missing, unreadable or hazards."""
    if source in bad:
        return
    try:
        status = source.stat()
        if not stat.S_ISREG(status.st_mode):
            return
        target.unlink(missing_ok=True)
        if status.st_size > _COPIED:
            _link(target, source.resolve())
        else:
            target.write_bytes(read_regular(source, _COPIED))
    except FileNotFoundError:
        return


def _take_folder(source: Path, target: Path, bad: frozenset[Path]) -> None:
    for parent, _, names in os.walk(source, onerror=_unlisted):
        inside = target / Path(parent).relative_to(source)
        inside.mkdir(parents=True, exist_ok=True)
        for name in names:
            _take(Path(parent, name), inside / name, bad)


def _unlisted(error: OSError) -> None:
    """Raise `error` unless the folder is missing: a ref that can't be listed is not a ref that doesn't exist."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _take_worktrees(source: Path, target: Path, bad: frozenset[Path]) -> None:
    """Create refs for the HEADs of other working trees, so that their commits are reachable."""
    for number, head in enumerate(sorted(source.glob("*/HEAD"))):
        if head in bad:
            continue
        text = read_regular(head).strip()
        if not text.startswith(b"ref:"):
            target.mkdir(parents=True, exist_ok=True)
            (target / str(number)).write_bytes(text + b"\n")


def _write_config(made: Path, folders: Folders) -> None:
    config = folders.common_dir / "config"
    settings: dict[str, str] = {}
    unreadable = any(hazard.path == config and hazard.is_loss for hazard in folders.hazards)
    if not unreadable and config.exists():
        copy = made / "config.copy"
        copy.write_bytes(read_regular(config, _COPIED))
        listing = git("config", "--no-includes", "--file", copy, "--list", "-z", allowed=(0, 1, 128))
        copy.unlink()
        for entry in listing.decode("utf-8", "surrogateescape").split("\0"):
            key, _, value = entry.partition("\n")
            if _ALLOWED_SETTINGS.fullmatch(key):
                settings[key] = value
    elif _has_long_ids(made):
        settings = {"core.repositoryformatversion": "1", "extensions.objectformat": "sha256"}
    settings["core.bare"] = "true"
    for key, value in {"core.repositoryformatversion": "0", **settings}.items():
        git("config", "--file", made / "config", key, value)


def _has_long_ids(made: Path) -> bool:
    files = [made / "packed-refs", made / "HEAD", *(made / "refs").rglob("*")]
    return any(file.is_file() and _LONG_ID.search(file.read_bytes()[:_COPIED]) for file in files)


def _link_objects(target: Path, sources: Iterable[Path], bad: frozenset[Path]) -> None:
    """Link each object file separately, because the folders can contain hazards."""
    for folder in sources:
        for file in _object_files(folder):
            link = target / file.relative_to(folder)
            if file not in bad and not os.path.lexists(link):
                link.parent.mkdir(exist_ok=True)
                _link(link, file)


def _link(link: Path, file: Path) -> None:
    """Make a symbolic link, or a copy where the system does not allow links, as Windows by default."""
    try:
        link.symlink_to(file)
    except PermissionError:
        raise
    except OSError:
        shutil.copyfile(file, link)


def _object_files(folder: Path) -> Iterator[Path]:
    for part in sorted(folder.iterdir()):
        if (part.name == "pack" or _PART.fullmatch(part.name)) and part.is_dir():
            yield from sorted(part.iterdir())
