"""A git repository at the double of the Hub whose commits have dates, with large files behind pointers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.hub.double import HubDouble
from tests.support.gitrepo import GitRepo
from tokenaudit.changes.model import ChangesReport, ExaminedRepository
from tokenaudit.changes.run import ChangesRun
from tokenaudit.changes.window import named_repositories, parse_repository, parse_window
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.model import Tool
from tokenaudit.secret import Secret

SINCE = "2026-07-09"
NOW = datetime(2026, 7, 20, tzinfo=timezone.utc)
TOOL = Tool("tokenaudit", "0")


class SparseContent:
    """A file of any size: zeros, with some parts filled; what is read of it is counted."""

    def __init__(self, size: int, parts: Mapping[int, bytes]) -> None:
        self._size = size
        self._parts = parts
        self.served = 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice) -> bytes:
        start, stop, _ = wanted.indices(self._size)
        data = bytearray(stop - start)
        for at, part in self._parts.items():
            first, last = max(at, start), min(at + len(part), stop)
            if first < last:
                data[first - start : last - start] = part[first - at : last - at]
        self.served += len(data)
        return bytes(data)


class HostedRepository:
    """A repository that commits are pushed to; each has a date such as `2026-07-10`."""

    def __init__(
        self, double: HubDouble, folder: Path, repo_id: str, repo_type: str = "model", *, created: str = "2026-01-01"
    ) -> None:
        self.double = double
        self.id = repo_id
        self.repo = GitRepo(folder / f"work-{repo_type}-{repo_id.replace('/', '--')}")
        self.repo.git("commit", "-q", "--allow-empty", "-m", "initial commit", env=_dated("2026-01-01", "alice"))
        info = {"createdAt": f"{created}T00:00:00.000Z"}
        self.hosted = double.hosts(self.repo.path, repo_id, repo_type, downloads=41_000, info=info)

    def commit(
        self,
        title: str,
        date: str,
        files: Mapping[str, str | bytes] | None = None,
        *,
        deleted: tuple[str, ...] = (),
        author: str = "mallory",
        branch: str = "main",
    ) -> str:
        """Commits and pushes; the commit's id."""
        if self.repo.git("symbolic-ref", "--short", "HEAD") != branch.rpartition("/")[2]:
            known = self.repo.git("branch", "--list", branch.rpartition("/")[2])
            self.repo.git("checkout", "-q", *([] if known else ["-b"]), branch.rpartition("/")[2])
        for name, content in (files or {}).items():
            self.repo.write(name, content)
        for name in deleted:
            (self.repo.path / name).unlink()
        self.repo.git("add", "-A", "-f", ".")
        self.repo.git("commit", "-q", "--allow-empty", "-m", title, env=_dated(date, author))
        self.push(branch)
        return self.repo.head()

    def push(self, branch: str = "main") -> None:
        """Pushes the current commit to `branch`, or to a ref such as `refs/pr/1`, whatever is there."""
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        self.repo.git("push", "-q", "--force", str(self.hosted.git), f"HEAD:{ref}")

    def large(self, content: Any) -> str:
        """The pointer to a large file with `content`, which is stored."""
        raw = content if isinstance(content, bytes) else repr((len(content), id(content))).encode()
        key = hashlib.sha256(raw).hexdigest()
        self.hosted.large_files[key] = content
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{key}\nsize {len(content)}\n"


def _dated(date: str, author: str) -> dict[str, str]:
    when = date if "T" in date else f"{date}T12:00:00Z"
    return {
        "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_NAME": author, "GIT_COMMITTER_NAME": author,
        "GIT_AUTHOR_EMAIL": f"{author}@example.org",
    }  # fmt: skip


def client(double: HubDouble) -> Hub:
    """A client that does not wait long before it tries again."""
    return Hub(
        double.endpoint, timeout=2, deadline=10, retry_policy=RetryPolicy(2, first_backoff=0.01), auditor_token=False
    )


def examined(
    double: HubDouble, *arguments: str, since: str = SINCE, secret: str | None = None, limit: int = 100, **more: Any
) -> ChangesReport:
    """The report on the repositories that `arguments` name."""
    hub = client(double)
    own = Secret(secret) if secret is not None else None
    named = [parse_repository(argument, hub.endpoint) for argument in arguments]
    window = parse_window(since, NOW)
    repositories, skipped = named_repositories(hub, named, own, limit, window)
    run = ChangesRun(hub, own, window, TOOL, lambda: NOW, **more)
    return run.report(repositories, skipped)


def only(report: ChangesReport) -> ExaminedRepository:
    """The one repository of a report."""
    (found,) = report.repositories
    return found


def by_path(repository: ExaminedRepository) -> dict[str, Any]:
    """The files of a repository by path."""
    return {file.path: file for file in repository.files}
