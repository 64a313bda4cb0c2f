"""`tokenaudit rules`."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenaudit.cli import choices, options
from tokenaudit.cli.output import emit
from tokenaudit.report.catalog import rules_json, rules_text
from tokenaudit.rule_index import find_rules


def rules(
    rule: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show this rule with its examples.")] = None,
    report_format: options.ListFormatOption = choices.ListFormat.TEXT,
) -> None:
    """List every rule with its severity, or show one with its reason, remedy and examples.

    Examples:
      tokenaudit rules
      tokenaudit rules token-classic-write
    """
    found = find_rules(rule)
    as_json = report_format is choices.ListFormat.JSON
    emit(rules_json(found) if as_json else rules_text(found, whole=rule is not None))
