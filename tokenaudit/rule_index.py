"""All rules, for the reference and for `tokenaudit rules`."""

from __future__ import annotations

from tokenaudit import content, policy
from tokenaudit.ci import rules as configuration
from tokenaudit.errors import UsageError
from tokenaudit.model import Rule
from tokenaudit.service_accounts import organization
from tokenaudit.sources import machine
from tokenaudit.sweep import cross_checks as kept
from tokenaudit.text import did_you_mean


def all_rules() -> dict[str, Rule]:
    """Rules by id: about tokens, configuration, machines, what is kept on the Hub, what changed there; each by name."""
    return {
        rule.id: rule
        for group in (policy.RULES, configuration.RULES, machine.RULES, kept.RULES, content.RULES, organization.RULES)
        for rule in sorted(group.values(), key=lambda rule: rule.id)
    }


def find_rules(rule_id: str | None) -> list[Rule]:
    """All rules, or the one named.

    Raises:
        UsageError: there is no such rule; the message names the nearest.
    """
    rules = all_rules()
    if rule_id is None:
        return list(rules.values())
    if rule_id not in rules:
        hint = did_you_mean(rule_id, rules) or "; `tokenaudit rules` lists them"
        message = f"unknown rule {rule_id}{hint}"
        raise UsageError(message)
    return [rules[rule_id]]
