"""Changes of files that exist only in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

from tokenaudit.content.change import ContentJudgement, FileChange, FileChangeKind, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ContentLimits
from tokenaudit.content.judge import judge_change


def version(path: str, data: bytes) -> FileVersion:
    """A version with `data` as its content."""
    return FileVersion(path, len(data), hashlib.sha256(data).hexdigest(), lambda: io.BytesIO(data))


def changed(path: str, after: bytes | None, before: bytes | None = None) -> FileChange:
    """The change of `path` from `before` to `after`; None is no file."""
    kind: FileChangeKind = "deleted" if after is None else "added" if before is None else "modified"
    return FileChange(
        kind,
        None if before is None else version(path, before),
        None if after is None else version(path, after),
    )


def facts(
    before: Mapping[str, bytes] | None = None,
    after: Mapping[str, bytes] | None = None,
    type: str = "model",  # noqa: A002 - the field's name
) -> RepositoryFacts:
    """A repository with these files at both revisions."""
    old, new = before or {}, after or {}
    changes = [changed(path, new.get(path), old.get(path)) for path in {**old, **new} if old.get(path) != new.get(path)]
    return RepositoryFacts(
        "acme/m",
        type,
        before={path: version(path, data) for path, data in old.items()},
        after={path: version(path, data) for path, data in new.items()},
        changes=tuple(changes),
    )


def judge(
    path: str,
    after: bytes | None,
    before: bytes | None = None,
    *,
    repository: RepositoryFacts | None = None,
    limits: ContentLimits | None = None,
) -> ContentJudgement:
    """The judgement of one change."""
    return judge_change(changed(path, after, before), repository or facts(), limits)


def judge_all(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    type: str = "model",  # noqa: A002 - the field's name
) -> dict[str, ContentJudgement]:
    """The judgement of every file that differs, by path."""
    repository = facts(before, after, type)
    return {change.path: judge_change(change, repository) for change in repository.changes}
