"""The effect of each permission, and its severity on one repository and on a whole namespace.

Names come from the Hub's OpenAPI document and hub-docs, otherwise from tables of third parties. The Hub can add names,
so an unknown name is never treated as harmless. The severities are defined by this project.
"""

from __future__ import annotations

from tokenaudit.model import Entity, Severity

_L, _M, _H, _C = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL

REPOSITORIES = frozenset({"model", "dataset", "space", "bucket", "kernel", "collection"})
"""Entity types that are a single object; a resource group is a selection of repositories."""

NARROW = REPOSITORIES | {"resource-group"}

TOKEN_PERMISSIONS: tuple[str, ...] = (
    "repo.content.read",
    "repo.write",
    "inference.serverless.write",
    "inference.endpoints.infer.write",
    "inference.endpoints.write",
    "org.read",
    "org.write",
    "collection.read",
    "collection.write",
    "resourceGroup.write",
    "job.write",
    "org.serviceAccounts.read",
    "org.serviceAccounts.write",
)
"""The permissions that the Hub accepts for a service account's token."""

TOKEN_REPOSITORY_PERMISSIONS: tuple[str, ...] = ("repo.content.read", "repo.write")
"""The permissions that the Hub accepts for the repositories of a token."""

KNOWN: dict[str, tuple[Severity, Severity, str]] = {
    "repo.content.read": (_L, _M, "read contents, including private ones"),
    "repo.access.read": (_M, _M, "see access requests to gated repositories, including e-mail addresses"),
    "repo.write": (_H, _C, "change and delete contents and settings, including visibility and Space secrets"),
    "discussion.write": (_L, _M, "open and answer discussions and pull requests"),
    "post.write": (_L, _L, "write posts"),
    "collection.read": (_L, _L, "read collections"),
    "collection.write": (_M, _M, "change collections"),
    "inference.serverless.write": (_M, _M, "call Inference Providers, which is billed"),
    "inference.endpoints.infer.write": (_M, _M, "call Inference Endpoints"),
    "inference.endpoints.write": (_H, _H, "create, change and delete Inference Endpoints, which is billed"),
    "job.write": (_C, _C, "run Jobs: arbitrary code on billed compute, with secrets"),
    "user.webhooks.read": (_L, _L, "see webhooks"),
    "user.webhooks.write": (_H, _H, "change webhooks, which can start Jobs and send payloads elsewhere"),
    "user.billing.read": (_L, _L, "see billing"),
    "user.notifications.read": (_L, _L, "read the inbox"),
    "user.notifications.write": (_L, _L, "change the inbox"),
    "org.read": (_L, _L, "see the organization's settings"),
    "org.write": (_C, _C, "change the organization's settings and members"),
    "resourceGroup.write": (_C, _C, "change who can see which repository"),
    "org.serviceAccounts.read": (_M, _M, "see service accounts"),
    "org.serviceAccounts.write": (_C, _C, "manage service accounts and mint their tokens"),
    "org.networkSecurity.read": (_M, _M, "see the network rules"),
    "org.networkSecurity.write": (_C, _C, "change the network rules and exempt tokens from them"),
    "org.members.read": (_L, _L, "see members"),
    "org.members.write": (_C, _C, "change members"),
    "org.repos.read": (_M, _M, "list the organization's repositories"),
    "org.billing.read": (_L, _L, "see the organization's billing"),
    "org.auditLog.write": (_H, _H, "export the audit log"),
    "sql-console.embed.write": (_L, _L, "embed SQL consoles"),
    "user.mcp.read": (_L, _L, "see MCP settings"),
    "user.papers.write": (_L, _L, "claim papers"),
    "user.preferences.write": (_L, _L, "change preferences"),
    "user.settings.notifications.write": (_L, _L, "change notification settings"),
    "user.social.likes.write": (_L, _L, "like repositories"),
}

OAUTH_SCOPES: dict[str, tuple[Severity, str]] = {
    "openid": (_L, "identify the user"),
    "profile": (_L, "see the profile"),
    "email": (_L, "see the e-mail address"),
    "read-billing": (_L, "see billing"),
    "read-memberships": (_L, "see memberships"),
    "read-repos": (_M, "read all repositories, including private ones"),
    "gated-repos": (_L, "read public gated repositories"),
    "contribute-repos": (_M, "create repositories and write to them"),
    "write-repos": (_C, "write all repositories"),
    "manage-repos": (_C, "write, create and delete all repositories"),
    "read-collections": (_L, "read collections"),
    "write-collections": (_M, "change collections"),
    "inference-api": (_M, "call Inference Providers, which is billed"),
    "read-endpoints": (_M, "see Inference Endpoints"),
    "write-endpoints": (_H, "change Inference Endpoints"),
    "jobs": (_C, "run Jobs: arbitrary code on billed compute"),
    "webhooks": (_H, "manage webhooks"),
    "write-discussions": (_M, "open and answer discussions"),
    "read-mcp": (_L, "see MCP settings"),
}

_UNCONFIRMED = (
    "repo.read", "repo.content.metadata.read", "repo.lfs.read", "repo.config.read", "inference.endpoints.read",
    "job.read", "user.membership.read", "repo.content.write", "repo.config.write", "repo.config.doi.write",
    "repo.config.visibility.write", "repo.config.variables.write", "repo.config.secrets.write", "repo.access.write",
)  # fmt: skip
KNOWN.update(
    {name: (_M, _M, "unconfirmed") if name.endswith(".read") else (_H, _H, "unconfirmed") for name in _UNCONFIRMED}
)


def is_known(permission: str) -> bool:
    """Whether `permission` is in the tables."""
    return permission in KNOWN or permission in OAUTH_SCOPES


def danger(permission: str, entity: Entity | None) -> Severity:
    """The potential damage of `permission` on `entity` (None: everywhere); an unknown permission counts as high."""
    if permission in OAUTH_SCOPES and entity is None:
        return OAUTH_SCOPES[permission][0]
    if permission not in KNOWN:
        return _H
    narrow, wide, _words = KNOWN[permission]
    return narrow if entity is not None and entity.type in NARROW else wide


def effect_of(permission: str) -> str:
    """What `permission` allows, as a verb phrase."""
    if permission in KNOWN:
        return KNOWN[permission][2]
    return OAUTH_SCOPES[permission][1] if permission in OAUTH_SCOPES else "not known"


READ = "repo.content.read"
WRITE = "repo.write"
DISCUSS = "discussion.write"
GATED = "canReadGatedRepos"

NO_TOKEN = "none"  # noqa: S105 - the name of a need, not a password
ANY_TOKEN = "valid-token"  # noqa: S105 - the name of a need, not a password

REPOSITORY_TYPES = frozenset({"model", "dataset", "space", "bucket", "kernel"})

GLOBAL = Entity("global")
"""The entity of permissions without an entity: discussions in other users' repositories, and gated reads."""

REPOSITORY_PERMISSIONS = frozenset({READ, WRITE, "repo.access.read", DISCUSS})
"""Permissions that can be granted on one repository instead of a whole namespace."""

_WORDS = {
    READ: "read the contents",
    WRITE: "write the contents and settings",
    GATED: "read public gated repositories you have access to",
    "repo.access.read": "see access requests",
    DISCUSS: "open and answer discussions and pull requests",
    "post.write": "write posts",
    "collection.read": "read collections",
    "collection.write": "write collections",
    "inference.serverless.write": "call Inference Providers",
    "inference.endpoints.infer.write": "call Inference Endpoints",
    "inference.endpoints.write": "manage Inference Endpoints",
    "job.write": "run Jobs",
    "user.webhooks.read": "see webhooks",
    "user.webhooks.write": "manage webhooks",
    "org.read": "read the organization's settings",
    "org.write": "change the organization's settings and members",
    "resourceGroup.write": "manage resource groups",
    "org.serviceAccounts.read": "see service accounts",
    "org.serviceAccounts.write": "manage service accounts and their tokens",
}


def label_of(permission: str) -> str:
    """The permission as text followed by its name; only the name of an unknown one."""
    words = _WORDS.get(permission)
    return f"{words} (`{permission}`)" if words else f"`{permission}`"


def name_of(entity: Entity) -> str:
    """The entity as text: `model acme/m`, `organization acme`, `your own account`."""
    if entity.type == "global":
        return "everywhere"
    if entity.type == "user" and entity.name is None:
        return "your own account"
    spelled = {"org": "organization"}.get(entity.type, entity.type)
    return f"{spelled} {entity.name or entity.id or '(unnamed)'}"


def namespace_of(entity: Entity) -> str | None:
    """The user or organization of a repository's full name."""
    return entity.name.split("/", 1)[0] if entity.name and "/" in entity.name else None


def page_of(entity: Entity) -> str:
    """The path of a repository's page, such as `datasets/acme/x`."""
    folder = {"model": "", "dataset": "datasets/", "space": "spaces/", "bucket": "buckets/", "kernel": "kernels/"}
    return f"{folder.get(entity.type, '')}{entity.name}"
