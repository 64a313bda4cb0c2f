"""Problems that only a look over many places shows. The other problems of Spaces are rules of `tokenaudit.ci`."""

from __future__ import annotations

from tokenaudit.model import Rule, Severity

STALE_SECRET = Rule(
    id="space-stale-secret",
    title="a kept token was not renewed",
    severity=Severity.MEDIUM,
    why="Secrets of Spaces have been stolen before. One that was last set before such an incident may be in strangers' "
    "hands, and one that is never renewed stays useful to whoever has copied it.",
    remedy="Create a new fine-grained token for the one thing it is needed for, set it as the secret's new value, then "
    "revoke the old one.",
    bad="the secret HF_TOKEN of a Space, last set on 2024-03-01",
    good="the same secret, set again after the incident and within the age your policy allows",
    references=("https://huggingface.co/blog/space-secrets-disclosure",),
)

SHARED_TOKEN = Rule(
    id="space-shared-token",
    title="several Spaces hold the same token",
    severity=Severity.HIGH,
    why="One break-in then opens all of them, and the token can't be narrowed to what each needs, nor be replaced in "
    "one without breaking the others.",
    remedy="Give each Space a fine-grained token of its own, as a secret.",
    bad="one token in the variables of two Spaces",
    good="a token a Space, each limited to what that Space does",
)

COPIED_VARIABLE = Rule(
    id="space-copied-variable",
    title="a duplicated Space took a token along",
    severity=Severity.CRITICAL,
    why="Whoever duplicates a Space gets its variables with their values. A token in one of them belongs to the copy's "
    "owner from then on.",
    remedy="Revoke the token, delete the variable in both Spaces, and give each a secret of its own.",
    bad="a Space duplicated from another, both with the same token in the variable HF_TOKEN",
    good="the token as a secret: secrets are not copied",
    references=("https://huggingface.co/docs/hub/spaces-overview#duplicating-a-space",),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in (COPIED_VARIABLE, SHARED_TOKEN, STALE_SECRET)}
"""By id."""
