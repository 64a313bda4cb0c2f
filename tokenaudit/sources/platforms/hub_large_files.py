"""The content of a Hub repository's large files, which are pointers in git."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tokenaudit.git.command import GitError
from tokenaudit.git.tempdir import scratch_folder
from tokenaudit.hub.client import Hub
from tokenaudit.hub.download import BucketFile, LargeFile, content, fetch, files, large_files
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import Finding, LocatedDetection, Pointer, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.local.file_reader import Unreadable
from tokenaudit.sources.local.git_locations import place
from tokenaudit.sources.local.parallel import examine_file
from tokenaudit.sources.local.pointers import without_content
from tokenaudit.sources.platforms.json_document import Found
from tokenaudit.text import count, size

LARGEST_TEXT = 10 * 1000 * 1000
"""Default maximum size in bytes of files that can be text."""

_TEXT = frozenset(
    (
        ".bash", ".c", ".cfg", ".conf", ".cpp", ".cs", ".css", ".csv", ".env", ".go", ".h", ".html",
        ".ini", ".ipynb", ".java", ".js", ".json", ".json5", ".jsonc", ".jsonl", ".jsx", ".key", ".log", ".lua",
        ".md", ".mdx", ".ndjson", ".out", ".patch", ".pem", ".php", ".pl", ".ps1", ".py", ".r", ".rb",
        ".rs", ".rst", ".rtf", ".scala", ".sh", ".sql", ".srt", ".svg", ".swift", ".tex", ".toml", ".ts",
        ".tsv", ".tsx", ".txt", ".vtt", ".xml", ".yaml", ".yml", ".zsh",
    )
)  # fmt: skip


class PointerHistory(Protocol):
    """The history of a repository after it has been read."""

    @property
    def pointers(self) -> Collection[Pointer]:
        """The pointers whose content is not in git."""

    def introductions(self, pointers: Collection[Pointer]) -> Mapping[Pointer, tuple[str, str]]:
        """Return the path and the commit in which each was added.

        Raises:
            GitError: git can't be run.
        """


@dataclass(frozen=True)
class LargeFileLimit:
    """The files to read: all up to `size` bytes; without it those that can be text, up to 10 MB."""

    size: int | None = None

    def covers(self, file: LargeFile) -> bool:
        """Return whether `file` is read."""
        if self.size is not None:
            return file.size <= self.size
        suffix = os.path.splitext(file.path.lower())[1]  # noqa: PTH122 - a path of the Hub, not of this system
        return file.size <= LARGEST_TEXT and (not suffix or suffix in _TEXT)


class LargeFilesSource:
    """The large files of a repository: those in one revision as listed by the Hub, and those of other revisions.

    `history` has the pointers in the repository's objects, once those have been read: without pointers no request is
    sent. Skipped files are reported with their number and size.
    """

    kind = "git"

    def __init__(
        self,
        hub: Hub,
        secret: Secret | None,
        repository: HubRepository,
        revision: str,
        history: PointerHistory,
        limit: LargeFileLimit,
    ) -> None:
        self.target = repository.target
        self._hub, self._secret, self._repository, self._revision = hub, secret, repository, revision
        self._history = history
        self._limit = limit

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        pointers = {pointer.key: pointer for pointer in self._history.pointers}
        if not pointers:
            return
        where = f"{self.target}: large files"
        listing = large_files(self._hub, self._repository, self._revision, self._secret)
        if isinstance(listing, Failure):
            run.retry = True
            yield Skipped(where, needs(listing, f"repo.content.read on {self.target}"))
            return
        if listing.incomplete:
            run.retry = True
            yield Skipped(where, listing.incomplete)
        left_out = [file for file in listing if not self._limit.covers(file)]
        for file in listing:
            if self._limit.covers(file):
                yield from self._file(file, run)
        yield from _left_out(where, "file", left_out)
        elsewhere = [pointers[key] for key in pointers.keys() - {file.key for file in listing}]
        if elsewhere:
            yield from self._of_history(elsewhere, run)

    def _of_history(self, pointers: Sequence[Pointer], run: ScanContext) -> Iterator[Finding]:
        """Yield the content of pointers that are only in other revisions, requested at the commit that added each."""
        where = f"{self.target}: large files of its history"
        try:
            introduced = self._history.introductions(pointers)
        except GitError as error:
            run.retry = True
            yield Skipped(where, f"git can't say which commits brought them: {error}")
            introduced = {}
        left_out, unknown = [], []
        for pointer in sorted(pointers, key=lambda pointer: introduced.get(pointer, ("", pointer.key))):
            if pointer not in introduced or pointer.size is None:
                unknown.append(pointer)
                continue
            path, commit = introduced[pointer]
            file = LargeFile(path, pointer.key, pointer.size)
            if self._limit.covers(file):
                yield from self._file(file, run, commit)
            else:
                left_out.append(file)
        yield from _left_out(where, "file of other revisions", left_out)
        if unknown:
            total = sum(pointer.size or 0 for pointer in unknown)
            reason = f"{count(len(unknown), 'pointer')} ({size(total)}) of other revisions have no content in git"
            how = "clone the repository, run git lfs fetch --all there, and scan it"
            yield Skipped(where, f"{reason}; to read it, {how}")

    def _file(self, file: LargeFile, run: ScanContext, commit: str | None = None) -> Iterator[Finding]:
        """Yield the findings in one file; `commit` if the file is not in the listed revision."""
        where = f"{self.target}: {file.path}" + (f" in {commit}" if commit else "")
        with scratch_folder("large-file") as folder:
            copy = folder / "content"
            with copy.open("w+b") as into:
                answer = fetch(self._hub, self._repository, commit or self._revision, file, self._secret, into)
            if isinstance(answer, Failure):
                run.retry = True
                yield Skipped(where, needs(answer, f"repo.content.read on {self.target}"))
                return
            try:
                examined, read = examine_file(os.fspath(copy), run.scanner)
            except Unreadable as error:
                run.retry = True
                yield Skipped(where, error.reason)
                return
        run.read(1, read)
        found: list[Finding] = [Skipped(where, reason) for reason in examined.skipped]
        for seen in examined.detections:
            location = replace(
                place("large-file", self.target, seen), path=file.path, commit=commit, in_head=commit is None
            )
            found.append(LocatedDetection(seen, location))
        yield from found


def _left_out(where: str, what: str, files: Sequence[LargeFile]) -> Iterator[Skipped]:
    if files:
        total = size(sum(file.size for file in files))
        singular = what if len(files) == 1 else what.replace("file", "files", 1)
        verb = "is only a pointer" if len(files) == 1 else "are only pointers"
        was = "was" if len(files) == 1 else "were"
        enough = max(file.size for file in files)
        reason = f"{len(files):,} {singular} ({total}) {verb} in git and {was} not read"
        yield Skipped(where, f"{reason}; read {'it' if len(files) == 1 else 'them'} with: --lfs {enough}")


_NEVER_TEXT = ("image/", "audio/", "video/", "font/")
_WEIGHTS = (
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack", ".npy", ".npz", ".parquet",
    ".arrow", ".mp4", ".mp3", ".wav", ".png", ".jpg", ".jpeg", ".webp", ".gif",
)  # fmt: skip


class BucketSource:
    """One bucket ("owner/name"). Weights, media and tables are not read; larger texts are reported as skipped.

    `largest` is the maximum size of one file in bytes, `most` that of all files together.
    """

    kind = "bucket"

    def __init__(self, hub: Hub, secret: Secret | None, bucket: str, largest: int, most: int) -> None:
        self.target = f"buckets/{bucket}"
        self._hub, self._secret, self._bucket, self._largest, self._most = hub, secret, bucket, largest, most

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in files, and which files were skipped."""
        listing = files(self._hub, self._bucket, self._secret)
        if isinstance(listing, Failure):
            yield Skipped(self.target, needs(listing, f"repo.content.read on {self.target}"))
            return
        if listing.incomplete:
            yield Skipped(self.target, listing.incomplete)
        run.read(1, 0)
        left = self._most
        large = 0
        for file in listing:
            if _is_media(file):
                continue
            if file.size is not None and (file.size > self._largest or file.size > left):
                large += 1
                continue
            answer = content(self._hub, self._bucket, file, self._secret, min(self._largest, left))
            if isinstance(answer, Failure):
                run.retry = True
                reason = needs(answer, f"repo.content.read on {self.target}")
                yield Skipped(f"{self.target}: {file.path}", reason)
                continue
            left -= len(answer.body)
            run.read(1, len(answer.body))
            yield from self._in_file(run, file.path, answer.body)
        if large:
            reason = f"{large} files exceed the limit of {self._largest >> 10} KiB per file"
            yield Skipped(f"{self.target}: large files", reason)

    def _in_file(self, run: ScanContext, path: str, data: bytes) -> Iterator[Found]:
        if not run.scanner.may_contain(data):
            return
        examined = run.scanner.scan(data, path)
        yield from (Skipped(f"{self.target}: {path}", reason) for reason in examined.skipped)
        yield from without_content(self.target, [(path, each) for each in examined.pointers])
        for seen in examined.detections:
            yield LocatedDetection(seen, replace(place("bucket", self.target, seen), path=path))


def _is_media(file: BucketFile) -> bool:
    return file.content_type.startswith(_NEVER_TEXT) or file.path.lower().endswith(_WEIGHTS)
