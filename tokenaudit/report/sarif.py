"""SARIF 2.1.0 as GitHub code scanning takes it.

GitHub's limits and habits come from its page "SARIF support for code scanning". There are no snippets and no fixes:
both would quote the line that holds the value.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tokenaudit.json_text import json_text
from tokenaudit.model import Severity
from tokenaudit.report import presentation
from tokenaudit.report.flat_findings import flat_findings
from tokenaudit.text import and_more, count, shorten, visible
from tokenaudit.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tokenaudit.model import Report, Rule, Skipped
    from tokenaudit.report import Options
    from tokenaudit.report.flat_findings import FlatFinding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://github.com/tokenaudit/tokenaudit"
MOST_RESULTS = 25_000
MOST_RELATED = 100
_MOST_NOTIFICATIONS = 200
_LONGEST = 1024
_SHORTEST = 200
"""Characters of a message next to a long remedy."""
_LONGEST_NAME = 255

_ROOT, _WORK_FOLDER = "SRCROOT", "WORKDIR"
_IN_URLS = "/:@-._~!$&'()*+,;=%?#[]"

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.1",
}
_PRECISION = {"high": "very-high", "medium": "medium", "low": "low"}


def render(report: Report, options: Options) -> str:
    """One run; findings without a file are counted in a notification."""
    every = flat_findings(report)
    placed = [item for item in every if item.path is not None]
    shown = placed[:MOST_RESULTS]
    rules = sorted({item.rule for item in shown})
    roots = list(dict.fromkeys(sorted(item.root for item in shown)))
    run = {
        "tool": {
            "driver": {
                "name": "tokenaudit",
                "semanticVersion": visible(report.tool.version),
                "informationUri": HOME,
                "rules": [_rule(rule, shown, options.rules) for rule in rules],
            }
        },
        "automationDetails": {"id": "tokenaudit/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": _bases(roots, {target.repository for target in report.targets}),
        "invocations": [
            {
                "executionSuccessful": report.complete,
                "startTimeUtc": _time(report.started_at),
                "endTimeUtc": _time(report.finished_at),
                "toolExecutionNotifications": _notifications(
                    report, len(every) - len(placed), len(placed) - len(shown)
                ),
            }
        ],
        "results": [_result(item, rules.index(item.rule), roots) for item in shown],
        "properties": {"complete": report.complete, "verdict": presentation.sentence(report), **_properties(report)},
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_text(document, indent=1)


def _properties(report: Report) -> dict[str, Any]:
    properties = {"policy": presentation.policy_lines(report.policy), "followed": presentation.followed_lines(report)}
    return {name: [short(visible(line)) for line in lines] for name, lines in properties.items() if lines}


def _rule(rule: str, shown: list[FlatFinding], known: Mapping[str, Rule]) -> dict[str, Any]:
    reference = known.get(rule)
    of_rule = [item for item in shown if item.rule == rule]
    worst = max((item.severity for item in of_rule), key=lambda severity: severity.rank)
    title = reference.title if reference else rule.replace("-", " ")
    why = reference.why if reference else title
    remedy = reference.remedy if reference else of_rule[0].remedy
    risks = reference.owasp if reference else ()
    return {
        "id": short(rule, _LONGEST_NAME),
        "name": short("".join(word.capitalize() for word in rule.split("-")), _LONGEST_NAME),
        "shortDescription": {"text": short(title)},
        "fullDescription": {"text": short(why)},
        "help": {"text": short(f"{why} {remedy}")},
        "helpUri": reference.references[0] if reference and reference.references else HOME,
        "defaultConfiguration": {"level": LEVELS[worst]},
        "properties": {
            "tags": ["security", "secrets", "huggingface", *(f"OWASP-{risk}" for risk in risks)],
            "precision": _PRECISION[reference.confidence if reference else "high"],
            "security-severity": SCORES[worst],
        },
    }


def _result(item: FlatFinding, rule_index: int, roots: list[str]) -> dict[str, Any]:
    where = f" At {item.where}." if item.where and item.credential is None else ""
    result: dict[str, Any] = {
        "ruleId": short(item.rule, _LONGEST_NAME),
        "ruleIndex": rule_index,
        "level": LEVELS[item.severity],
        "message": {"text": short(_with_remedy(f"{item.message}.{where}", item.remedy))},
        "locations": [_location(item, _base(item.root, roots))],
        "partialFingerprints": {"primaryLocationLineHash": _identity(item)},
        "properties": {"severity": item.severity.value, "target": item.target},
    }
    if item.repeats:
        result["occurrenceCount"] = 1 + item.repeats
    if item.fingerprint:
        result["properties"]["fingerprint"] = item.fingerprint
    if item.commit:
        result["properties"]["commit"] = visible(item.commit)
    if item.live is not None:
        result["properties"]["still_there"] = item.live
    return result


def _location(item: FlatFinding, base: str) -> dict[str, Any]:
    line, column = item.line or 1, item.column or 1
    end_line = item.end_line or line
    end_column = item.end_column if item.end_line and item.end_column else column + 1
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(item.path or ""), "uriBaseId": base},
            "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
        }
    }


def _base(root: str, roots: list[str]) -> str:
    return _ROOT if len(roots) <= 1 else f"{_ROOT}{roots.index(root) + 1}"


def _bases(roots: list[str], local: set[str | None]) -> dict[str, Any]:
    """The roots of paths: one for all, or several with the path to the `local` ones."""
    if len(roots) <= 1:
        return {_ROOT: {"description": {"text": "Root of the audited repository."}}}
    found: dict[str, Any] = {_WORK_FOLDER: {"description": {"text": "Folder that tokenaudit ran in."}}}
    for root in roots:
        entry: dict[str, Any] = {"description": {"text": short(f"Root of {root}.")}}
        if "://" in root:
            entry["uri"] = f"{quote(root.rstrip('/'), safe=_IN_URLS)}/"
        elif root in local and (root.startswith("/") or root[1:3] == ":/"):
            entry["uri"] = f"file:///{uri(root)}/"
        elif root in local:
            entry |= {"uri": f"{uri(root)}/", "uriBaseId": _WORK_FOLDER}
        found[_base(root, roots)] = entry
    return found


def uri(path: str) -> str:
    """A relative path as a relative URI reference; a first segment with a colon would read as a scheme."""
    raw = path.encode() if path.isascii() else b"".join(_byte(character) for character in path)
    quoted = quote(raw, safe="/-._~")
    return quoted.lstrip("/") or "."


def _byte(character: str) -> bytes:
    undecodable = "\udc80" <= character <= "\udcff"
    return character.encode("utf-8", "surrogateescape" if undecodable else "backslashreplace")


def _identity(item: FlatFinding) -> str:
    # Made from the rule, the place and the keyed fingerprint, never from the value or its line.
    joined = "\0".join(item.identity).encode("utf-8", "backslashreplace")
    return f"{hashlib.sha256(joined).hexdigest()[:32]}:1"


def _notifications(report: Report, unplaced: int, cut: int) -> list[dict[str, Any]]:
    texts = [presentation.accepted_active_line(one) for one in report.accepted_active[:_MOST_NOTIFICATIONS]]
    if left := and_more(len(report.accepted_active), _MOST_NOTIFICATIONS):
        texts.append(f"accepted, still active: {left}")
    texts += [_skipped(entry) for entry in report.skipped[:_MOST_NOTIFICATIONS]]
    if left := and_more(len(report.skipped), _MOST_NOTIFICATIONS):
        texts.append(f"not read: {left}")
    if not report.complete and not report.skipped:
        texts.append("incomplete scan")
    if unplaced:
        texts.append(f"{count(unplaced, 'finding')} without a file not included; see the JSON report")
    if cut:
        texts.append(f"{count(cut, 'finding')} over the limit of {MOST_RESULTS:,} not included; see the JSON report")
    return [{"level": "warning", "message": {"text": short(escape_links(text))}} for text in texts]


def _skipped(entry: Skipped) -> str:
    return f"not read: {visible(entry.where)}: {visible(entry.reason)}"


def escape_links(text: str) -> str:
    """`text` without links: "[word](target)" in a message is one, and a file name must not create it."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _with_remedy(message: str, remedy: str) -> str:
    """Both, where the message is cut if there is no room for them."""
    remedy = escape_links(remedy)
    return f"{short(escape_links(message), max(_SHORTEST, _LONGEST - len(remedy) - 1))} {remedy}"


def short(text: str, most: int = _LONGEST) -> str:
    """`text` made visible and at most `most` characters long; never empty, which GitHub refuses."""
    return shorten(visible(text), most) or "-"


def _time(moment: datetime) -> str:
    return rfc3339(moment)
