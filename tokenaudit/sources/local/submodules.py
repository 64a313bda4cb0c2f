"""Submodules that the trees of a repository name: repositories of their own, which a bare repository has nothing of."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

from tokenaudit.git.command import GitError, git, without_password
from tokenaudit.model import Skipped

_SUBMODULE = "160000"
_MOST_TREES = 100
_MOST_NAMED = 20


def submodules_of_trees(git_dir: Path, target: str) -> Iterator[Skipped]:
    """Those at HEAD and at the tip of every ref that has a `.gitmodules`; each path once."""
    try:
        trees, more = _trees(git_dir)
        found = {path: tree for tree in reversed(trees) for path in _gitlinks(git_dir, tree)}
    except GitError as error:
        yield Skipped(target, f"git can't list its submodules: {error}")
        return
    for path, tree in sorted(found.items())[:_MOST_NAMED]:
        yield Skipped(f"{target}: {path}", _reason(_url(git_dir, tree, path, target)))
    if len(found) > _MOST_NAMED:
        yield Skipped(target, f"{len(found) - _MOST_NAMED:,} more submodules are repositories of their own, not read")
    if more:
        yield Skipped(target, f"the submodules of {more:,} more branches and tags were not looked for")


def _reason(url: str | None) -> str:
    said = "a submodule, which is a repository of its own and was not read"
    if url is None:
        return f"{said}; its URL is not known"
    return f"{said}; read it with: tokenaudit scan {shlex.quote(url)}"


def _trees(git_dir: Path) -> tuple[list[str], int]:
    """HEAD and the distinct trees of other refs with a `.gitmodules`, as many as are read; and how many are not."""
    refs = git("for-each-ref", "--format=%(objectname)", git_dir=git_dir).decode("ascii", "replace").split()
    tips = list(dict.fromkeys(refs))
    asked = "".join(f"{tip}^{{tree}}\n{tip}:.gitmodules\n" for tip in tips).encode()
    answers = git("cat-file", "--batch-check", git_dir=git_dir, stdin=asked).decode("utf-8", "replace").splitlines()
    with_submodules = {
        tree.split(" ")[0]: tip
        for tip, tree, modules in zip(tips, answers[::2], answers[1::2], strict=True)
        if " tree " in tree and " blob " in modules
    }
    found = list(with_submodules.values())
    return ["HEAD", *found[:_MOST_TREES]], max(0, len(found) - _MOST_TREES)


def _gitlinks(git_dir: Path, tree: str) -> Iterator[str]:
    allowed = (0, 128) if tree == "HEAD" else (0,)  # an unborn HEAD has no tree
    listing = git("ls-tree", "-r", "-z", tree, git_dir=git_dir, allowed=allowed)
    for entry in listing.decode("utf-8", "surrogateescape").split("\0"):
        meta, _, path = entry.partition("\t")
        if meta.startswith(_SUBMODULE):
            yield path


def _url(git_dir: Path, tree: str, path: str, target: str) -> str | None:
    """Where the submodule at `path` comes from, by the tree's `.gitmodules`; None where that does not say.

    A URL that is relative is so to that of the repository (gitmodules(5)): `target`, where that is one.
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
