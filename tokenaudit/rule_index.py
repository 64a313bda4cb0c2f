"""All rules, for the reference and for `tokenaudit rules`."""

from __future__ import annotations

from dataclasses import replace

from tokenaudit import policy
from tokenaudit.ci import rules as configuration
from tokenaudit.content import rules as changed
from tokenaudit.errors import UsageError
from tokenaudit.model import Rule
from tokenaudit.service_accounts import organization_rules as organization
from tokenaudit.sources import machine
from tokenaudit.sweep import cross_checks as kept
from tokenaudit.text import did_you_mean

OWASP = {
    "NHI1:2025": "Improper Offboarding",
    "NHI2:2025": "Secret Leakage",
    "NHI3:2025": "Vulnerable Third-Party NHI",
    "NHI4:2025": "Insecure Authentication",
    "NHI5:2025": "Overprivileged NHI",
    "NHI6:2025": "Insecure Cloud Deployment Configurations",
    "NHI7:2025": "Long-Lived Secrets",
    "NHI8:2025": "Environment Isolation",
    "NHI9:2025": "NHI Reuse",
    "NHI10:2025": "Human Use of NHI",
}
"""The OWASP Non-Human Identities Top 10 of 2025 (https://owasp.org/www-project-non-human-identities-top-10/2025/)."""

_ABOUT = {
    1: (
        "org-departed-member", "service-token-unused", "space-stale-secret", "token-deprecated-kind", "token-old",
        "token-predates-incident",
    ),
    2: (
        "token-exposed", "token-exposed-active", "ci-all-secrets", "ci-literal-token", "ci-oidc-unmasked",
        "ci-token-in-argv", "ci-token-in-client-bundle", "ci-token-in-url", "ci-token-printed", "ci-token-to-disk",
        "compose-literal-token", "docker-token-arg", "docker-token-env", "k8s-token-configmap", "space-static-secret",
        "space-token-in-variable", "machine-file-too-open", "space-copied-variable",
    ),
    3: ("ci-unpinned-action", "ci-unpinned-remote-code"),
    4: (
        "service-token-skips-network-rules", "token-deprecated-kind", "ci-stale-client", "org-member-without-2fa",
        "org-network-not-enforced", "org-network-open-range",
    ),
    5: (
        "service-token-mints-tokens", "service-token-wide", "token-classic-read", "token-classic-write",
        "token-dangerous-permission", "token-namespace-wide-write", "token-org-wide-write", "token-owner-is-org-admin",
        "token-scope-unknown", "token-staff-role", "token-unknown-permission", "token-unused-grant",
        "ci-secrets-inherit", "ci-token-workflow-env", "org-external-collaborator-write", "org-group-auto-join",
    ),
    6: (
        "ci-could-be-keyless", "ci-no-environment", "ci-untrusted-trigger", "ci-literal-token", "docker-token-arg",
        "docker-token-env", "k8s-token-configmap", "compose-literal-token",
    ),
    7: ("service-token-no-expiry", "token-could-be-keyless", "token-old", "ci-could-be-keyless", "space-stale-secret"),
    8: ("ci-no-environment", "ci-untrusted-trigger", "ci-secrets-inherit"),
    9: ("space-shared-token", "token-shared", "space-copied-variable"),
    10: ("token-owner-is-org-admin", "token-classic-write"),
}  # fmt: skip
"""Rules by the number of the risk. Rules on what changed in repositories are about none."""


def _with_risks(rule: Rule) -> Rule:
    risks = tuple(f"NHI{number}:2025" for number, ids in _ABOUT.items() if rule.id in ids)
    return replace(rule, owasp=risks)


def all_rules() -> dict[str, Rule]:
    """Rules by id: about tokens, configuration, machines, what is kept on the Hub, what changed there; each by name."""
    return {
        rule.id: _with_risks(rule)
        for group in (
            policy.RULES,
            configuration.RULES,
            machine.RULES,
            kept.RULES,
            changed.RULES,
            organization.RULES,
        )
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
