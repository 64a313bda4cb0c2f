"""Checks a release's tag against the version and the changelog, and prints its notes.

Usage: python .ci/release_notes.py v0.1.0. Exits 1 with one line where they do not agree. Needs nothing installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)
_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)


def notes(tag: str, root: Path) -> str:
    """The section of the changelog for `tag`.

    Raises:
        ValueError: the tag, the version and the changelog do not agree; the message is one line.
    """
    found = _VERSION.search((root / "tokenaudit" / "_version.py").read_text("utf-8"))
    version = found["version"] if found else "unknown"
    if tag != f"v{version}":
        message = f"the tag is {tag}, but tokenaudit/_version.py says {version}"
        raise ValueError(message)
    text = (root / "CHANGELOG.md").read_text("utf-8")
    heads = list(_SECTION.finditer(text))
    sections = {
        head["title"]: text[head.end() : after.start() if after else len(text)].strip()
        for head, after in zip(heads, [*heads[1:], None], strict=True)
    }
    if sections.get("Unreleased"):
        message = "CHANGELOG.md still has entries under Unreleased"
        raise ValueError(message)
    for title, content in sections.items():
        if re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", title):
            if not content:
                message = f"CHANGELOG.md says nothing about {version}"
                raise ValueError(message)
            return content + "\n"
    message = f'CHANGELOG.md has no section "## {version} - YYYY-MM-DD"'
    raise ValueError(message)


def main() -> int:
    """See the module's docstring."""
    try:
        sys.stdout.write(notes(sys.argv[1], Path(__file__).resolve().parent.parent))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
