"""What the remediator knows about permissions: which belong together, which bind to what, how the form words them."""

from __future__ import annotations

from tokenaudit.model import Entity

READ = "repo.content.read"
WRITE = "repo.write"
GATED = "canReadGatedRepos"

NO_TOKEN = "none"  # noqa: S105 - the name of a need, not a password
ANY_TOKEN = "valid-token"  # noqa: S105 - the name of a need, not a password

REPOSITORY_TYPES = frozenset({"model", "dataset", "space", "bucket", "kernel"})

GLOBAL = Entity("global")
"""The entity of rights that are bound to nothing: acting in other people's repositories, and gated reads."""

REPOSITORY_PERMISSIONS = frozenset({READ, WRITE, "repo.access.read", "discussion.write"})
"""Permissions that can be given on one repository instead of a whole namespace."""

_WORDS = {
    READ: "read the contents",
    WRITE: "write the contents and settings",
    GATED: "read the public gated repositories you were let into",
    "repo.access.read": "see access requests",
    "discussion.write": "open and answer discussions and pull requests",
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
    """The permission as a person would say it, its name behind; an unheard-of one is only named."""
    words = _WORDS.get(permission)
    return f"{words} (`{permission}`)" if words else f"`{permission}`"


def name_of(entity: Entity) -> str:
    """The entity as a person would say it: `model acme/m`, `organization acme`, `your own account`."""
    if entity.type == "global":
        return "everywhere"
    if entity.type == "user" and entity.name is None:
        return "your own account"
    spelled = {"org": "organization"}.get(entity.type, entity.type)
    return f"{spelled} {entity.name or entity.id or '(unnamed)'}"


def namespace_of(entity: Entity) -> str | None:
    """The user or organization that a repository's full name begins with."""
    return entity.name.split("/", 1)[0] if entity.name and "/" in entity.name else None


def page_of(entity: Entity) -> str:
    """The path of a repository's page, as `datasets/acme/x`."""
    folder = {"model": "", "dataset": "datasets/", "space": "spaces/", "bucket": "buckets/", "kernel": "kernels/"}
    return f"{folder.get(entity.type, '')}{entity.name}"
