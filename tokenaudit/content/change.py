"""A change of a file in a Hub repository, and the judgement of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TypeAlias

from tokenaudit.model import Severity

FileChangeKind: TypeAlias = Literal["added", "modified", "deleted", "renamed"]

Risk: TypeAlias = Literal["executes", "misleads", "weakens", "unknown", "none"]
"""What a change does to users of the repository. `executes`: code runs on load. `misleads`: people or programs that
read the file are led elsewhere. `weakens`: a protection was removed. `unknown`: the change could not be examined."""

FileFormat: TypeAlias = Literal[
    "pickle",
    "torch",
    "joblib",
    "numpy",
    "keras",
    "gguf",
    "onnx",
    "safetensors",
    "python",
    "card",
    "config",
    "notebook",
    "native",
    "archive",
    "other",
]
"""The format of a file by its content; the name decides only where the content is text."""


@dataclass(frozen=True)
class FileVersion:
    """A file at one revision.

    `path` is that in the repository, `size` in bytes. `content_id` is the SHA-256 of a large file, else the id of the
    git blob; equal ids mean equal contents. `open` returns a seekable binary file that reads only what is requested:
    for a remote file, each read is a range request. Reads raise `OSError` if the content is not available, because of
    the network, the server's response or the download limit.
    """

    path: str
    size: int
    content_id: str | None
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class FileChange:
    """One file before and after. `before` is None for an added file, `after` for a deleted one."""

    change: FileChangeKind
    before: FileVersion | None
    after: FileVersion | None

    @property
    def path(self) -> str:
        """The path now, or the one that was deleted."""
        version = self.after or self.before
        if version is None:
            message = "a change has a version before or after it"
            raise ValueError(message)
        return version.path


@dataclass(frozen=True)
class RepositoryFacts:
    """The repository of a changed file, as far as the rules need it.

    `id` is a name such as `acme/m`, `type` one of model, dataset, space, kernel, bucket. `before` and `after` are the
    listed files by path at both revisions. `changes` are all changed files. `holds_secrets` is whether a Space has
    secrets, None if unknown. `hub_imports` are the names that the Hub's scan found in each pickle, by path.
    """

    id: str
    type: str = "model"
    before: dict[str, FileVersion] = field(default_factory=dict)
    after: dict[str, FileVersion] = field(default_factory=dict)
    changes: tuple[FileChange, ...] = ()
    holds_secrets: bool | None = None
    hub_imports: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The namespace that the repository belongs to."""
        return self.id.split("/", 1)[0]


@dataclass(frozen=True)
class ContentFinding:
    """What one rule found in a change.

    `names` are the importable names involved, such as `posix.system`. `evidence` is at most 80 characters of the
    content, made safe by `quoted_evidence`. `line` counts from 1 in the version after. `risk` is what the change does;
    `ChangedContent.finding` sets it to the risk of the rule.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    line: int | None = None
    names: tuple[str, ...] = ()
    evidence: str | None = None
    risk: Risk = "unknown"


@dataclass(frozen=True)
class ContentJudgement:
    """What judging one change found.

    `skipped` are the reasons why parts could not be examined. It is never empty if `risk` is `unknown`, and a change
    with a skipped part is not clean.
    """

    format: FileFormat
    risk: Risk
    findings: tuple[ContentFinding, ...] = ()
    skipped: tuple[str, ...] = ()
