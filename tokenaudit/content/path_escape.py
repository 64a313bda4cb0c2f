"""Paths that leave the repository: in an index of weights, in external data of ONNX, in archives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from tokenaudit.content import format_downgrade
from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.model import Rule, Severity
from tokenaudit.text import size

RULE = Rule(
    id="content-path-escape",
    title="Path that leaves the repository",
    severity=Severity.HIGH,
    why="An index, external data or an archive can contain absolute paths and `..`. Loaders then read or overwrite "
    "files of the machine, such as the token file (CVE-2022-25882, CVE-2024-27318).",
    remedy="Do not load or unpack the file. Restore the last good revision.",
    bad='`"weight_map": {"w": "../../.cache/huggingface/token"}` in model.safetensors.index.json',
    good='`"weight_map": {"w": "model-00001-of-00002.safetensors"}`',
    references=("https://nvd.nist.gov/vuln/detail/CVE-2024-27318",),
)
RULES = (RULE,)

_INDEX = re.compile(r"\.index(?:\.[\w-]+)?\.json$")
_ESCAPES = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\~]|^[A-Za-z]:[/\\]|^[A-Za-z][\w+.-]*://|\x00")
_ONNX_LOCATION = re.compile(rb"\x0a\x08location\x12")
_LARGEST_ONNX = 64 << 20
_LARGEST_INDEX = 16 << 20
_MOST = 5


def escapes(path: str) -> bool:
    """Whether a path leaves its base folder, is absolute, or is a URL."""
    return bool(_ESCAPES.search(path))


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Finds paths that leave the repository and that the version before does not have."""
    del repository
    version = change.after
    if version is None:
        return
    if _INDEX.search(version.path):
        yield from _index(change, version, content)
    elif PurePosixPath(version.path).suffix.lower() == ".onnx" or content.format == "onnx":
        yield from _onnx(change, version, content)


def _index(change: FileChange, version: FileVersion, content: ChangedContent) -> Iterator[ContentFinding]:
    now, before = _weight_map(version, content), set(_weight_map(change.before, content) or ())
    if now is None:
        content.skip("an index of weights that is not JSON")
        return
    for path in [each for each in now if escapes(each)][:_MOST]:
        yield finding(RULE, f"the index leads to {path}", risk="misleads", evidence=path)
    if "safetensors" in PurePosixPath(version.path).name:
        for path in [each for each in now if not each.endswith(".safetensors") and not escapes(each)][:_MOST]:
            message = f"the index of safetensors leads to {path}, which is not a safetensors file"
            yield finding(format_downgrade.RULE, message, risk="weakens", evidence=path)
    new = [each for each in now if "/" in each and each not in before and not escapes(each)]
    for path in new[:_MOST]:
        message = f"the index leads to {path} in another folder"
        yield finding(RULE, message, risk="misleads", severity=Severity.MEDIUM, evidence=path)


def _weight_map(version: FileVersion | None, content: ChangedContent) -> list[str] | None:
    """The distinct files that an index names, including all values of a repeated key. None if it is not an index."""
    if version is None:
        return []
    if version.size > _LARGEST_INDEX:
        content.skip(f"an index of more than {size(_LARGEST_INDEX)}")
        return []
    named: dict[str, None] = {}

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, value in pairs:
            if key == "weight_map" and isinstance(value, Pairs):
                named.update((each, None) for _, each in value.pairs if isinstance(each, str))
        return Pairs(pairs)

    try:
        json.loads(content.read(version, 0, _LARGEST_INDEX), object_pairs_hook=collect)
    except (ValueError, UnicodeDecodeError):
        return None
    return list(named)


class Pairs(dict[str, Any]):
    """A JSON object that keeps all values of repeated keys."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _onnx(change: FileChange, version: FileVersion, content: ChangedContent) -> Iterator[ContentFinding]:
    if version.size > _LARGEST_ONNX:
        content.skip(f"only the first {size(_LARGEST_ONNX)} of an ONNX file are examined")
    before = set(_locations(change.before, content)) if change.before is not None else set()
    for path in [each for each in _locations(version, content) if escapes(each) and each not in before][:_MOST]:
        yield finding(RULE, f"stores the data of a tensor in {path}", risk="misleads", evidence=path)


def _locations(version: FileVersion, content: ChangedContent) -> Iterator[str]:
    """The locations of external data: values of the key `location` in protobuf's string pairs."""
    data = content.read(version, 0, _LARGEST_ONNX)
    seen = set()
    for found in _ONNX_LOCATION.finditer(data):
        at, length, shift = found.end(), 0, 0
        while at < len(data) and shift < 32:  # noqa: PLR2004 - a length of at most four bytes
            length |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        path = data[at : at + min(length, 4096)].decode("utf-8", "backslashreplace")
        if path not in seen:
            seen.add(path)
            yield path
