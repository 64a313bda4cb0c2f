"""Builders of the Hub's answers about people and tokens, composed for the tests: every name, id and date is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]

USER_ID = "1" * 24
ORG_ID = "2" * 24
REPO_ID = "3" * 24
GROUP_ID = "4" * 24


def org(name: str = "acme", role: str | None = "write", *, restrictions: Sequence[str] = (), **more: object) -> Body:
    """One entry of `orgs`."""
    body: Body = {
        "type": "org",
        "id": ORG_ID,
        "name": name,
        "fullname": name.title(),
        "email": None,
        "canPay": True,
        "billingMode": "postpaid",
        "avatarUrl": f"/avatars/{name}.png",
        "periodEnd": None,
        "plan": "enterprise",
    }
    if role is not None:
        body["roleInOrg"] = role
    if restrictions:
        body["securityRestrictions"] = list(restrictions)
    return {**body, **more}


def user(auth: Mapping[str, object], *, name: str = "alice", orgs: Sequence[Body] = (), email: bool = True) -> Body:
    """A person's whoami answer around `auth`."""
    body: Body = {
        "type": "user",
        "id": USER_ID,
        "name": name,
        "fullname": name.title(),
        "canPay": False,
        "billingMode": "prepaid",
        "periodEnd": None,
        "isPro": False,
        "avatarUrl": f"/avatars/{name}.svg",
        "orgs": list(orgs),
        "auth": dict(auth),
    }
    if email:
        body.update(email=f"{name}@example.com", emailVerified=True)
    return body


def access_token(role: str, *, created: str = "2026-09-01T08:00:00.000Z", name: str = "laptop", **more: object) -> Body:
    """The `auth` part of a user access token."""
    return {
        "type": "access_token",
        "accessToken": {"displayName": name, "role": role, "createdAt": created, **more},
    }


def scope(kind: str, permissions: Sequence[str], *, name: str | None = None, entity_id: str = REPO_ID) -> Body:
    """One entry of `scoped`."""
    entity: Body = {"_id": entity_id, "type": kind}
    if name is not None:
        entity["name"] = name
    return {"entity": entity, "permissions": list(permissions)}


def fine_grained(
    *scoped: Body, everywhere: Sequence[str] = (), gated: bool = False, name: str = "serve", created: str | None = None
) -> Body:
    """The `auth` part of a fine-grained token with details."""
    details = {"scoped": list(scoped), "global": list(everywhere), "canReadGatedRepos": gated}
    return access_token("fineGrained", created=created or "2026-09-01T08:00:00.000Z", name=name, fineGrained=details)


def narrowed_endpoints() -> Body:
    """A token that may use some endpoints of its account alone, by the pattern of their names."""
    permissions = ["inference.endpoints.write", "inference.endpoints.infer.write"]
    return user(fine_grained({**scope("user", permissions, name="alice"), "patterns": ["inference-endpoint:gpt2-*"]}))


def classic(role: str, **more: Any) -> Body:
    """A person's answer for a classic token."""
    return user(access_token(role), **more)


def one_model_read(model: str = "acme/private-model", **more: Any) -> Body:
    """The good case: one repository, read only."""
    return user(fine_grained(scope("model", ["repo.content.read"], name=model)), **more)


def oauth(expires: str = "2027-01-01T00:00:00.000Z", **more: Any) -> Body:
    """An OAuth token's answer: who, but not what for."""
    return user({"type": "oauth", "expiresAt": expires}, **more)


def app(entities: Sequence[object] = ()) -> Body:
    """An app token's answer; entities come as strings or as objects."""
    return {
        "id": "5" * 24,
        "type": "app",
        "name": "nightly-sync",
        "scope": {"role": "contributor", "entities": list(entities)},
        "auth": {"type": "app_token"},
    }


def legacy_org(name: str = "acme") -> Body:
    """What an organization token's answer looked like while those lived."""
    return {"type": "org", "id": ORG_ID, "name": name, "fullname": name.title(), "auth": {"type": "access_token"}}


EVERY_OWN_PERMISSION = (
    "repo.content.read",
    "repo.access.read",
    "repo.write",
    "inference.serverless.write",
    "inference.endpoints.infer.write",
    "inference.endpoints.write",
    "user.webhooks.read",
    "user.webhooks.write",
    "collection.read",
    "collection.write",
    "discussion.write",
    "user.billing.read",
    "job.write",
    "user.notifications.read",
    "user.notifications.write",
)


def shapes() -> dict[str, Body]:
    """Every shape of an answer that is known, by name."""
    own = scope("user", EVERY_OWN_PERMISSION, name="alice", entity_id=USER_ID)
    unknown = scope("dataset", ["repo.content.read", "quantum.entangle.write"], name="alice/notes")
    inference = scope("user", ["inference.serverless.write"], name="alice", entity_id=USER_ID)
    endpoint = scope("org", ["inference.endpoints.infer.write"], name="acme", entity_id=ORG_ID)
    endpoint["patterns"] = [{"resourceType": "inference-endpoint", "wildcardPatterns": ["gpt2-*"]}]
    mixed = (
        scope("model", ["repo.content.read", "repo.write"], name="acme/private-model"),
        endpoint,
        scope("resource-group", ["repo.content.read"], entity_id=GROUP_ID),
    )
    group = {"id": GROUP_ID, "name": "research", "role": "write"}
    return {
        "classic-read": classic("read", orgs=[org(role="read")]),
        "classic-write": classic("write"),
        "god": classic("god"),
        "fine-grained-everything-user": user(
            fine_grained(own, everywhere=["discussion.write", "post.write"], gated=True), email=False
        ),
        "fine-grained-inference-only": user(fine_grained(inference)),
        "fine-grained-no-details": user(access_token("fineGrained")),
        "fine-grained-repo-org-resource-group": user(
            fine_grained(*mixed), orgs=[org(role="admin", restrictions=["token-policy"], resourceGroups=[group])]
        ),
        "fine-grained-single-model-read": one_model_read(orgs=[org()]),
        "fine-grained-unknown-permission": user(fine_grained(unknown)),
        "fine-grained-nothing": user(fine_grained()),
        "no-email": user(access_token("write"), email=False),
        "oauth": oauth(),
        "app-token": app([{"type": "bucket", "name": "acme/artifacts"}, "acme/legacy-entity"]),
        "org-token-legacy": legacy_org(),
        "restricted-org": classic(
            "read",
            orgs=[
                org("acme", "write", restrictions=["token-policy", "ip"]),
                org("globex", "contributor", restrictions=["token-revoked"]),
                org("initech", "no_access", restrictions=["sso", "mfa"]),
                org("umbrella", "admin"),
            ],
        ),
    }
