"""What a change does to the CI configuration: misuse that a commit, or a range of them, would bring in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import safe_git_dir
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.reachability import is_null_id
from tokenaudit.interfaces import Finding, ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.git_index import index_of_hook

if TYPE_CHECKING:
    from tokenaudit.sources.local.ci_config import TreeEntry

# Wider than what the audit reads, and known without loading it: this runs before every commit.
_MAY_BE = re.compile(
    r"(?i)\.(?:ya?ml|json|toml|tf|tfvars|tfstate|mk|(?:ba|z|k)?sh|sbatch|slurm|pbs|qsub|psm?1|bat|cmd)$|rc$|profile$|zshenv$|"
    r"dockerfile|containerfile|makefile|justfile|jenkinsfile|procfile|\.env|bamboo-specs"
)
_Key: TypeAlias = tuple[str, str | None, str | None, str | None]


class CiChangesSource:
    """Problems in the configuration that are new.

    What is staged is compared with HEAD or, with `since`, `until` with where it left that revision. A problem that only
    moved to another line is not new. Literals are the matter of the sources that read the change itself. Nothing is
    parsed unless a file that may be configuration was touched.
    """

    kind = "ci"

    def __init__(
        self,
        path: Path,
        target: str,
        since: str | None = None,
        secret_names: Sequence[str] = (),
        until: str = "HEAD",
    ) -> None:
        self.path = path
        self.target = target
        self.since = since
        self.until = until
        self.secret_names = tuple(secret_names)

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `sources.interface.Source`. An unknown `since` is a `Skipped`; the source of the range says more."""
        try:
            git_dir = safe_git_dir(self.path / ".git")
            if self.since is None and not any(_MAY_BE.search(name) for name in _staged_names(self.path, git_dir)):
                return
            before, after = self._sides(git_dir)
        except GitError as error:
            yield Skipped(self.target, f"its configuration can't be compared: {error}")
            return
        if not any(_MAY_BE.search(path) for _, _, path in set(before) ^ set(after)):
            return
        with ObjectReader(git_dir) as reader:
            known = {_key(found) for found in self._audit(before, reader, run) if isinstance(found, Problem)}
            for found in self._audit(after, reader, run):
                if isinstance(found, Skipped) or _key(found) not in known:
                    yield found

    def _audit(
        self, entries: Sequence[TreeEntry], reader: ObjectReader, run: ScanContext
    ) -> Iterator[Problem | Skipped]:
        from tokenaudit.ci.audit import Literal, audit  # noqa: PLC0415 - most changes touch no configuration
        from tokenaudit.sources.local.ci_config import listed_files  # noqa: PLC0415 - as above

        skipped: list[Skipped] = []
        files = listed_files(entries, reader, self.target, skipped, run)
        for found in audit(files, self.target, self.secret_names, run.scanner):
            if not isinstance(found, Literal):
                yield found
        yield from skipped

    def _sides(self, git_dir: Path) -> tuple[list[TreeEntry], list[TreeEntry]]:
        from tokenaudit.sources.local.ci_config import tree_entries  # noqa: PLC0415 - as above

        tip = "HEAD" if self.since is None else self.until
        name = f"{tip}^{{commit}}"
        found = git("rev-parse", "--verify", "--quiet", "--end-of-options", name, git_dir=git_dir, allowed=(0, 1))
        head = found.decode().split()[-1] if found.strip() else ""
        if self.since is None:
            return tree_entries(git_dir, head) if head else [], _index(self.path, git_dir)
        if not head or is_null_id(self.since):
            return [], tree_entries(git_dir, head) if head else []
        commit = git("rev-parse", "--verify", "--end-of-options", f"{self.since}^{{commit}}", git_dir=git_dir)
        base = commit.decode().split()[-1]
        shared = git("merge-base", base, head, git_dir=git_dir, allowed=(0, 1)).decode().split()
        return tree_entries(git_dir, shared[0] if shared else base), tree_entries(git_dir, head)


def _staged_names(path: Path, git_dir: Path) -> list[str]:
    keep = ["GIT_INDEX_FILE"] if index_of_hook(path) else []
    head = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", git_dir=git_dir, allowed=(0, 1))
    if not head:
        return [name for _, _, name in _index(path, git_dir)]
    listing = git(
        "diff-index",
        "--cached",
        "--name-only",
        "-z",
        "--no-renames",
        "--ignore-submodules=all",
        "HEAD",
        "--",
        git_dir=git_dir,
        cwd=path,
        keep=keep,
    )
    return listing.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _key(problem: Problem) -> _Key:
    """What makes two problems the same, wherever they have moved."""
    return problem.rule, problem.path, problem.where, problem.credential_name


def _index(path: Path, git_dir: Path) -> list[TreeEntry]:
    keep = ["GIT_INDEX_FILE"] if index_of_hook(path) else []
    listing = git("ls-files", "--stage", "-z", git_dir=git_dir, cwd=path, keep=keep)
    entries = []
    for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        head, _, name = line.partition("\t")
        mode, blob, _ = head.split(" ")
        entries.append((mode, blob, name))
    return entries
