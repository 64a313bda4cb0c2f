"""JUnit XML, which most CI systems show as a list of tests: one failed test per finding, one passed test if clean."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tokenaudit.model import Severity
from tokenaudit.report import presentation
from tokenaudit.report.flat_findings import flat_findings
from tokenaudit.text import visible

if TYPE_CHECKING:
    from tokenaudit.model import Report
    from tokenaudit.report import Options
    from tokenaudit.report.flat_findings import FlatFinding


def render(report: Report, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """Findings are failures, advice is skipped tests, skipped places are errors."""
    found = flat_findings(report)
    notes = sum(item.severity is Severity.INFO for item in found)
    counts = Counter(failures=len(found) - notes, errors=len(report.skipped), skipped=notes)
    passing = not counts["failures"] and report.complete
    seconds = f"{(report.finished_at - report.started_at).total_seconds():.3f}"
    numbers = {
        "tests": str(counts.total() + passing),
        "failures": str(counts["failures"]),
        "errors": str(counts["errors"]),
        "skipped": str(counts["skipped"]),
        "time": seconds,
    }
    root = ET.Element("testsuites", {"name": "tokenaudit", **numbers})
    suite = ET.SubElement(root, "testsuite", {"name": "tokenaudit", **numbers})
    property_lines = {
        "accepted-active": [presentation.accepted_active_line(one) for one in report.accepted_active],
        "policy": presentation.policy_lines(report.policy),
        "followed": presentation.followed_lines(report),
    }
    if any(property_lines.values()):
        properties = ET.SubElement(suite, "properties")
        for name, lines in property_lines.items():
            for number, line in enumerate(lines):
                ET.SubElement(properties, "property", {"name": f"{name}.{number}", "value": visible(line)})
    for item in found:
        _failure(suite, item)
    for entry in report.skipped:
        case = ET.SubElement(suite, "testcase", {"classname": "not-read", "name": visible(entry.where)})
        ET.SubElement(case, "error", {"message": visible(entry.reason)})
    if passing:
        ET.SubElement(suite, "testcase", {"classname": "tokenaudit", "name": presentation.sentence(report)})
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _failure(suite: ET.Element, item: FlatFinding) -> None:
    path = visible(item.file) if item.file is not None else item.where or item.target
    place = ":".join([path, *(str(n) for n in (item.line, item.column) if n is not None)])
    attributes = {"classname": item.rule, "name": f"{place} {item.display or ''}".strip()}
    if item.file is not None:
        attributes["file"] = visible(item.file)
    if item.line is not None:
        attributes["line"] = str(item.line)
    case = ET.SubElement(suite, "testcase", attributes)
    if item.severity is Severity.INFO:  # advice fails nothing
        ET.SubElement(case, "skipped", {"message": item.message}).text = item.remedy
        return
    failure = ET.SubElement(case, "failure", {"type": item.severity.value, "message": item.message})
    failure.text = item.remedy
