"""Files and git repositories on this machine: one class per kind of source, loaded when a target requires it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.lazy_names import lazy_names

if TYPE_CHECKING:
    from tokenaudit.sources.local.ci_config import CiChangesSource, CiSource
    from tokenaudit.sources.local.filesystem import TreeSource
    from tokenaudit.sources.local.git_dir import GitDirSource
    from tokenaudit.sources.local.git_history import HistorySource, NestedHistoriesSource
    from tokenaudit.sources.local.git_index import StagedSource
    from tokenaudit.sources.local.git_range import SinceSource

__all__ = [
    "CiChangesSource",
    "CiSource",
    "GitDirSource",
    "HistorySource",
    "NestedHistoriesSource",
    "SinceSource",
    "StagedSource",
    "TreeSource",
]

__getattr__ = lazy_names(
    __name__,
    {
        "CiChangesSource": ".ci_config",
        "CiSource": ".ci_config",
        "GitDirSource": ".git_dir",
        "HistorySource": ".git_history",
        "NestedHistoriesSource": ".git_history",
        "SinceSource": ".git_range",
        "StagedSource": ".git_index",
        "TreeSource": ".filesystem",
    },
)
