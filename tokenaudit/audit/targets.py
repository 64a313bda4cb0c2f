"""From what a user types as TARGET to the places to read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from tokenaudit.errors import UsageError
from tokenaudit.interfaces import Finding, Progress, ScanContext, Source
from tokenaudit.model import Skipped
from tokenaudit.text import did_you_mean

Part: TypeAlias = Literal["history", "tree", "ci"]
_LONGEST_LINK = 10_000
PARTS: tuple[Part, ...] = ("history", "tree", "ci")


def parts(only: str, skip: str) -> tuple[Part, ...]:
    """The parts that `--only` and `--skip` (comma-separated names) leave.

    Raises:
        UsageError: a name is none of history, tree, ci, or nothing is left to read.
    """
    wanted = _named("--only", only) or set(PARTS)
    left = tuple(part for part in PARTS if part in wanted - _named("--skip", skip))
    if not left:
        message = "--only and --skip together leave nothing to read"
        raise UsageError(message)
    return left


def _named(option: str, names: str) -> set[str]:
    found = {name.strip() for name in names.split(",") if name.strip()}
    for name in sorted(found - set(PARTS)):
        hint = did_you_mean(name, PARTS) or f"; choose from {', '.join(PARTS)}"
        message = f"{option} {name}: no such part{hint}"
        raise UsageError(message)
    return found


@dataclass(frozen=True)
class Scope:
    """Which parts of a repository to read.

    `since` limits the scan to what the commits of `until` that this revision has not bring in, `staged` to what the
    index holds and HEAD does not; either leaves the working tree and the rest of the history alone. `secret_names` are
    further names under which CI keeps a Hugging Face credential. CI configuration is also read at the tips of `ci_refs`
    (`*`: of every ref), and judged by zizmor too if asked.
    """

    parts: Collection[Part] = PARTS
    since: str | None = None
    until: str = "HEAD"
    staged: bool = False
    secret_names: Sequence[str] = ()
    ci_refs: Sequence[str] = ()
    zizmor: bool = False


@contextmanager
def resolved(targets: Sequence[str], scope: Scope, progress: Progress) -> Iterator[list[Source]]:
    """The sources of all `targets`, cloned for as long as the context lasts where they are URLs.

    Raises:
        UsageError: a target doesn't exist, isn't a repository where one is needed, or is a URL that is refused.
    """
    from tokenaudit.git.clone import is_clone_url  # noqa: PLC0415 - keeps the module light for its types

    _check(scope)
    with ExitStack() as stack:
        sources: list[Source] = []
        seen: set[str] = set()
        for target in targets:
            is_url = is_clone_url(target)
            place = target if is_url else os.path.realpath(target)
            if place not in seen:
                seen.add(place)
                sources += _of_url(target, scope, progress, stack) if is_url else _of_path(target, scope, progress)
        yield sources


def _check(scope: Scope) -> None:
    """Refuses what contradicts itself or would have no effect."""
    if scope.staged and scope.since:
        message = "--staged and --since are two different questions: ask one at a time"
        raise UsageError(message)
    of_ci = {"--secret-name": scope.secret_names, "--ci-ref": scope.ci_refs, "--zizmor": scope.zizmor}
    for option, given in of_ci.items():
        if given and "ci" not in scope.parts:
            message = f"{option} concerns CI configuration, and --only or --skip leaves that out"
            raise UsageError(message)
        if given and (scope.staged or scope.since) and option != "--secret-name":
            message = f"{option} reads whole configurations, and {'--staged' if scope.staged else '--since'} a change"
            raise UsageError(message)


def scanned_places(targets: Sequence[str]) -> list[Path]:
    """The files and folders of this machine that a scan of `targets` reads or belongs to, links followed.

    A target inside a working tree stands for the whole of it, and for the working tree that its repository is kept in:
    whoever writes one of them writes them all.
    """
    from tokenaudit.git.clone import is_clone_url  # noqa: PLC0415 - as above

    found: dict[Path, None] = {}
    for target in targets:
        if is_clone_url(target):
            url = urlsplit(target)
            if url.scheme.lower() != "file":
                continue
            from urllib.request import url2pathname  # noqa: PLC0415 - slow to load

            target = url2pathname(url.path)  # noqa: PLW2901 - the same target, as a path
        real = Path(os.path.realpath(target))
        found[real] = None
        for folder in (real, *real.parents):
            if os.path.lexists(folder / ".git"):
                found[folder] = None
                found.update(dict.fromkeys(_kept_in(folder / ".git")))
    return list(found)


def _kept_in(link: Path) -> list[Path]:
    """Where the repository of a linked working tree or submodule is kept, with the working tree around it."""
    try:
        if not link.is_file():  # a folder: the repository itself
            return []
        with link.open("rb") as file:
            text = file.read(_LONGEST_LINK)
    except OSError:
        return []
    if not text.startswith(b"gitdir:"):
        return []
    kept = Path(os.path.realpath(link.parent / os.fsdecode(text[len(b"gitdir:") :].strip())))
    return [kept, *(parent.parent for parent in (kept, *kept.parents) if parent.name == ".git")]


def _of_url(url: str, scope: Scope, progress: Progress, stack: ExitStack) -> list[Source]:
    from tokenaudit.git.clone import cloned  # noqa: PLC0415 - as above
    from tokenaudit.git.command import GitError, without_password  # noqa: PLC0415 - only a URL pays for cloning

    shown = without_password(url)
    if scope.staged:
        message = f"--staged needs a working tree, and {shown} is a URL: clone it, or leave --staged out"
        raise UsageError(message)
    try:
        clone = stack.enter_context(cloned(url, progress))
    except GitError as error:
        return [UnreadableSource(shown, "git", f"can't be cloned: {error}")]
    return _of_repository(clone, shown, scope, tree=False)


def _of_path(target: str, scope: Scope, progress: Progress) -> list[Source]:
    from tokenaudit.git.layout import repository_kind  # noqa: PLC0415 - a URL never asks

    if not target:
        message = "an empty name is no target: is a variable unset? Name a folder, a file or a repository"
        raise UsageError(message)
    path = Path(target)
    if not os.path.lexists(path):
        message = f"{target} doesn't exist: name a folder, a file, a git repository or a clone URL"
        raise UsageError(message)
    kind = repository_kind(path)
    if kind == "none" and path.is_dir():
        top = _enclosing_repository(path)
        if top is not None and (target == "." or scope.staged or scope.since):
            return _of_repository(top, str(top), scope, tree=True)
        if top is not None and "history" in scope.parts:
            progress.note(f"{target} is a folder of the repository {top}: name that to read its history too")
    if kind != "none":
        return _of_repository(path, target, scope, tree=kind != "bare")
    if scope.staged or scope.since:
        option = "--staged" if scope.staged else "--since"
        message = f"{option} needs a git repository, and {target} is none"
        raise UsageError(message)
    return _of_folder(path, target, scope)


def _enclosing_repository(path: Path) -> Path | None:
    """The top of the working tree that `path` lies in, if it lies in one."""
    if not any((parent / ".git").exists() for parent in path.resolve().parents):
        return None
    from git import InvalidGitRepositoryError, Repo  # noqa: PLC0415 - slow to load, and seldom needed

    try:
        with Repo(path, search_parent_directories=True) as repository:
            top = repository.working_tree_dir
    except InvalidGitRepositoryError:
        return None
    return Path(top) if top is not None else None


def _of_folder(path: Path, target: str, scope: Scope) -> list[Source]:
    from tokenaudit.sources.local.filesystem import TreeSource  # noqa: PLC0415 - sources are imported as they are needed

    sources: list[Source] = []
    if "tree" in scope.parts:
        sources.append(TreeSource(path, target, nested_histories="history" in scope.parts))
    if "ci" in scope.parts and path.is_dir():
        sources.append(_ci(path, target, scope))
    return sources


def _ci(path: Path, target: str, scope: Scope) -> Source:
    from tokenaudit.sources.local.ci_config import CiSource  # noqa: PLC0415 - as above

    return CiSource(path, target, scope.secret_names, scope.ci_refs, zizmor=scope.zizmor)


def _of_repository(path: Path, target: str, scope: Scope, *, tree: bool) -> list[Source]:
    if scope.staged or scope.since:
        return _of_change(path, target, scope)
    sources: list[Source] = []
    if "history" in scope.parts:
        from tokenaudit.sources.local.git_dir import GitDirSource  # noqa: PLC0415 - as above
        from tokenaudit.sources.local.git_history import HistorySource  # noqa: PLC0415 - as above

        sources += [HistorySource(path, target), GitDirSource(path, target)]
    if tree:
        sources += _of_folder(path, target, scope)
    elif "ci" in scope.parts:
        sources.append(_ci(path, target, scope))
    return sources


def _of_change(path: Path, target: str, scope: Scope) -> list[Source]:
    """What is staged, or what the commits since a revision bring in: values in files, and CI configuration."""
    sources: list[Source] = []
    if {"history", "tree"} & set(scope.parts):
        if scope.since:
            from tokenaudit.sources.local.git_range import SinceSource  # noqa: PLC0415 - imported as they are needed

            sources.append(SinceSource(path, target, scope.since, scope.until))
        else:
            from tokenaudit.sources.local.git_index import StagedSource  # noqa: PLC0415 - as above

            sources.append(StagedSource(path, target))
    if "ci" in scope.parts:
        from tokenaudit.sources.local.ci_diff import CiChangesSource  # noqa: PLC0415 - as above

        sources.append(CiChangesSource(path, target, scope.since, scope.secret_names, scope.until))
    return sources


@dataclass(frozen=True)
class UnreadableSource:
    """Stands in for a place that can't be read, so that the report says so and the other places go on."""

    target: str
    kind: str
    reason: str

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """The one thing there is to say."""
        run.progress.note(f"{self.target} {self.reason}")
        yield Skipped(self.target, self.reason)
