"""The rules about an organization's settings and the access requests to its repositories."""

from __future__ import annotations

from tokenaudit.model import Rule, Severity

WITHOUT_TWO_FACTOR = Rule(
    id="org-member-without-2fa",
    title="Member without two-factor authentication",
    severity=Severity.HIGH,
    why="A stolen password is enough to sign in and create tokens with the rights of the member.",
    remedy="Require two-factor authentication in the settings of the organization, or remove the member.",
    bad="An administrator without two-factor authentication.",
    good="Two-factor authentication required for all members.",
)

EXTERNAL_WRITER = Rule(
    id="org-external-collaborator-write",
    title="External collaborator who can write",
    severity=Severity.MEDIUM,
    why="The rules for accounts of the organization, such as single sign-on, do not apply to external collaborators.",
    remedy="Give the collaborator the role read or contributor, or a resource group with only the needed repositories.",
    bad="An external collaborator with the role write.",
    good="An external collaborator with the role contributor.",
)

DEPARTED_MEMBER = Rule(
    id="org-departed-member",
    title="Job of a former member",
    severity=Severity.HIGH,
    why="The Job runs with the token of someone who left. Nobody rotates the token, and its owner can still use it.",
    remedy="Recreate the Job with a token of a service account, then delete the old Job.",
    bad="A scheduled Job whose token belongs to a former member.",
    good="A scheduled Job with a token of a service account.",
)

NETWORK_NOT_ENFORCED = Rule(
    id="org-network-not-enforced",
    title="IP ranges not enforced",
    severity=Severity.MEDIUM,
    why="Without an enforced IP allowlist, a stolen token works from anywhere.",
    remedy="Define the organization's IP ranges, check that its consumers are inside them, then enforce them.",
    bad="IP ranges without enforcement.",
    good="Enforced IP ranges of offices and CI runners.",
)

NETWORK_OPEN_RANGE = Rule(
    id="org-network-open-range",
    title="IP range that allows almost everyone",
    severity=Severity.HIGH,
    why="A range such as 0.0.0.0/0 makes the IP allowlist ineffective.",
    remedy="Replace the range with the addresses of offices and CI runners.",
    bad="0.0.0.0/0 in the enforced IP ranges.",
    good="203.0.113.0/24 in the enforced IP ranges.",
)

GROUP_AUTO_JOIN = Rule(
    id="org-group-auto-join",
    title="Resource group that everyone joins with write access",
    severity=Severity.MEDIUM,
    why="All new members, and all their tokens, can write to the repositories of the group.",
    remedy="Change the role for automatic members to read or contributor.",
    bad="A resource group that new members join with the role admin.",
    good="A resource group that new members join with the role read.",
)

REQUESTS_PENDING = Rule(
    id="repo-access-requests-pending",
    title="Unanswered access requests",
    severity=Severity.INFO,
    why="People who wait for access to a gated repository tend to borrow someone else's token.",
    remedy="Accept or reject the requests in the settings of the repository, or switch to automatic approval.",
    bad="An access request that has been pending for three months.",
    good="Access requests that are answered within days.",
)

RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        REQUESTS_PENDING,
        WITHOUT_TWO_FACTOR,
        EXTERNAL_WRITER,
        DEPARTED_MEMBER,
        NETWORK_NOT_ENFORCED,
        NETWORK_OPEN_RANGE,
        GROUP_AUTO_JOIN,
    )
}
