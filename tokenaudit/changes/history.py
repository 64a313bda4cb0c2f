"""The commits of a window, the last good revision before it, and dates that the server contradicts.

The author of a commit chooses its date. The server's time is only known for large files (`lfs-files`): a commit that is
dated before the window with a file that was uploaded inside it was back-dated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

from tokenaudit.changes.model import RepositoryCommit
from tokenaudit.changes.window import ChangesWindow
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, listed, text
from tokenaudit.hub.repo_content import LargeUpload, RepoFile
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_PAGE = 100
MOST_COMMITS = 1000
"""Maximum number of listed commits of a branch."""

_OLDER_IN_A_ROW = 50
"""Number of consecutive commits before the window after which the search for later ones ends."""


@dataclass(frozen=True)
class BranchHistory:
    """Commits of a branch, newest first: `new` are those of the window, `older` the next ones before it.

    `complete` is False if the window reaches further back than the listed commits. `good` is the newest commit before
    the window, None if there is none. `is_rewritten` is whether the branch has no commit before the window, or lacks
    the commit that the window begins with.
    """

    new: tuple[RepositoryCommit, ...] = ()
    older: tuple[RepositoryCommit, ...] = ()
    complete: bool = True
    reason: str = ""
    is_rewritten: bool = False

    @property
    def good(self) -> str | None:
        """The id of the newest commit before the window."""
        return self.older[0].id if self.older else None

    def reopened(self, commit: str) -> BranchHistory:
        """The history with the window extended back to `commit`, one of `older`."""
        at = next(number for number, each in enumerate(self.older) if each.id == commit) + 1
        return replace(self, new=(*self.new, *self.older[:at]), older=self.older[at:])


def branch_history(
    hub: Hub,
    repository: HubRepository,
    revision: str,
    secret: Secret | None,
    window: ChangesWindow,
    ref: str | None = None,
) -> BranchHistory | Failure:
    """The history of `revision` (a branch, a ref or a commit), read as far as the window requires."""

    def enough(items: Sequence[JsonObject]) -> bool:
        if window.commit is not None:
            return any(text(item.get("id")).startswith(window.commit) for item in items) or len(items) >= MOST_COMMITS
        older = next((at for at, item in enumerate(reversed(items)) if not _is_older(item, window)), len(items))
        return older >= _OLDER_IN_A_ROW or len(items) >= MOST_COMMITS

    path = f"/api/{repository.target}/commits/{quote(revision, safe='')}"
    listing = listed(hub, path, secret, {"limit": _PAGE}, enough=enough)
    if isinstance(listing, Failure):
        return listing
    commits = tuple(_commit(item, ref) for item in listing)
    if window.commit is not None:
        at = next((at for at, each in enumerate(commits) if each.id.startswith(window.commit)), None)
        if at is None:
            return BranchHistory(commits, complete=not listing.incomplete, reason=listing.incomplete, is_rewritten=True)
        return BranchHistory(commits[:at], commits[at:])
    # A commit dated before the window that comes after one dated inside it was made inside the window.
    last = max((at for at, item in enumerate(listing) if not _is_older(item, window)), default=-1) + 1
    whole = not listing.incomplete and not (last == len(commits) >= MOST_COMMITS)
    reason = listing.incomplete or f"only the newest {MOST_COMMITS:,} commits were read"
    return BranchHistory(
        commits[:last], commits[last:], whole, "" if whole else reason, is_rewritten=whole and last == len(commits)
    )


def _is_older(item: JsonObject, window: ChangesWindow) -> bool:
    date = parse_timestamp(item.get("date"))
    return date is not None and window.since is not None and date < window.since


def _commit(item: JsonObject, ref: str | None) -> RepositoryCommit:
    authors = item.get("authors")
    names = [text(each.get("user")) for each in authors if isinstance(each, dict)] if isinstance(authors, list) else []
    return RepositoryCommit(
        text(item.get("id")),
        parse_timestamp(item.get("date")),
        ", ".join(name for name in names if name) or None,
        text(item.get("title")),
        ref=ref,
    )


@dataclass(frozen=True)
class ServerTimes:
    """Uploads of large files, the newest of each content id, by the server's clock."""

    uploads: Mapping[str, LargeUpload] = field(default_factory=dict)

    @classmethod
    def of(cls, uploads: Sequence[LargeUpload]) -> ServerTimes:
        """The first upload of each content; later ones change nothing."""
        first: dict[str, LargeUpload] = {}
        for each in uploads:
            known = first.get(each.content_id)
            if each.pushed_at is not None and (
                known is None or known.pushed_at is None or each.pushed_at < known.pushed_at
            ):
                first[each.content_id] = each
            first.setdefault(each.content_id, each)
        return cls(first)

    def pushed_at(self, content_id: str | None) -> datetime | None:
        """When the server received the content."""
        upload = self.uploads.get(content_id or "")
        return upload.pushed_at if upload is not None else None

    def in_window(self, files: Mapping[str, RepoFile], window: ChangesWindow) -> list[str]:
        """Paths of `files` whose content was uploaded inside the window."""
        if window.since is None:
            return []
        return [
            path
            for path, file in files.items()
            if file.is_large and (at := self.pushed_at(file.content_id)) is not None and at >= window.since
        ]
