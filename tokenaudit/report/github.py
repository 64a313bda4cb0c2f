"""Workflow commands that GitHub Actions turns into annotations, and the job's summary page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.errors import ConfigurationError
from tokenaudit.model import Severity
from tokenaudit.redaction import mask_shapes
from tokenaudit.report import Options, markdown, presentation
from tokenaudit.report.flat_findings import flat_findings
from tokenaudit.text import count, listed, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenaudit.model import Report
    from tokenaudit.report.flat_findings import FlatFinding

MOST_OF_A_KIND = 10
"""GitHub shows about ten annotations of each level per step."""

COLONS = r"\x3a\x3a"
"""Two colons in a name or message, which GitHub could read as the start of another command."""

_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
_MOST_SUMMARY_BYTES = 1_000_000
_LONGEST = 1000
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}


def render(report: Report, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """One command per finding, the worst of each level; the rest are counted. The last line is the verdict."""
    lines = []
    left = 0
    used = dict.fromkeys(_LEVELS.values(), 0)
    # Some warnings are reserved for accepted credentials and skipped places, one notice for the verdict.
    room = {"error": MOST_OF_A_KIND, "warning": MOST_OF_A_KIND - 2, "notice": MOST_OF_A_KIND - 3}
    for item in flat_findings(report):
        level = _LEVELS[item.severity]
        used[level] += 1
        if used[level] > room[level]:
            left += 1 + item.repeats
        else:
            lines.append(_annotation(level, item))
    if report.skipped:
        places = listed([f"{visible(entry.where)}: {visible(entry.reason)}" for entry in report.skipped], 5, "; ")
        title = {"title": "tokenaudit: incomplete scan"}
        lines.append(_command("warning", title, shorten(places.replace("::", COLONS), _LONGEST)))
    if report.accepted_active:
        active = listed([visible(presentation.accepted_active_line(one)) for one in report.accepted_active], 5, "; ")
        title = {"title": "tokenaudit: accepted, still active"}
        lines.append(_command("warning", title, shorten(active.replace("::", COLONS), _LONGEST)))
    for about, notes in (
        ("accepted", presentation.policy_lines(report.policy) if report.policy.accepted else []),
        ("excluded", presentation.followed_lines(report) if report.excluded or report.ignored else []),
    ):
        if notes:
            joined = shorten("; ".join(map(visible, notes)).replace("::", COLONS), _LONGEST)
            lines.append(_command("notice", {"title": f"tokenaudit: {about}"}, joined))
    verdict = presentation.sentence(report) + (f" {count(left, 'more finding')} not shown." if left else "")
    lines.append(_command("notice", {"title": "tokenaudit"}, verdict))
    return "\n".join(lines) + "\n"


def write_summary(report: Report, environ: Mapping[str, str], *, show_unlikely: bool = False) -> Path | None:
    """Appends the report as Markdown to the job summary; returns its path, None outside GitHub Actions.

    Raises:
        ConfigurationError: the file named by $GITHUB_STEP_SUMMARY can't be written.
    """
    name = environ.get(_SUMMARY_VARIABLE)
    if not name:
        return None
    path = Path(name)
    page = markdown.render(report, Options(show_unlikely=show_unlikely), most_bytes=_MOST_SUMMARY_BYTES)
    try:
        with path.open("a", encoding="utf-8") as summary:
            summary.write(mask_shapes(f"{page}\n"))
    except OSError as error:
        message = f"{visible(name)} (${_SUMMARY_VARIABLE}) can't be written: {error.strerror}"
        raise ConfigurationError(message) from None
    return path


def _annotation(level: str, item: FlatFinding) -> str:
    properties: dict[str, str] = {}
    if item.file is not None and item.live is not False:
        properties["file"] = visible(item.file)
        if item.line is not None:
            numbers = {"line": item.line, "col": item.column, "endLine": item.end_line, "endColumn": item.end_column}
            properties |= {name: str(number) for name, number in numbers.items() if number is not None}
    properties["title"] = f"{item.severity.value}: {item.title}"
    where = "" if "file" in properties or not item.where else f"{item.where}: "
    annotation = f"{where}{item.message}.".replace("::", COLONS)
    return _command(level, properties, f"{shorten(annotation, _LONGEST)} {item.remedy}")


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {written}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
