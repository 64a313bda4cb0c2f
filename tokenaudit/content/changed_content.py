"""The content of a change as rules read it: the bytes of both versions within limits, and safe quotations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from tokenaudit.content.change import ContentFinding, FileChange, FileFormat, FileVersion, Risk
from tokenaudit.content.detect_format import HEAD, detect_format
from tokenaudit.model import Rule, Severity
from tokenaudit.text import shorten, size, visible, without_chat_markers

LONGEST_EVIDENCE = 80
"""Maximum number of characters that a finding quotes."""


def quoted_evidence(text: str) -> str:
    """`text` as evidence: one line of at most 80 characters that is safe for people, terminals and language models.

    Credentials are masked; control, direction and invisible characters are escaped; markers of chat turns
    (`<|im_start|>`, `[INST]`) get other brackets, which no tokenizer knows.
    """
    plain = visible(shorten(" ".join(text.split()), LONGEST_EVIDENCE))
    plain = without_chat_markers(plain)
    return shorten(plain, LONGEST_EVIDENCE)


@dataclass(frozen=True)
class ContentLimits:
    """Limits for one file.

    `pickle_bytes` is how many bytes of pickles and their containers are read, compressed and decompressed together;
    `operations` how many opcodes are followed (about ten seconds); `text_bytes` the largest text that is read;
    `depth` how many nested containers and `members` how many members of an archive are examined.
    """

    pickle_bytes: int = 64 << 20
    operations: int = 4_000_000
    text_bytes: int = 8 << 20
    depth: int = 6
    members: int = 10_000


class ChangedContent:
    """The content of one change. Each version is opened once; `skip` records what could not be examined.

    Reads raise `OSError`, which `judge_change` catches.
    """

    def __init__(self, change: FileChange, limits: ContentLimits | None = None) -> None:
        self.change = change
        self.limits = limits or ContentLimits()
        self.skipped: list[str] = []
        self._files: dict[int, BinaryIO] = {}
        self._bytes: dict[int, bytes] = {}

    @cached_property
    def format(self) -> FileFormat:
        """The format by content; for a deleted file, that of the version before."""
        version = self.change.after or self.change.before
        if version is None:
            return "other"
        return detect_format(version.path, self.head(version), version.size)

    def refine(self, form: FileFormat) -> None:
        """Sets the format when more than the first bytes is known, such as for a zip that is a torch file."""
        self.__dict__["format"] = form

    @property
    def path(self) -> str:
        """The path now, or the one that was deleted."""
        return self.change.path

    def skip(self, reason: str) -> None:
        """Records what was not examined: the change is not clean."""
        if reason not in self.skipped:
            self.skipped.append(reason)

    def open(self, version: FileVersion) -> BinaryIO:
        """The version's file, opened at most once."""
        if id(version) not in self._files:
            self._files[id(version)] = version.open()
        return self._files[id(version)]

    def close(self) -> None:
        """Closes the files that were opened."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def read(self, version: FileVersion, start: int, length: int) -> bytes:
        """Up to `length` bytes at `start`; fewer only at the end of the file."""
        file = self.open(version)
        file.seek(start)
        parts = []
        while length > 0 and (part := file.read(length)):
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def head(self, version: FileVersion) -> bytes:
        """The first bytes, enough to recognize the format."""
        key = -id(version)
        if key not in self._bytes:
            self._bytes[key] = self.read(version, 0, HEAD)
        return self._bytes[key]

    def text(self, version: FileVersion | None) -> str | None:
        """The version as text; None if there is none, or it is not text or too large, which `skipped` then says."""
        if version is None:
            return None
        if id(version) not in self._bytes:
            if version.size > self.limits.text_bytes:
                self.skip(f"{version.size:,} bytes of text, more than the {size(self.limits.text_bytes)} that are read")
                return None
            self._bytes[id(version)] = self.read(version, 0, self.limits.text_bytes + 1)
        data = self._bytes[id(version)]
        if len(data) > self.limits.text_bytes:
            self.skip(f"more than the {size(self.limits.text_bytes)} of text that are read")
            return None
        try:
            return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
        except UnicodeDecodeError:
            self.skip("not text in UTF-8 or UTF-16")
            return None

    @property
    def after_text(self) -> str | None:
        """The text now; see `text`."""
        return self.text(self.change.after)

    @property
    def before_text(self) -> str | None:
        """The text before; see `text`. If it can't be read, all of the text now counts as new."""
        return self.text(self.change.before)


def finding(
    rule: Rule,
    message: str,
    *,
    risk: Risk,
    severity: Severity | None = None,
    line: int | None = None,
    names: tuple[str, ...] = (),
    evidence: str | None = None,
) -> ContentFinding:
    """A finding of `rule`, with the rule's severity unless another is given.

    `evidence`, `names` and `message` can contain text of the file and are made safe here.
    """
    return ContentFinding(
        rule=rule.id,
        severity=severity or rule.severity,
        message=_safe(message),
        remedy=rule.remedy,
        line=line,
        names=tuple(quoted_evidence(name) for name in names),
        evidence=None if evidence is None else quoted_evidence(evidence),
        risk=risk,
    )


_LONGEST_MESSAGE = 400


def _safe(text: str) -> str:
    plain = visible(shorten(" ".join(text.split()), _LONGEST_MESSAGE))
    return without_chat_markers(plain)
