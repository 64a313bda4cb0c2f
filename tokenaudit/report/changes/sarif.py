"""The examination of changes as SARIF 2.1.0: a result per finding, at its file in the repository on the Hub."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tokenaudit.changes import phrasing
from tokenaudit.json_text import json_text
from tokenaudit.report.sarif import HOME, LEVELS, MOST_RESULTS, SCHEMA, SCORES, escape_links, short, uri
from tokenaudit.rule_index import all_rules
from tokenaudit.text import count, visible
from tokenaudit.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository
    from tokenaudit.content.change import ContentFinding
    from tokenaudit.report import Options

_MOST_NOTIFICATIONS = 200


def render(view: ChangesReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """One run; every repository is a separate root, with its page at the examined revision."""
    every = list(_findings(view))
    rules = sorted({finding.rule for _, _, finding in every})
    bases = {repository.page: f"REPOSITORY{number}" for number, repository in enumerate(view.repositories, start=1)}
    run = {
        "tool": {
            "driver": {
                "name": "tokenaudit",
                "semanticVersion": visible(view.tool.version),
                "informationUri": HOME,
                "rules": [_rule(rule, every) for rule in rules],
            }
        },
        "automationDetails": {"id": "tokenaudit/changes/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            bases[each.page]: {
                "uri": f"{view.endpoint or 'https://huggingface.co'}/{uri(each.page)}/blob/{uri(each.head or 'main')}/",
                "description": {"text": short(f"The {each.type} {each.id}.")},
            }
            for each in view.repositories
        },
        "invocations": [
            {
                "executionSuccessful": view.complete,
                "startTimeUtc": rfc3339(view.started_at),
                "endTimeUtc": rfc3339(view.finished_at),
                "toolExecutionNotifications": _notifications(view, len(every)),
            }
        ],
        "results": [_result(*each, rules, bases) for each in every[:MOST_RESULTS]],
        "properties": {"complete": view.complete, "verdict": short(visible(phrasing.sentence(view)))},
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _findings(view: ChangesReport) -> Iterator[tuple[ExaminedRepository, ChangedFile | None, ContentFinding]]:
    for repository in view.repositories:
        for finding in repository.findings:
            yield repository, None, finding
        for file in phrasing.ordered(repository.files):
            for finding in file.findings:
                yield repository, file, finding


def _rule(rule: str, every: list[tuple[ExaminedRepository, ChangedFile | None, ContentFinding]]) -> dict[str, Any]:
    of_rule = [finding for _, _, finding in every if finding.rule == rule]
    worst = max((finding.severity for finding in of_rule), key=lambda severity: severity.rank)
    reference = all_rules().get(rule)
    why = reference.why if reference else of_rule[0].message
    return {
        "id": short(rule, 255),
        "name": "".join(word.capitalize() for word in rule.split("-")),
        "shortDescription": {"text": short(reference.title if reference else rule)},
        "fullDescription": {"text": short(why)},
        "help": {"text": short(f"{why} {of_rule[0].remedy}")},
        "helpUri": reference.references[0] if reference and reference.references else HOME,
        "defaultConfiguration": {"level": LEVELS[worst]},
        "properties": {"tags": ["security", "supply-chain", "huggingface"], "security-severity": SCORES[worst]},
    }


def _result(
    repository: ExaminedRepository,
    file: ChangedFile | None,
    finding: ContentFinding,
    rules: list[str],
    bases: dict[str, str],
) -> dict[str, Any]:
    path = file.path if file is not None else "README.md"
    line = finding.line or 1
    identity = "\0".join((finding.rule, repository.page, path, *finding.names)).encode("utf-8", "backslashreplace")
    properties: dict[str, Any] = {
        "severity": finding.severity.value, "risk": finding.risk, "repository": visible(repository.page),
        "downloads_month": repository.downloads_month, "good_revision": repository.good_revision,
    }  # fmt: skip
    if file is not None and file.ref is not None:
        properties["ref"] = visible(file.ref)
    return {
        "ruleId": short(finding.rule, 255),
        "ruleIndex": rules.index(finding.rule),
        "level": LEVELS[finding.severity],
        "message": {"text": short(escape_links(f"{repository.page}: {finding.message}. {finding.remedy}"))},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(path), "uriBaseId": bases[repository.page]},
                    "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2},
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{hashlib.sha256(identity).hexdigest()[:32]}:1"},
        "properties": properties,
    }


def _notifications(view: ChangesReport, total: int) -> list[dict[str, Any]]:
    texts = [f"not read: {entry.where}: {entry.reason}" for entry in view.skipped[:_MOST_NOTIFICATIONS]]
    if len(view.skipped) > _MOST_NOTIFICATIONS:
        texts.append(f"not read: and {len(view.skipped) - _MOST_NOTIFICATIONS:,} more")
    if total > MOST_RESULTS:
        texts.append(f"{count(total - MOST_RESULTS, 'finding')} not included; see the JSON report")
    return [{"level": "warning", "message": {"text": short(escape_links(text))}} for text in texts]
