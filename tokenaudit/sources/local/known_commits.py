"""What an earlier scan tells of commits: which need no comparison with their parents, and which of them refs reach."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tokenaudit.git.attribution import Reachability
from tokenaudit.git.layout import Repository
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.object_store import ScanPlan
from tokenaudit.git.objects import GitObject, Unread, parse
from tokenaudit.git.reachability import newly_reached, parents_of
from tokenaudit.sources.local.scan_state import HistoryState, RefTips

_MOST_TAGS = 100
"""Maximum new tags to read."""


@dataclass(frozen=True)
class CommitsToCompare:
    """Commits to compare with their parents, in no order, and the number of all commits.

    `new` are those that the earlier scan does not know; None if all are compared.
    """

    commits: list[str]
    count: int
    new: frozenset[str] | None = None


def every_commit(work: ScanPlan) -> CommitsToCompare:
    """Return all commits."""
    commits = list(work.commits())
    return CommitsToCompare(commits, len(commits))


def commit_count(work: ScanPlan, earlier: HistoryState | None) -> int:
    """Return the number of all commits."""
    if earlier is not None and earlier.compared and work.is_kept:
        return earlier.compared + len(list(work.new_commits()))
    return work.commit_count()


def to_compare(work: ScanPlan, blobs: AbstractSet[str], earlier: HistoryState | None) -> CommitsToCompare:
    """Return the commits that can add a fingerprint in `blobs` to a path.

    Of the commits of an earlier scan, these are known, unless one of `blobs` is older and was not attributed then, or
    something is gone that was attributed or compared.
    """
    if earlier is None or earlier.commits is None or not earlier.compared or not earlier.attributed <= blobs:
        return every_commit(work)
    others = sorted(blobs - earlier.attributed)
    if len(work.missing(others, earlier.known.ids)) < len(others):
        return every_commit(work)
    if work.is_kept:
        new = frozenset(work.new_commits())
        return CommitsToCompare([*earlier.commits, *new], earlier.compared + len(new), new)
    commits = list(work.commits())
    new = frozenset(work.missing(commits, earlier.known.ids))
    if len(commits) - len(new) != earlier.compared:
        return CommitsToCompare(commits, len(commits))
    kept = new.union(earlier.commits).intersection(commits)
    return CommitsToCompare(list(kept), len(commits), new)


def tips_of(repository: Repository) -> RefTips | None:
    """Return what makes commits reachable; None if something else can, or if a history can end before its first."""
    if repository.shallow or (repository.common_dir / "worktrees").exists():
        return None
    notes = frozenset(name for ref, name in repository.refs.items() if ref.startswith("refs/notes/"))
    others = frozenset(name for ref, name in repository.refs.items() if not ref.startswith("refs/notes/"))
    return RefTips(others | ({repository.head} if repository.head else frozenset()), notes)


def reach_of(
    repository: Repository,
    work: ScanPlan,
    chosen: CommitsToCompare,
    earlier: HistoryState,
    tips: RefTips | None,
    reader: ObjectReader,
) -> Reachability | None:
    """Return which of the `chosen` commits no ref reaches, and which only notes; None if all links must be followed.

    Raises:
        GitError: git can't be run.
    """
    if earlier.tips is None or tips is None or chosen.new is None:
        return None
    if not work.is_kept and (chosen.new or tips != earlier.tips):
        return None
    before, now = earlier.tips, tips
    links = parents_of(repository.git_dir, chosen.new)
    new_tips = (now.others | now.notes) - before.others - before.notes - links.keys()
    if not _add_tags(links, new_tips, work, earlier, reader):
        return None
    by_all = newly_reached(links, before.others | before.notes, now.others | now.notes, earlier.lost)
    beside_notes = newly_reached(links, before.others, now.others, earlier.lost | earlier.notes)
    if by_all is None or beside_notes is None:
        return None
    lost = earlier.lost | (chosen.new - by_all)
    return Reachability(lost, (earlier.notes | (chosen.new - beside_notes)) - lost)


def _add_tags(
    links: dict[str, list[str]], tips: Iterable[str], work: ScanPlan, earlier: HistoryState, reader: ObjectReader
) -> bool:
    """Add the links of new tags among `tips` to `links`; return whether all could be read."""
    waiting = work.missing(sorted(tips), earlier.known.ids)
    for _ in range(_MOST_TAGS):
        if not waiting:
            return True
        name = waiting.pop()
        found = reader.read(name)
        target = parse(found.data).target if isinstance(found, GitObject) and found.type == "tag" else None
        if isinstance(found, Unread) or (found.type == "tag" and target is None):
            return False
        links[name] = [target[0]] if target else []
        waiting += work.missing([each for each in links[name] if each not in links], earlier.known.ids)
    return False
