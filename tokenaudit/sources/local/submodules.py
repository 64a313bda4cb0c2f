"""Submodules in the history of a repository. They are repositories of their own, so they are reported, not read."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from urllib.parse import urljoin

from tokenaudit.git.command import GitError, git, without_password
from tokenaudit.git.layout import Repository
from tokenaudit.model import Skipped
from tokenaudit.sources.local.scan_state import SubmoduleTips

_MOST_NAMED = 20
_SUBMODULE = "160000"
_MOST_TREES = 100


def submodules_of_trees(
    repository: Repository, target: str, earlier: SubmoduleTips | None = None
) -> Generator[Skipped, None, SubmoduleTips | None]:
    """Yield the submodules at HEAD and at the tip of every ref that has a `.gitmodules`; each path once.

    The return value is where they are; None if git can't tell. If no ref has changed since `earlier`, and no object is
    gone, only these trees are looked at.
    """
    git_dir, refs = repository.git_dir, repository.refs_digest
    try:
        if earlier is not None and earlier.refs == refs:
            trees, more, has_head = dict(earlier.trees), earlier.more, earlier.has_head
        else:
            trees, more = _trees(repository)
            has_head = True
        found = dict.fromkeys(_gitlinks(git_dir, "HEAD") if has_head else (), "HEAD")
        has_head = bool(found)
        first = []
        for tree, paths in _gitlinks_of_all(git_dir, trees) if trees else ():
            if not paths <= found.keys():
                first.append((tree, trees[tree]))
                found = dict.fromkeys(paths, trees[tree]) | found
    except GitError as error:
        yield Skipped(target, f"git can't list its submodules: {error}")
        return None
    for path, tip in sorted(found.items())[:_MOST_NAMED]:
        yield Skipped(f"{target}: {path}", _not_read(_url(git_dir, tip, path, target)))
    if len(found) > _MOST_NAMED:
        yield Skipped(target, f"{len(found) - _MOST_NAMED:,} more submodules are repositories of their own, not read")
    if more:
        yield Skipped(target, f"the submodules of {more:,} more branches and tags were not looked for")
    return SubmoduleTips(refs, tuple(first), has_head, more)


def _not_read(url: str | None) -> str:
    reason = "a submodule, which is a repository of its own and was not read"
    if url is None:
        return f"{reason}; its URL is not known"
    return f"{reason}; read it with: tokenaudit scan {shlex.quote(url)}"


def _trees(repository: Repository) -> tuple[dict[str, str], int]:
    """Return the distinct trees of refs with a `.gitmodules`, up to a limit, with a tip; and the number above it."""
    git_dir = repository.git_dir
    tips = list(dict.fromkeys(repository.refs.values()))
    have = [tip for tip, answer in zip(tips, _types(git_dir, tips, ".gitmodules"), strict=True) if " blob " in answer]
    trees = _types(git_dir, have, "") if have else []
    with_submodules = {tree.split(" ")[0]: tip for tip, tree in zip(have, trees, strict=True)}
    return dict(islice(with_submodules.items(), _MOST_TREES)), max(0, len(with_submodules) - _MOST_TREES)


def _types(git_dir: Path, tips: Iterable[str], path: str) -> list[str]:
    """Return id, type and size of what is at `path` in `tips`. The trees of tips take longer with `^{tree}`."""
    asked = "".join(f"{tip}:{path}\n" for tip in tips).encode()
    return git("cat-file", "--batch-check", git_dir=git_dir, stdin=asked).decode("utf-8", "replace").splitlines()


def _gitlinks(git_dir: Path, tree: str) -> Iterator[str]:
    allowed = (0, 128) if tree == "HEAD" else (0,)  # an unborn HEAD has no tree
    listing = git("ls-tree", "-r", "-z", tree, git_dir=git_dir, allowed=allowed)
    for entry in listing.decode("utf-8", "surrogateescape").split("\0"):
        meta, _, path = entry.partition("\t")
        if meta.startswith(_SUBMODULE):
            yield path


def _gitlinks_of_all(git_dir: Path, trees: Iterable[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each tree with its gitlinks. Only the first is listed: the others differ little from the last."""
    first, *others = trees
    paths = frozenset(_gitlinks(git_dir, first))
    yield first, paths
    if not others:
        return
    pairs = "".join(f"{before} {after}\n" for before, after in pairwise(trees)).encode()
    listing = git("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", git_dir=git_dir, stdin=pairs)
    changes = iter(listing.decode("utf-8", "surrogateescape").split("\0"))
    tree = ""
    for item in changes:
        *begun, entry = item.split("\n")  # a pair of trees is a line, the entries after it end with NUL
        for pair in begun:
            if tree:
                yield tree, paths
            tree = pair.partition(" ")[2]
        if entry:
            old, new, *_ = entry[1:].split(" ")
            path = {next(changes)}
            paths = paths | path if new == _SUBMODULE else paths - path if old == _SUBMODULE else paths
    yield tree, paths


def _url(git_dir: Path, tree: str, path: str, target: str) -> str | None:
    """Return the URL of the submodule at `path` from the tree's `.gitmodules`; None if it has none.

    A relative URL is relative to that of the repository (gitmodules(5)): `target`, if that is a URL.
    """
    listing = git(
        "config", "--blob", f"{tree}:.gitmodules", "--null", "--get-regexp", r"^submodule\..*\.(path|url)$",
        git_dir=git_dir, allowed=(0, 1, 128, 255),
    ).decode("utf-8", "surrogateescape")  # fmt: skip
    rows = dict(row.split("\n", 1) for row in listing.split("\0") if "\n" in row)
    names = [key.removesuffix(".path") for key, value in rows.items() if key.endswith(".path") and value == path]
    url = next((rows[f"{name}.url"] for name in names if f"{name}.url" in rows), None)
    if url is None:
        return None
    if url.startswith(("./", "../")):
        return without_password(urljoin(f"{target.rstrip('/')}/", url)) if "://" in target else None
    return without_password(url)
