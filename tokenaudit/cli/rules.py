"""`tokenaudit rules`."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenaudit.cli import options
from tokenaudit.cli.destinations import destinations, emit_each
from tokenaudit.report.catalog import rules_json, rules_text
from tokenaudit.rule_index import find_rules


def rules(
    rule: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show this rule with its examples.")] = None,
    formats: options.ListFormatOption = None,
) -> None:
    """List every rule with its severity, or show one with its reason, remedy and examples.

    Examples:
      tokenaudit rules
      tokenaudit rules token-classic-write
    """
    found = find_rules(rule)
    emit_each(
        destinations(formats),
        lambda to: rules_json(found) if to.format == "json" else rules_text(found, whole=rule is not None),
    )
