"""References to other files: links and storage of HDF5, templates and local files in fsspec references."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.hdf5 import MAGIC, MOST, read_references
from tokenaudit.model import Rule, Severity
from tokenaudit.text import size

RULE = Rule(
    id="content-hdf5-external",
    title="Data set that reads other files",
    severity=Severity.HIGH,
    why="HDF5 files can store a data set in any other file and link to any file. fsspec reference files can contain "
    "templates that are rendered. In July 2026, data sets with both attacked the Hub's workers.",
    remedy="Do not read the file. Restore the last good revision.",
    bad="train.h5 stores a data set in /proc/self/environ",
    good="train.h5 contains its data.",
    references=("https://docs.hdfgroup.org/documentation/hdf5/latest/_h5_d__u_g.html",),
)
RULES = (RULE,)

_SIMPLE = re.compile(r"\{\{\s*\w+\s*\}\}")
_MOST = 5


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Finds references to other files that the version before does not have."""
    del repository
    version = change.after
    if version is None:
        return
    if content.head(version).startswith(MAGIC):
        yield from _hdf5(change, version, content)
    elif PurePosixPath(version.path).suffix.lower() in {".json", ".jsonl"} and content.format == "config":
        yield from _references(change, version, content)


def _hdf5(change: FileChange, version: FileVersion, content: ChangedContent) -> Iterator[ContentFinding]:
    if version.size > MOST:
        content.skip(f"only the first {MOST:,} bytes of an HDF5 file are examined")
    now = read_references(content.read(version, 0, MOST))
    if now.cut:
        content.skip("an HDF5 file with too many links and messages")
    earlier = change.before
    before = read_references(content.read(earlier, 0, MOST)) if earlier is not None else read_references(b"")
    for path in [each for each in now.storage if each not in before.storage][:_MOST]:
        yield finding(RULE, f"stores a data set in {path}", risk="misleads", evidence=path)
    for path in [each for each in now.external if each not in before.external][:_MOST]:
        yield finding(RULE, f"links to the file {path}", risk="misleads", evidence=path)


def _references(change: FileChange, version: FileVersion, content: ChangedContent) -> Iterator[ContentFinding]:
    """References of an fsspec reference file: `refs`, and their templates."""
    if version.size > content.limits.text_bytes:
        if '"refs"' in content.head(version).decode("utf-8", "replace"):
            content.skip(f"a reference file of more than {size(content.limits.text_bytes)}")
        return
    text = content.text(version)
    if text is None or '"refs"' not in text:
        return
    before = content.text(change.before) or ""
    new = [each for each in _strings(text) if each not in before]
    for each in [one for one in new if "{%" in one or "{{" in one][:_MOST]:
        plain = not _SIMPLE.sub("", each).count("{{") and "{%" not in each
        yield finding(
            RULE,
            "a reference file holds a template" if plain else "a reference file holds a template that computes",
            risk="misleads" if plain else "executes",
            severity=Severity.MEDIUM if plain else Severity.CRITICAL,
            evidence=each,
        )
    for each in [one for one in new if re.match(r"file:|local:|/|~|(?:\.\./)", one)][:_MOST]:
        yield finding(RULE, "a reference file refers to a local file", risk="misleads", evidence=each)


def _strings(text: str) -> Iterator[str]:
    """The distinct keys and texts of a JSON document."""
    try:
        pending = [json.loads(text)]
    except ValueError:
        return
    seen: set[str] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += [*value.values(), *value]
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str) and value not in seen:
            seen.add(value)
            yield value
