"""What a folder is to git, and where the parts of a repository lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tokenaudit.git.command import GitError, git

RepositoryKind: TypeAlias = Literal["worktree", "bare", "broken", "none"]
"""A working tree with its `.git`, a repository without one, one that git can't open, or no repository at all."""


@dataclass(frozen=True)
class Repository:
    """An openable repository.

    `git_dir` is its own folder, `common_dir` the one that holds objects and refs (another one in a linked worktree).
    `shallow` and `partial` repositories lack a part of their history or content by design.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    object_format: str
    shallow: bool
    partial: bool

    @property
    def objects(self) -> Path:
        """The main object folder; alternates come on top of it."""
        return self.common_dir / "objects"


def repository_kind(path: Path) -> RepositoryKind:
    """What `path` itself is; the folders above it don't count."""
    found = _git_dir(path)
    if found is None:
        return "none"
    try:
        git("rev-parse", "--git-dir", git_dir=found)
    except GitError:
        return "broken"
    return "bare" if found == path else "worktree"


def open_repository(path: Path) -> Repository:
    """The repository at `path`, a working tree's top or a bare repository.

    Raises:
        GitError: there is none, or git can't open it; says why.
    """
    found = _git_dir(path)
    if found is None:
        message = "not a git repository"
        raise GitError(message)
    answer = git(
        "rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-object-format", "--is-shallow-repository",
        git_dir=found, cwd=path,
    ).decode("utf-8", "surrogateescape")  # fmt: skip
    git_dir, common_dir, object_format, shallow = answer.splitlines()
    common = (path / common_dir).resolve()
    return Repository(
        git_dir=Path(git_dir),
        common_dir=common,
        work_tree=None if found == path else path,
        object_format=object_format,
        shallow=shallow == "true",
        partial=_is_partial(Path(git_dir), common),
    )


def _git_dir(path: Path) -> Path | None:
    try:
        inside = path / ".git"
        if inside.exists() or inside.is_symlink():
            return inside
        looks_bare = (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
    except PermissionError:
        return path / ".git"
    return path if looks_bare else None


def _is_partial(git_dir: Path, common_dir: Path) -> bool:
    settings = git("config", "--name-only", "--get-regexp", r"^remote\..*\.promisor$", git_dir=git_dir, allowed=(0, 1))
    return bool(settings.strip()) or any((common_dir / "objects" / "pack").glob("*.promisor"))
