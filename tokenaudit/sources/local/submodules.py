"""Submodules in the history of a repository. They are repositories of their own, so they are reported, not read."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

from tokenaudit.git.command import GitError, git, without_password
from tokenaudit.git.layout import Repository, files_of_head
from tokenaudit.git.object_store import ScanPlan
from tokenaudit.git.objects import TipTree
from tokenaudit.model import Skipped
from tokenaudit.sources.local.scan_state import SubmoduleTrees

_MOST_NAMED = 20
_SUBMODULE = b"160000"
_LISTING = ".gitmodules"
_MOST_TREES = 100


def submodules_of_trees(
    repository: Repository, target: str, work: ScanPlan, earlier: SubmoduleTrees | None = None
) -> Generator[Skipped, None, SubmoduleTrees | None]:
    """Yield the submodules at HEAD and at the tip of every ref that has a `.gitmodules`; each path once.

    The return value is where they are; None if git can't tell. What `earlier` tells is not looked for again, so none of
    its objects must be gone. `work` finds the trees without git where it can.
    """
    git_dir = repository.git_dir
    try:
        tips = _tips(repository, work, earlier.trees if earlier else {})
        of_trees = {each.tree: each for each in tips if each.tree}
        first = list(of_trees.values())[:_MOST_TREES]
        in_head, in_trees = _gitlinks_of_all(repository, first, earlier)
    except GitError as error:
        yield Skipped(target, f"git can't list its submodules: {error}")
        return None
    found = dict.fromkeys(in_head, "HEAD")
    for each in first:
        if not in_trees[each.tree] <= found.keys():
            found = dict.fromkeys(in_trees[each.tree], each.tip) | found
    for path, tip in sorted(found.items())[:_MOST_NAMED]:
        yield Skipped(f"{target}: {path}", _not_read(_url(git_dir, tip, path, target)))
    if len(found) > _MOST_NAMED:
        yield Skipped(target, f"{len(found) - _MOST_NAMED:,} more submodules are repositories of their own, not read")
    more = len(of_trees) - len(first)
    if more:
        yield Skipped(target, f"the submodules of {more:,} more branches and tags were not looked for")
    numbers: dict[frozenset[str], int] = {}
    head_set = numbers.setdefault(in_head, 0) if in_head else None
    sets = {tree: numbers.setdefault(paths, len(numbers)) for tree, paths in in_trees.items()}
    return SubmoduleTrees({each.tip: each.tree for each in tips}, sets, repository.head, head_set)


def _tips(repository: Repository, work: ScanPlan, known: Mapping[str, str]) -> list[TipTree]:
    """Return the tips of all refs, with their tree if that has a `.gitmodules`, otherwise an empty string."""
    tips = list(dict.fromkeys(repository.refs.values()))
    new = [tip for tip in tips if tip not in known]
    asked = work.tips_with(_LISTING.encode(), new, _MOST_TREES) if new else ()
    found = {each.tip: each for each in (_ask(repository.git_dir, new) if asked is None else asked)}
    return [found.get(tip) or TipTree(tip, known.get(tip, "")) for tip in tips]


def _gitlinks_of_all(
    repository: Repository, trees: Sequence[TipTree], earlier: SubmoduleTrees | None
) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    """Return the submodules of HEAD, and those of each tree. Of trees that contain the same, one is listed."""
    git_dir = repository.git_dir
    known = earlier or SubmoduleTrees()
    is_head_known = earlier is not None and earlier.head == repository.head
    is_listed = not is_head_known or known.head_set is not None
    in_head = frozenset(_gitlinks_of_head(git_dir) if is_listed else ())
    of_set: dict[int | None, frozenset[str]] = {known.head_set: in_head} if is_head_known else {}
    listed: dict[str, TipTree] = {}
    chosen: dict[int, str] = {}
    for each in trees:
        number = known.sets.get(each.tree)
        if number is None:
            listed[each.tree] = each
        elif number not in of_set and number not in chosen:
            listed[each.tree] = each
            chosen[number] = each.tree
    found = _gitlinks_of_trees(git_dir, [each.tree for each in sorted(listed.values(), key=lambda each: each.time)])
    of_set |= {number: found[tree] for number, tree in chosen.items()}
    found |= {each.tree: of_set[known.sets[each.tree]] for each in trees if each.tree not in found}
    return in_head, {each.tree: found[each.tree] for each in trees}


def _not_read(url: str | None) -> str:
    reason = "a submodule, which is a repository of its own and was not read"
    if url is None:
        return f"{reason}; its URL is not known"
    return f"{reason}; read it with: tokenaudit scan {shlex.quote(url)}"


def _ask(git_dir: Path, tips: Sequence[str]) -> list[TipTree]:
    """Return those of `tips` that have a `.gitmodules`, with their tree."""
    answers = zip(tips, _types(git_dir, tips, _LISTING), strict=True)
    have = [tip for tip, answer in answers if " blob " in answer]
    trees = _types(git_dir, have, "") if have else []
    return [TipTree(tip, tree.split(" ")[0]) for tip, tree in zip(have, trees, strict=True)]


def _types(git_dir: Path, tips: Iterable[str], path: str) -> list[str]:
    """Return id, type and size of what is at `path` in `tips`. The trees of tips take longer with `^{tree}`."""
    asked = "".join(f"{tip}:{path}\n" for tip in tips).encode()
    return git("cat-file", "--batch-check", git_dir=git_dir, stdin=asked).decode("utf-8", "replace").splitlines()


def _gitlinks(git_dir: Path, tree: str) -> list[str]:
    listing = git("ls-tree", "-r", "-z", tree, git_dir=git_dir)
    return _gitlinks_in(listing)


def _gitlinks_of_head(git_dir: Path) -> list[str]:
    try:
        return _gitlinks_in(files_of_head(git_dir))
    except GitError:
        return []  # an unborn HEAD has no tree


def _gitlinks_in(listing: bytes) -> list[str]:
    return [_text(entry.partition(b"\t")[2]) for entry in listing.split(b"\0") if entry.startswith(_SUBMODULE)]


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _gitlinks_of_trees(git_dir: Path, trees: Sequence[str]) -> dict[str, frozenset[str]]:
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
