"""Determine the kind of a repository, and locate its folders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from tokenaudit.file_access import read_regular
from tokenaudit.git.command import GitError, git
from tokenaudit.git.files import BrokenLinkError, Folders, Hazard, look_at, looked_once, pack_files
from tokenaudit.git.plain import plain_index, plain_refs
from tokenaudit.git.substitute import substitute

RepositoryKind: TypeAlias = Literal["worktree", "bare", "broken", "none"]
"""A working tree with its `.git`, a bare repository, a bare repository that git can't open, or no repository."""


@dataclass(frozen=True)
class Repository:
    """A repository that git can open.

    `git_dir` is passed to git: the repository's own folder, or a substitute if that contains `hazards`, files that git
    must not read. `common_dir` contains objects and refs (a different folder in a linked worktree). `shallow` and
    `partial` repositories lack a part of their history or content by design. `outside` are folders that are read but
    not inside the opened folder. `head` is the commit that HEAD names, if any. `refs` are the ids by full name.
    `remotes` are the URLs of the remotes by name, as the configuration contains them: untrusted, possibly with
    passwords.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    object_format: str
    shallow: bool
    partial: bool
    hazards: tuple[Hazard, ...] = ()
    outside: tuple[Path, ...] = ()
    head: str | None = None
    refs: Mapping[str, str] = field(default_factory=dict, repr=False)
    remotes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def objects(self) -> Path:
        """The main object folder, without alternates."""
        return self.common_dir / "objects"


def repository_kind(path: Path) -> RepositoryKind:
    """Return the kind of `path` itself, ignoring its parent folders."""
    found = _git_dir(path)
    if found is None:
        return "none"
    if found != path:
        return "worktree"
    try:
        open_repository(path)
    except GitError:
        return "broken"
    return "bare"


SMALL_REPOSITORY = 4 << 20
"""Bytes of packs below which git is faster than importing the pack reader."""

_SMALL_INDEX = 256 << 10
_LARGEST_INDEX = 1 << 20
"""Bytes of an index above which git lists it faster."""

_FEW_LOOSE = 8
"""Maximum loose objects in one of the 256 folders."""


def is_small(path: Path) -> bool:
    """Return whether the repository at `path` seems to take less than about 0.1 seconds to read."""
    folder = _git_dir(path)
    if folder is None:
        return False
    try:
        with os.scandir(folder / "objects" / "pack") as packs:
            if sum(pack.stat().st_size for pack in packs) > SMALL_REPOSITORY:
                return False
        if os.path.lexists(folder / "objects" / "info" / "alternates"):
            return False  # what it borrows can be large
        index, loose = folder / "index", folder / "objects" / "17"
        if loose.exists() and sum(1 for _ in loose.iterdir()) > _FEW_LOOSE:
            return False
        return not index.exists() or index.stat().st_size <= _SMALL_INDEX
    except OSError:
        return False  # also a linked working tree


def safe_git_dir(git_dir: Path) -> Path:
    """Return the folder to pass to git for `git_dir`: itself, or a substitute if it contains files git must not read.

    Raises:
        GitError: `git_dir` does not lead to a repository, or a substitute can't be created.
    """
    return _safe(_looked_at(git_dir), git_dir)


def enclosing_git_dir(path: Path) -> Path | None:
    """Return the git directory of the repository that contains `path`, as git finds it; None if there is none."""
    absolute = path.absolute()
    return next((found for each in (absolute, *absolute.parents) if (found := _git_dir(each)) is not None), None)


def real_git_dir(git_dir: Path) -> Path:
    """Return the folder that `git_dir`, which can be a link or a file, leads to.

    Raises:
        GitError: it does not lead to a folder.
    """
    return _looked_at(git_dir).git_dir


def _looked_at(git_dir: Path) -> Folders:
    try:
        return look_at(git_dir)
    except BrokenLinkError as error:
        raise GitError(str(error)) from error


def _safe(folders: Folders, git_dir: Path) -> Path:
    if not folders.hazards:
        return git_dir
    return substitute(folders)


def index_of_hook(path: Path) -> bool:
    """Return whether `GIT_INDEX_FILE` in the environment belongs to this repository, rather than to an outer one."""
    named = os.environ.get("GIT_INDEX_FILE")
    if not named:
        return False
    return (path / named).resolve().parent == real_git_dir(path / ".git")


_opened: ContextVar[dict[Path, Repository] | None] = ContextVar("opened", default=None)
_staged: ContextVar[dict[Path, bytes] | None] = ContextVar("staged", default=None)
_files: ContextVar[dict[Path, bytes] | None] = ContextVar("files", default=None)


@contextmanager
def opened_once() -> Iterator[None]:
    """Open each repository only once while the context is entered.

    All sources read the same HEAD, refs, configuration and index.
    """
    opened, staged, files = _opened.set({}), _staged.set({}), _files.set({})
    try:
        with looked_once():
            yield
    finally:
        _opened.reset(opened)
        _staged.reset(staged)
        _files.reset(files)


def staged_files(git_dir: Path, work_tree: Path | None) -> bytes:
    """Return the index as `git ls-files --stage -t -z` prints it.

    Raises:
        GitError: git can't read it.
    """

    def listed() -> bytes:
        plain = plain_index(git_dir, _LARGEST_INDEX)
        return git("ls-files", "--stage", "-t", "-z", git_dir=git_dir, cwd=work_tree) if plain is None else plain

    return _listed_once(_staged, git_dir, listed)


def files_of_head(git_dir: Path) -> bytes:
    """Return the tree of HEAD as `git ls-tree -r -z --full-tree` prints it.

    Raises:
        GitError: HEAD is unborn, or git can't read it.
    """
    return _listed_once(_files, git_dir, lambda: git("ls-tree", "-r", "-z", "--full-tree", "HEAD", git_dir=git_dir))


def _listed_once(listings: ContextVar[dict[Path, bytes] | None], git_dir: Path, listed: Callable[[], bytes]) -> bytes:
    """Return what `listed` returns, called once for each `git_dir` within `opened_once`."""
    known = listings.get()
    if known is None:
        return listed()
    key = git_dir.absolute()
    if key not in known:
        known[key] = listed()
    return known[key]


def open_repository(path: Path) -> Repository:
    """Open the repository at `path`, the top of a working tree or a bare repository.

    Raises:
        GitError: there is no repository, or git can't open it.
    """
    known = _opened.get()
    if known is None:
        return _open(path)
    if path not in known:
        known[path] = _open(path)
    return known[path]


def _open(path: Path) -> Repository:
    found = _git_dir(path)
    if found is None:
        message = "not a git repository"
        raise GitError(message)
    folders = _looked_at(found)
    plain = plain_refs(folders)
    if plain is not None:
        return Repository(
            git_dir=folders.git_dir,
            common_dir=folders.common_dir,
            work_tree=None if found == path else path,
            object_format="sha1",
            shallow=False,
            partial=_has_promisor_packs(folders),
            outside=folders.outside(path),
            head=plain.head,
            refs=plain.refs,
            remotes=plain.remotes,
        )
    safe = _safe(folders, found)
    warnings = bytearray()
    answer = git(
        "rev-parse", "--absolute-git-dir", "--show-object-format", "--is-shallow-repository", "--revs-only", "HEAD",
        "--all", "--symbolic", "--all", git_dir=safe, warnings=warnings,
    ).decode("utf-8", "surrogateescape")  # fmt: skip
    git_dir, object_format, shallow, *listed = answer.split("\n")[:-1]
    names = [name for name in listed if name.startswith("refs/")]
    ids = listed[: len(listed) - len(names)]
    head = ids.pop(0) if ids else None
    # Without HEAD git takes the other arguments for files.
    refs = dict(zip(names, ids, strict=True)) if head and not warnings else _refs(safe)
    promisor, remotes = _remotes(Path(git_dir), Path(git_dir) if folders.hazards else folders.common_dir)
    return Repository(
        git_dir=Path(git_dir),
        common_dir=folders.common_dir,
        work_tree=None if found == path else path,
        object_format=object_format,
        shallow=shallow == "true",
        partial=promisor or _has_promisor_packs(folders),
        hazards=folders.hazards,
        outside=folders.outside(path),
        head=head,
        refs=refs,
        remotes=remotes,
    )


def _has_promisor_packs(folders: Folders) -> bool:
    try:
        return bool(pack_files(folders.common_dir / "objects", ".promisor"))
    except OSError:
        return False  # reported when its objects are listed


def _git_dir(path: Path) -> Path | None:
    try:
        inside = path / ".git"
        if inside.exists() or inside.is_symlink():
            return inside
        looks_bare = (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
    except PermissionError:
        return path / ".git"
    return path if looks_bare else None


def _refs(git_dir: Path) -> dict[str, str]:
    """Return all refs. `git rev-parse` leaves out those whose object is missing, with a warning."""
    listing = git("for-each-ref", "--format=%(objectname) %(refname)", git_dir=git_dir)
    rows = (line.split(" ", 1) for line in listing.decode("utf-8", "surrogateescape").split("\n")[:-1])
    return {name: identity for identity, name in rows}


_REMOTE = re.compile(rb"remote|worktreeconfig", re.IGNORECASE)
_LARGEST_CONFIG = 16 << 20


def _remotes(git_dir: Path, common_dir: Path) -> tuple[bool, dict[str, str]]:
    """Return whether the configuration has a promisor remote, and the first URL of each remote.

    git is asked only if the text contains the name of such a section, which can't be escaped.
    """
    try:
        if not _REMOTE.search(read_regular(common_dir / "config", _LARGEST_CONFIG)):
            return False, {}
    except FileNotFoundError:
        return False, {}
    except OSError as error:
        message = f"{common_dir / 'config'} can't be read: {error.strerror}"
        raise GitError(message) from error
    settings = git("config", "-z", "--get-regexp", r"^remote\..*\.(promisor|url)$", git_dir=git_dir, allowed=(0, 1))
    promisor = False
    remotes: dict[str, str] = {}
    for entry in filter(None, settings.decode("utf-8", "surrogateescape").split("\0")):
        key, _, value = entry.partition("\n")
        name, _, setting = key.removeprefix("remote.").rpartition(".")
        if setting == "url":
            remotes.setdefault(name, value)
        else:
            promisor = True
    return promisor, remotes
