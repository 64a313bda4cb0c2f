"""Support for inline ignore comments, which is off by default."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tokenaudit.interfaces import Detection, Scanner, ScanResult

_ON_THE_LINE = re.compile(
    rb"pragma:[ \t]*(?:allow|white)list[ \t]+secret"  # detect-secrets
    rb"|gitleaks:allow|betterleaks:allow|trufflehog:ignore|kingfisher:ignore|ggignore|ggshield-ignore"
    rb"|secretlint-disable-line|tokenaudit:allow",
    re.IGNORECASE,
)
_ON_THE_LINE_BEFORE = re.compile(
    rb"pragma:[ \t]*(?:allow|white)list[ \t]+nextline[ \t]+secret|secretlint-disable-next-line", re.IGNORECASE
)


@dataclass(frozen=True)
class AllowlistFilter:
    """A detector that omits detections on lines with an ignore comment of a scanner.

    Not used by default: a scanned repository must not be able to suppress findings.
    """

    scanner: Scanner

    def may_contain(self, data: bytes) -> bool:
        """Return the result of the wrapped detector."""
        return self.scanner.may_contain(data)

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        """Return the result of the wrapped detector without detections on lines with an ignore comment."""
        examined = self.scanner.scan(data, name)
        if not examined.detections:
            return examined
        lines = data.split(b"\n")
        allowed = tuple(detection for detection in examined.detections if not _allowed(detection, lines))
        return replace(examined, detections=allowed)


def _allowed(detection: Detection, lines: list[bytes]) -> bool:
    if detection.line is None or detection.member is not None or detection.line > len(lines):
        return False
    before = lines[detection.line - 2] if detection.line > 1 else b""
    return bool(_ON_THE_LINE.search(lines[detection.line - 1]) or _ON_THE_LINE_BEFORE.search(before))
