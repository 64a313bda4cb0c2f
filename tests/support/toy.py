"""A small `Examiner` for tests of places, so that they stand on their own."""

from __future__ import annotations

import re

from tokenaudit.interfaces import Detection, ScanResult
from tokenaudit.secret import Secret

_TOKEN = re.compile(rb"hf_[A-Za-z]{34}(?![A-Za-z0-9])")


class ToyExaminer:
    """Finds user tokens written plainly, with line and column."""

    def may_contain(self, data: bytes) -> bool:
        return b"hf_" in data

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        del name
        return ScanResult(tuple(self._detection(data, found) for found in _TOKEN.finditer(data)))

    def _detection(self, data: bytes, found: re.Match[bytes]) -> Detection:
        start = found.start()
        line = data.count(b"\n", 0, start) + 1
        column = start - (data.rfind(b"\n", 0, start) + 1) + 1
        return Detection("user_token", Secret(found.group().decode()), "credential", line, column)
