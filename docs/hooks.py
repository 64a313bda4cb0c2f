"""What MkDocs adds while it builds the site: example reports written by the code of this version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def on_files(files: Any, config: Any) -> Any:
    """The living examples, synthetic reports rendered now, and the published schemas."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only MkDocs runs this

    from tests.support.planted import planted  # noqa: PLC0415 - as above
    from tests.support.reports import examples  # noqa: PLC0415 - as above
    from tokenaudit.report import render, schema  # noqa: PLC0415 - as above
    from tokenaudit.report.changes import render as render_changes  # noqa: PLC0415 - as above
    from tokenaudit.rule_index import all_rules  # noqa: PLC0415 - as above

    for document in schema.DOCUMENTS.values():
        files.append(File.generated(config, f"schemas/{document.file}", content=schema.text(document)))
    for name, report in examples().items():
        page = render(report, "html", rules=all_rules())
        files.append(File.generated(config, f"examples/{name}.html", content=page))
    changes = render_changes(planted(), "html")
    files.append(File.generated(config, "examples/planted.html", content=changes))
    return files
