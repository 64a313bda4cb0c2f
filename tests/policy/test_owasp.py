"""Every rule on credentials names the risks of the OWASP Non-Human Identities Top 10 that it is about."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.report.test_order import problem, report
from tokenaudit.report import render
from tokenaudit.report.catalog import rules_json, rules_text
from tokenaudit.rule_index import _ABOUT, OWASP, all_rules

OTHERS = ("content-", "repo-", "load-")


def test_each_rule_on_credentials_has_a_risk_and_each_risk_exists() -> None:
    rules = all_rules()
    assert {rule for ids in _ABOUT.values() for rule in ids} <= set(rules)
    for rule in rules.values():
        assert set(rule.owasp) <= set(OWASP)
        assert bool(rule.owasp) is not rule.id.startswith(OTHERS), rule.id


def test_the_risks_are_in_sarif_and_in_the_lists() -> None:
    rules = all_rules()
    one = replace(problem("a.yml"), rule="ci-literal-token")
    (shown,) = json.loads(render(report(one), "sarif", rules=rules))["runs"][0]["tool"]["driver"]["rules"]
    assert {"security", "OWASP-NHI2:2025", "OWASP-NHI6:2025"} <= set(shown["properties"]["tags"])
    for rule in rules.values():
        assert len(rule.owasp) + 3 <= 20  # GitHub takes no more tags
    (listed,) = json.loads(rules_json([rules["token-old"]]))["rules"]
    assert listed["owasp"] == ["NHI1:2025", "NHI7:2025"]
    assert "OWASP NHI7:2025" in rules_text([rules["token-old"]], whole=True)
