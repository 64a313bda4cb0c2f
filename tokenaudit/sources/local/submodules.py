"""Submodules in the history of a repository. They are repositories of their own, so they are reported, not read."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

from tokenaudit.git.command import GitError, git, without_password
from tokenaudit.git.layout import Repository
from tokenaudit.git.object_store import ScanPlan
from tokenaudit.git.objects import TipTree
from tokenaudit.model import Skipped
from tokenaudit.sources.local.scan_state import SubmoduleTips

_MOST_NAMED = 20
_SUBMODULE = b"160000"
_LISTING = ".gitmodules"
_MOST_TREES = 100


def submodules_of_trees(
    repository: Repository, target: str, work: ScanPlan, earlier: SubmoduleTips | None = None
) -> Generator[Skipped, None, SubmoduleTips | None]:
    """Yield the submodules at HEAD and at the tip of every ref that has a `.gitmodules`; each path once.

    The return value is where they are; None if git can't tell. If no ref has changed since `earlier`, and no object is
    gone, only these trees are looked at. `work` finds the trees without git where it can.
    """
    git_dir, refs = repository.git_dir, repository.refs_digest
    try:
        if earlier is not None and earlier.refs == refs:
            trees: Sequence[TipTree] = [TipTree(*each) for each in earlier.trees]
            more, has_head = earlier.more, earlier.has_head
        else:
            tips = list(dict.fromkeys(repository.refs.values()))
            with_listing = work.trees_with(_LISTING.encode(), tips, _MOST_TREES)
            if with_listing is None:
                with_listing = _trees(git_dir, tips)
            trees, more, has_head = with_listing[:_MOST_TREES], max(0, len(with_listing) - _MOST_TREES), True
        found = dict.fromkeys(_gitlinks(git_dir, "HEAD") if has_head else (), "HEAD")
        has_head = bool(found)
        in_trees = _gitlinks_of_all(git_dir, [each.id for each in sorted(trees, key=lambda each: each.time)])
        first = []
        for each in trees:
            if not in_trees[each.id] <= found.keys():
                first.append((each.id, each.tip))
                found = dict.fromkeys(in_trees[each.id], each.tip) | found
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


def _trees(git_dir: Path, tips: Sequence[str]) -> list[TipTree]:
    """Return the distinct trees of `tips` with a `.gitmodules`."""
    answers = zip(tips, _types(git_dir, tips, _LISTING), strict=True)
    have = [tip for tip, answer in answers if " blob " in answer]
    trees = _types(git_dir, have, "") if have else []
    found = {tree.split(" ")[0]: tip for tip, tree in zip(have, trees, strict=True)}
    return [TipTree(tree, tip) for tree, tip in found.items()]


def _types(git_dir: Path, tips: Iterable[str], path: str) -> list[str]:
    """Return id, type and size of what is at `path` in `tips`. The trees of tips take longer with `^{tree}`."""
    asked = "".join(f"{tip}:{path}\n" for tip in tips).encode()
    return git("cat-file", "--batch-check", git_dir=git_dir, stdin=asked).decode("utf-8", "replace").splitlines()


def _gitlinks(git_dir: Path, tree: str) -> list[str]:
    allowed = (0, 128) if tree == "HEAD" else (0,)  # an unborn HEAD has no tree
    listing = git("ls-tree", "-r", "-z", tree, git_dir=git_dir, allowed=allowed)
    return [_text(entry.partition(b"\t")[2]) for entry in listing.split(b"\0") if entry.startswith(_SUBMODULE)]


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _gitlinks_of_all(git_dir: Path, trees: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the gitlinks of each tree. Only the first is listed: the others should differ little from the last."""
    if not trees:
        return {}
    paths = frozenset(_gitlinks(git_dir, trees[0]))
    if len(trees) == 1:
        return {trees[0]: paths}
    pairs = "".join(f"{before} {after}\n" for before, after in pairwise(trees)).encode()
    listing = git("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", git_dir=git_dir, stdin=pairs)
    found: dict[str, frozenset[str]] = {}
    tree = trees[0]
    parts = listing.split(b"\0")  # entries, each followed by its path; lines before an entry begin pairs of trees
    entries = parts[::2]
    for place in [place for place, entry in enumerate(entries) if entry[:1] != b":" or _SUBMODULE in entry]:
        *begun, entry = entries[place].split(b"\n")
        for pair in begun:
            found[tree] = paths
            tree = pair.partition(b" ")[2].decode("ascii")
        if entry:
            old, new, *_ = entry[1:].split(b" ")
            path = {_text(parts[2 * place + 1])}
            paths = paths | path if new == _SUBMODULE else paths - path if old == _SUBMODULE else paths
    found[tree] = paths
    return found


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
