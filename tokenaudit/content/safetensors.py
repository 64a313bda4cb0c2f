"""The headers of safetensors: tensors must cover the file, names must be unique, metadata must not contain code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tokenaudit.content import config, pickle_code
from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.gguf import DamagedHeaderError, safetensors_header
from tokenaudit.content.path_escape import Pairs
from tokenaudit.model import Rule, Severity

RULES: tuple[Rule, ...] = ()
"""Empty: the findings belong to the rules about pickles and configuration."""

_LARGEST_HEADER = 25_000_000
_LARGEST_METADATA = 64 << 10
_WIDTHS = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2,
    "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "C64": 8,
}  # fmt: skip
_CODE_KEYS = re.compile(r"_target_|!!python|__reduce__|auto_map|trust_remote_code")


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Compares the header with the size of the file, and reads its metadata."""
    del repository
    if change.after is not None and content.format == "safetensors":
        yield from _safetensors(change.after, content)


def _safetensors(version: FileVersion, content: ChangedContent) -> Iterator[ContentFinding]:
    try:
        text = safetensors_header(version, content, _LARGEST_HEADER)
    except DamagedHeaderError as error:
        content.skip(str(error))
        return
    try:
        header = json.loads(text, object_pairs_hook=Pairs)
    except (ValueError, UnicodeDecodeError):
        yield _hides(content, "a safetensors header that is not JSON")
        return
    if not isinstance(header, Pairs):
        yield _hides(content, "a safetensors header that is not an object")
        return
    defect = _layout(header, version.size - 8 - len(text))
    if defect is not None:
        yield _hides(content, f"safetensors with {defect}")
    metadata = header.get("__metadata__", {})
    written = json.dumps(metadata)
    if (found := _CODE_KEYS.search(written)) is not None:
        message = f"the safetensors metadata contains {found[0]}"
        yield finding(config.RULE, message, risk="executes", evidence=written[max(found.start() - 20, 0) :])
    if len(written) > _LARGEST_METADATA:
        yield _hides(content, f"{len(written):,} characters of metadata in safetensors")


def _hides(content: ChangedContent, what: str) -> ContentFinding:
    content.skip(what)
    return finding(pickle_code.UNREADABLE, f"holds {what}", risk="unknown", severity=Severity.MEDIUM)


def _layout(header: Pairs, length: int) -> str | None:
    """What is wrong with the offsets of the tensors; None if they cover the file without gap or overlap."""
    if len(header) < len(header.pairs):
        return "two tensors with the same name"
    places = []
    for name, each in header.items():
        if name == "__metadata__":
            continue
        offsets = each.get("data_offsets") if isinstance(each, dict) else None
        if not (isinstance(offsets, list) and len(offsets) == 2 and all(isinstance(at, int) for at in offsets)):  # noqa: PLR2004 - begin and end
            return f"a tensor {name} without offsets"
        shape, dtype = each.get("shape"), each.get("dtype")
        if dtype in _WIDTHS and isinstance(shape, list) and all(isinstance(side, int) for side in shape):
            count = _WIDTHS[dtype]
            for side in shape:
                count *= side
            if count != offsets[1] - offsets[0]:
                return f"a tensor {name} whose size does not match its offsets"
        places.append(tuple(offsets))
    at = 0
    for start, end in sorted(places):
        if start != at or end < start:
            return "tensors that overlap or leave a gap"
        at = end
    return None if at == length else f"{abs(length - at):,} bytes that belong to no tensor"
