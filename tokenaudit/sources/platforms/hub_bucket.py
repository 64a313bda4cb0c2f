"""The files of a bucket that can be text, up to a size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tokenaudit.hub.client import Hub
from tokenaudit.hub.download import BucketFile, content, files
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.local.git_locations import place
from tokenaudit.sources.local.pointers import without_content
from tokenaudit.sources.platforms.json_document import Found

_NEVER_TEXT = ("image/", "audio/", "video/", "font/")
_WEIGHTS = (
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack", ".npy", ".npz", ".parquet",
    ".arrow", ".mp4", ".mp3", ".wav", ".png", ".jpg", ".jpeg", ".webp", ".gif",
)  # fmt: skip


class BucketSource:
    """One bucket ("owner/name"). Weights, media and tables are not looked into; larger texts are told as skipped.

    `largest` is the most bytes of one file, `most` those of all files together.
    """

    kind = "bucket"

    def __init__(self, hub: Hub, secret: Secret | None, bucket: str, largest: int, most: int) -> None:
        self.target = f"buckets/{bucket}"
        self._hub, self._secret, self._bucket, self._largest, self._most = hub, secret, bucket, largest, most

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Sightings in files, and which files were left out."""
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
            answer = content(self._hub, self._bucket, file.path, self._secret, min(self._largest, left))
            if isinstance(answer, Failure):
                reason = needs(answer, f"repo.content.read on {self.target}")
                yield Skipped(f"{self.target}: {file.path}", reason)
                continue
            left -= len(answer.body)
            run.read(1, len(answer.body))
            yield from self._in_file(run, file.path, answer.body)
        if large:
            reason = f"{large} files are larger than the limit of {self._largest >> 10} KiB a file"
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
