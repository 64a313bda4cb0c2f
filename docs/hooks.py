"""What MkDocs adds while it builds the site: the order of the pages, and example reports written by the real code."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

FIRST = (
    "index.md",
    "start.md",
    "examples.md",
    "task-organization.md",
    "task-ci.md",
    "pull-request.md",
    "task-breach.md",
    "task-machine.md",
)
LAST = ("formats.md", "rules.md", "cli.md", "how-it-works.md", "security-model.md")


def on_config(config: Any) -> Any:
    """Every page is in the menu: the first steps, then the tasks, then the references."""
    found = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    middle = [name for name in found if name not in {*FIRST, *LAST}]
    ordered = [*(name for name in FIRST if name in found), *middle, *(name for name in LAST if name in found)]
    config["nav"] = [{_title(name): name} for name in ordered]
    return config


def on_files(files: Any, config: Any) -> Any:
    """The living examples: synthetic reports rendered now."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only MkDocs runs this

    from tokenaudit.report import schema  # noqa: PLC0415 - as above

    for document in schema.DOCUMENTS.values():
        files.append(File.generated(config, f"schemas/{document.file}", content=schema.text(document)))
    from tests.support.reports import examples  # noqa: PLC0415 - as above
    from tokenaudit.report import render  # noqa: PLC0415 - as above
    from tokenaudit.rule_index import all_rules  # noqa: PLC0415 - as above

    for name, report in examples().items():
        page = render(report, "html", rules=all_rules())
        files.append(File.generated(config, f"examples/{name}.html", content=page))
    return files


def _title(name: str) -> str:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found.group(1) if found else name
