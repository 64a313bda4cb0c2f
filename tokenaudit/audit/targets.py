"""Resolves TARGET arguments to sources."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

from tokenaudit.errors import UsageError
from tokenaudit.git.clone import cloned, is_clone_url
from tokenaudit.git.command import GitError, without_password
from tokenaudit.git.layout import is_small, opened_once, repository_kind
from tokenaudit.git.searched import expect, searched_once
from tokenaudit.interfaces import Finding, Progress, ScanContext, Source
from tokenaudit.model import Skipped
from tokenaudit.sources import local
from tokenaudit.sources.local.git_locations import Placement, placement
from tokenaudit.sources.local.stream import STANDARD_INPUT, StreamSource, is_standard_input, is_stream
from tokenaudit.text import did_you_mean

Part: TypeAlias = Literal["history", "tree", "ci"]
_LONGEST_LINK = 10_000
PARTS: tuple[Part, ...] = ("history", "tree", "ci")


def parts(only: str, skip: str) -> tuple[Part, ...]:
    """The parts selected by `--only` and `--skip` (comma-separated names).

    Raises:
        UsageError: a name is not one of history, tree, ci, or no part is left.
    """
    wanted = _named("--only", only) or set(PARTS)
    left = tuple(part for part in PARTS if part in wanted - _named("--skip", skip))
    if not left:
        message = "--only and --skip together leave nothing to scan"
        raise UsageError(message)
    return left


def named_parts(only: str) -> tuple[Part, ...]:
    """The parts that `--only` names; a target that lacks one of them is reported.

    Raises:
        UsageError: a name is not one of history, tree, ci.
    """
    return tuple(part for part in PARTS if part in _named("--only", only))


def _named(option: str, names: str) -> set[str]:
    found = {name.strip() for name in names.split(",") if name.strip()}
    if names and not found:
        message = f"{option} names no part; choose from {', '.join(PARTS)}"
        raise UsageError(message)
    for name in sorted(found - set(PARTS)):
        hint = did_you_mean(name, PARTS) or f"; choose from {', '.join(PARTS)}"
        message = f"invalid value {name!r} for {option}{hint}"
        raise UsageError(message)
    return found


@dataclass(frozen=True)
class Scope:
    """Which parts of a repository to read.

    `since` limits the scan to what the commits of `until` that this revision has not bring in, `staged` to what the
    index holds and HEAD does not; either leaves the working tree and the rest of the history alone. `secret_names` are
    further names under which CI keeps a Hugging Face credential. CI configuration is also read at the tips of `ci_refs`
    (`*`: of every ref), and judged by zizmor too if asked. Parts in `required` were named by the user: where a target
    has none of one, the report says so.
    """

    parts: Collection[Part] = PARTS
    since: str | None = None
    until: str = "HEAD"
    staged: bool = False
    secret_names: Sequence[str] = ()
    ci_refs: Sequence[str] = ()
    zizmor: bool = False
    required: Collection[Part] = ()


@dataclass(frozen=True)
class _Request:
    """Settings shared by all targets of one run. `places` are the resolved paths of targets on disk."""

    scope: Scope
    progress: Progress
    places: tuple[str, ...]
    placements: dict[str, Placement] = field(default_factory=dict)
    small: set[str] = field(default_factory=set)

    def requires(self, part: Part) -> bool:
        return part in self.scope.required

    def around(self, path: Path) -> Path | None:
        """The outermost other target that contains `path`; paths are relative to it."""
        real = Path(os.path.realpath(path))
        found = [Path(place) for place in self.places if Path(place) in real.parents]
        return min(found, key=lambda place: len(place.parts), default=None)


class Resolved(NamedTuple):
    """The sources, and the location of each target on disk in its repository, by the target's name in the report.

    `small` are the targets that are small repositories.
    """

    sources: list[Source]
    placements: dict[str, Placement]
    small: frozenset[str] = frozenset()


@contextmanager
def resolved(targets: Sequence[str], scope: Scope, progress: Progress) -> Iterator[Resolved]:
    """Context manager with the sources of all `targets`. URLs are cloned and the clones removed on exit.

    Raises:
        UsageError: a target doesn't exist, isn't a repository where one is needed, or is a rejected URL.
    """
    _check(scope)
    named = {_identity(target, is_url=is_clone_url(target)): target for target in reversed(targets)}
    places = tuple(place for place, target in named.items() if not is_clone_url(target) and not is_stream(target))
    request = _Request(scope, progress, places)
    with ExitStack() as stack:
        if not scope.staged:  # the index is read without opening the repository
            stack.enter_context(opened_once())
            stack.enter_context(searched_once())
        sources: list[Source] = []
        for target in reversed(named.values()):
            is_url = is_clone_url(target)
            sources += _of_url(target, request, stack) if is_url else _of_path(target, request)
        if len(named) > 1 and not scope.staged:
            # Small repositories borrow nothing, and are looked at by the process that reads them.
            large = (each for each in sources if each.kind == "git" and each.target not in request.small)
            expect(each.path for each in large if isinstance(each, local.HistorySource))
        yield Resolved(sources, request.placements, frozenset(request.small))


def _check(scope: Scope) -> None:
    """Rejects options that conflict or have no effect."""
    if scope.staged and scope.since:
        message = "--staged and --since can't be combined; use one of them"
        raise UsageError(message)
    of_ci = {"--secret-name": scope.secret_names, "--ci-ref": scope.ci_refs, "--zizmor": scope.zizmor}
    for option, given in of_ci.items():
        if given and "ci" not in scope.parts:
            message = f"{option} has no effect: --only or --skip excludes CI configuration"
            raise UsageError(message)
        if given and (scope.staged or scope.since) and option != "--secret-name":
            message = (
                f"{option} can't be combined with {'--staged' if scope.staged else '--since'}, which scans changes only"
            )
            raise UsageError(message)


def scanned_places(targets: Sequence[str]) -> list[Path]:
    """The files and folders of this machine that a scan of `targets` reads or belongs to, links followed.

    A target inside a working tree counts as the whole tree, and as the working tree that contains its repository:
    write access to one implies write access to all.
    """
    found: dict[Path, None] = {}
    for target in targets:
        if is_clone_url(target):
            url = urlsplit(target)
            if url.scheme.lower() != "file":
                continue
            target = _local_path(url.path)  # noqa: PLW2901 - the same target, as a path
        real = Path(os.path.realpath(target))
        found[real] = None
        for folder in (real, *real.parents):
            if os.path.lexists(folder / ".git"):
                found[folder] = None
                found.update(dict.fromkeys(_kept_in(folder / ".git")))
    return list(found)


def _local_path(path: str) -> str:
    """The path of a `file:` URL as the system writes it: on Windows, `/C:/work` names `C:/work`."""
    plain = unquote(path, errors="surrogateescape")
    return plain[1:] if os.name == "nt" and plain[2:3] == ":" else plain


def _kept_in(link: Path) -> list[Path]:
    """The git directory of a linked working tree or submodule, and the working tree that contains it."""
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


def _identity(target: str, *, is_url: bool) -> str:
    """Returns the same value for two paths of one file."""
    if is_url:
        return target
    return STANDARD_INPUT if is_standard_input(target) else os.path.realpath(target)


def _of_url(url: str, request: _Request, stack: ExitStack) -> list[Source]:
    shown = without_password(url)
    if request.scope.staged:
        message = f"--staged needs a working tree, but {shown} is a URL; clone it, or remove --staged"
        raise UsageError(message)
    try:
        clone = stack.enter_context(cloned(url, request.progress))
    except GitError as error:
        return [UnreadableSource(shown, "git", f"can't be cloned: {error}")]
    except OSError as error:
        reason = f"can't be cloned: there is no usable folder for temporary files ({error.strerror})"
        return [UnreadableSource(shown, "git", reason)]
    return _of_repository(clone, shown, request, no_tree="a clone URL")


def _of_path(target: str, request: _Request) -> list[Source]:
    if not target:
        message = "empty target; check for an unset variable, or pass a folder, a file or a repository"
        raise UsageError(message)
    scope = request.scope
    path = Path(target)
    is_pipe = is_stream(target)
    if not is_pipe and not os.path.lexists(path):
        message = f"{target} does not exist; pass a folder, a file, a git repository or a clone URL"
        raise UsageError(message)
    kind = "none" if is_pipe else repository_kind(path)
    top = _enclosing_repository(path if path.is_dir() else path.parent) if kind == "none" and not is_pipe else None
    if top is not None and path.is_dir() and (target == "." or scope.staged or scope.since):
        request.placements[str(top)] = placement(str(top), top)
        return _of_repository(top, str(top), request)
    if not is_pipe:
        request.placements[target] = placement(target, path if kind != "none" else top or request.around(path))
    if kind != "none":
        if is_small(path):
            request.small.add(target)
        return _of_repository(path, target, request, no_tree="a bare repository" if kind == "bare" else None)
    if scope.staged or scope.since:
        option = "--staged" if scope.staged else "--since"
        message = f"{option} needs a git repository, but {target} is not one"
        raise UsageError(message)
    if is_pipe:
        return _of_stream(target, request)
    why = "not a git repository" if top is None else f"part of the repository {top}; pass that"
    if top is not None and path.is_dir() and "history" in scope.parts and not request.requires("history"):
        request.progress.note(f"{target} is a folder of the repository {top}; pass that to also scan its history")
    return _of_folder(path, target, request, why)


def _enclosing_repository(path: Path) -> Path | None:
    """The root of the working tree that contains the folder `path`, if any."""
    whole = path.resolve()
    return next((parent for parent in (whole, *whole.parents) if (parent / ".git").exists()), None)


def _of_stream(target: str, request: _Request) -> list[Source]:
    parts = request.scope.parts
    others: tuple[tuple[Part, str], ...] = (("history", "history"), ("ci", "CI configuration"))
    lacking = [
        NotThereSource(target, "git", f"no {name} (not a repository)", required=request.requires(part))
        for part, name in others
        if part in parts and (request.requires(part) or "tree" not in parts)
    ]
    return [*lacking, StreamSource(target)] if "tree" in parts else [*lacking]


def _of_folder(path: Path, target: str, request: _Request, why: str | None = None) -> list[Source]:
    """The parts of a folder or file outside git; `why` is the reason, None for a repository's working tree."""
    parts = request.scope.parts
    sources: list[Source] = []
    histories = why is not None and "history" in parts and (request.requires("history") or "tree" not in parts)
    if histories:
        required = request.requires("history")
        sources.append(
            local.NestedHistoriesSource(path, target, f"no history ({why})", required=required)
            if path.is_dir()
            else NotThereSource(target, "git", f"no history ({why})", required=required)
        )
    if "tree" in parts:
        real = os.path.realpath(path)
        sources.append(
            local.TreeSource(
                path,
                target,
                nested_histories="history" in parts and not histories,
                others=[place for place in request.places if place != real],
                required=request.requires("tree"),
                is_work_tree=why is None,
            )
        )
    if "ci" in parts:
        sources.append(_ci(path, target, request))
    return sources


def _ci(path: Path, target: str, request: _Request) -> Source:
    scope = request.scope
    return local.CiSource(
        path, target, scope.secret_names, scope.ci_refs, zizmor=scope.zizmor, required=request.requires("ci")
    )


def _of_repository(path: Path, target: str, request: _Request, *, no_tree: str | None = None) -> list[Source]:
    """`no_tree` is the reason why there is no working tree, None if there is one."""
    scope = request.scope
    if scope.staged or scope.since:
        return _of_change(path, target, scope)
    sources: list[Source] = []
    if "history" in scope.parts:
        required = request.requires("history")
        has_files = no_tree is None and "tree" in scope.parts
        history = local.HistorySource(path, target, required=required, has_files=has_files)
        sources += [history, local.GitDirSource(path, target)]
    if no_tree is None:
        return [*sources, *_of_folder(path, target, request)]
    if "tree" in scope.parts:
        sources.append(NotThereSource(target, "git", f"no working tree ({no_tree})", required=request.requires("tree")))
    if "ci" in scope.parts:
        sources.append(_ci(path, target, request))
    return sources


def _of_change(path: Path, target: str, scope: Scope) -> list[Source]:
    """Staged changes, or changes since a revision: credentials in files, and CI configuration."""
    sources: list[Source] = []
    if {"history", "tree"} & set(scope.parts):
        if scope.since:
            sources.append(local.SinceSource(path, target, scope.since, scope.until))
        else:
            sources.append(local.StagedSource(path, target))
    if "ci" in scope.parts:
        sources.append(local.CiChangesSource(path, target, scope.since, scope.secret_names, scope.until))
    return sources


@dataclass(frozen=True)
class UnreadableSource:
    """Placeholder for an unreadable target. It is reported as skipped and the other targets are scanned."""

    target: str
    kind: str
    reason: str

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """Yields the skipped entry."""
        run.progress.note(f"{self.target} {self.reason}")
        yield Skipped(self.target, self.reason)


@dataclass(frozen=True)
class NotThereSource:
    """Placeholder for a part that a target can't have, such as the history of a plain folder."""

    target: str
    kind: str
    absent: str | None
    required: bool = False

    def findings(self, run: ScanContext) -> Iterator[Finding]:  # noqa: ARG002 - the signature of every source
        """Nothing."""
        yield from ()
