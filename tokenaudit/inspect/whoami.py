"""Parses the whoami response leniently and interprets it strictly.

Sources: the Hub's OpenAPI document for people, and what is known of the shapes it leaves out (app tokens, patterns,
nameless resource groups, organization tokens of old). Every optional key may be absent and every value of any type.
What is not understood makes `details_known` false, so that no rule can take silence for harmlessness.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tokenaudit.hub.result import Reply, printable
from tokenaudit.model import Account, Claims, Entity, Grant, Inspection, Organization, ResourceGroup
from tokenaudit.secret import Secret
from tokenaudit.timestamps import is_undecidable, parse_timestamp

MOST_ENTRIES = 1000
MOST_TEXTS = 200
MOST_TEXTS_IN_ALL = 20_000
_LONGEST_TEXT = 200


@dataclass
class JsonReader:
    """Reads one answer about `secret`; `doubts` lists what was not as promised, so that nothing is read as harmless.

    `undated` lists the times that can't be read: they make an age unknown, not what the credential may do.
    """

    secret: Secret
    doubts: list[str] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)
    texts_left: int = MOST_TEXTS_IN_ALL

    def doubt(self, what: str) -> None:
        """Notes that a part of the answer was not understood."""
        if what not in self.doubts:
            self.doubts.append(what)

    def mapping(self, value: object, what: str | None = None) -> dict[str, Any]:
        """`value` if it is an object, else an empty one; with `what`, its absence is recorded as a doubt."""
        if isinstance(value, dict):
            return value
        if what is not None:
            self.doubt(f"{what} is missing or not an object")
        return {}

    def entries(self, value: object, what: str, *, required: bool = False) -> list[object]:
        """The entries of a list, at most 1000 of them; anything else is a doubt unless absent and not required."""
        if value is None and not required:
            return []
        if not isinstance(value, list):
            self.doubt(f"{what} is missing or not a list")
            return []
        if len(value) > MOST_ENTRIES:
            self.doubt(f"{what} has more than {MOST_ENTRIES} entries")
        return value[:MOST_ENTRIES]

    def text(self, value: object) -> str | None:
        """A printable line of at most 200 characters, without the credential itself, or None."""
        if not isinstance(value, str) or not value:
            return None
        return printable(value, limit=_LONGEST_TEXT)

    def texts(self, value: object, what: str, *, required: bool = False) -> tuple[str, ...]:
        """The texts of a list; an entry that is none is a doubt."""
        entries = self.entries(value, what, required=required)
        most = min(MOST_TEXTS, self.texts_left)
        if len(entries) > most:
            self.doubt(f"{what} has more than {most} entries")
        entries = entries[:most]
        self.texts_left -= len(entries)
        texts = [self.text(entry) for entry in entries]
        if None in texts:
            self.doubt(f"an entry of {what} is not a string")
        return tuple(dict.fromkeys(text for text in texts if text is not None))

    def moment(self, value: object, what: str) -> datetime | None:
        """A time in UTC, or None if it is absent or unreadable; the latter is recorded in `undated`."""
        if is_undecidable(value):
            self.undated.append(what)
        return parse_timestamp(value)


TOKEN_ROLES = ("read", "write", "god", "fineGrained")


def parse_whoami(
    reply: Reply, secret: Secret, *, now: datetime, endpoint: str, claims: Claims | None = None
) -> Inspection:
    """The inspection of `secret` in a successful whoami response; status `unknown` if it is not a whoami response."""
    reader = JsonReader(secret)
    body = reader.mapping(reply.body)
    auth = reader.mapping(body.get("auth"))
    kind, name, way = (reader.text(value) for value in (body.get("type"), body.get("name"), auth.get("type")))
    if kind is None or name is None or way is None:
        reason = "the Hub returned 200 without an identity (no name, type or auth)"
        return Inspection("unknown", now, reason, details_known=False, endpoint=endpoint)
    token = reader.mapping(auth.get("accessToken"))
    role = _role(kind, way, token, reader)
    grants: tuple[Grant, ...] = ()
    everywhere: tuple[str, ...] = ()
    gated = False
    if role == "fineGrained" or "fineGrained" in token:
        details = reader.mapping(token.get("fineGrained"), "fineGrained")
        grants = _grants(details, reader)
        everywhere = reader.texts(details.get("global"), "global")
        gated = details.get("canReadGatedRepos") is True
    if role == "app":
        grants = (*grants, *_app_grants(reader.mapping(body.get("scope"), "scope"), reader))
        reader.doubt("permissions of an app token's role are not documented")
    if role == "oauth":
        everywhere = claims.scopes if claims is not None else ()
        if not everywhere:
            reader.doubt("scopes unknown: neither the Hub nor the token lists them")
    orgs = tuple(_organization(entry, reader) for entry in reader.entries(body.get("orgs"), "orgs"))
    created_at = reader.moment(token.get("createdAt"), "createdAt")
    expires_at = reader.moment(auth.get("expiresAt"), "expiresAt")
    return Inspection(
        status="active",
        checked_at=now,
        reason=_reason(way, auth, reader),
        account=Account("user" if kind not in ("org", "app") else kind, name),
        name=reader.text(token.get("displayName")),
        role=role,
        created_at=created_at,
        expires_at=expires_at or (claims.expires_at if claims is not None else None),
        grants=grants,
        global_permissions=everywhere,
        can_read_gated_repos=gated,
        orgs=orgs,
        details_known=not reader.doubts,
        endpoint=endpoint,
    )


def _role(kind: str, way: str, token: dict[str, object], reader: JsonReader) -> str:
    if kind == "app" or way.startswith("app_token"):
        return "app"
    if way.startswith("oauth"):
        return "oauth"
    role = token.get("role")
    if kind == "user" and way == "access_token" and isinstance(role, str) and role in TOKEN_ROLES:
        return role
    reader.doubt(f"unknown kind of token ({kind}, {way}, role {reader.text(role) or 'absent'})")
    return "unknown"


def _grants(details: dict[str, object], reader: JsonReader) -> tuple[Grant, ...]:
    grants = []
    for entry in reader.entries(details.get("scoped"), "scoped", required=True):
        scope = reader.mapping(entry, "an entry of scoped")
        entity = reader.mapping(scope.get("entity"), "the entity of a scope")
        patterns = []
        for pattern in reader.entries(scope.get("patterns"), "patterns"):
            narrowed = reader.mapping(pattern, "an entry of patterns")
            resource = reader.text(narrowed.get("resourceType")) or "unknown"
            wildcards = reader.texts(narrowed.get("wildcardPatterns"), "wildcardPatterns", required=True)
            patterns += [f"{resource}:{wildcard}" for wildcard in wildcards]
        grants.append(
            Grant(
                _entity(entity, reader),
                reader.texts(scope.get("permissions"), "permissions", required=True),
                tuple(patterns),
            )
        )
    return tuple(grants)


def _app_grants(scope: dict[str, object], reader: JsonReader) -> tuple[Grant, ...]:
    role = (f"app.{reader.text(scope.get('role')) or 'unknown'}",)
    grants = []
    for entry in reader.entries(scope.get("entities"), "entities"):
        if isinstance(entry, str):
            grants.append(Grant(Entity("unknown", reader.text(entry)), role))
        else:
            grants.append(Grant(_entity(reader.mapping(entry, "an entry of entities"), reader), role))
    return tuple(grants)


def _entity(entity: dict[str, object], reader: JsonReader) -> Entity:
    kind = reader.text(entity.get("type"))
    if kind is None:
        reader.doubt("an entity has no type")
    return Entity(kind or "unknown", reader.text(entity.get("name")), reader.text(entity.get("_id")))


def _organization(entry: object, reader: JsonReader) -> Organization:
    org = reader.mapping(entry, "an entry of orgs")
    name = reader.text(org.get("name"))
    if name is None:
        reader.doubt("an organization has no name")
    groups = []
    for held in reader.entries(org.get("resourceGroups"), "resourceGroups"):
        group = reader.mapping(held, "an entry of resourceGroups")
        groups.append(ResourceGroup(*(reader.text(group.get(key)) for key in ("id", "name", "role"))))
    return Organization(
        name or "(unnamed)",
        reader.text(org.get("roleInOrg")),
        reader.text(org.get("plan")),
        reader.texts(org.get("securityRestrictions"), "securityRestrictions"),
        tuple(groups),
    )


def _reason(way: str, auth: dict[str, object], reader: JsonReader) -> str:
    reason = f"the Hub accepts it ({way})"
    resource = reader.text(reader.mapping(auth.get("resource")).get("sub"))
    if resource is not None:
        reason += f", issued to a Trusted Publisher of {resource}"
    if reader.doubts:
        reason += "; not parsed: " + "; ".join(reader.doubts[:5])
    if reader.undated:
        reason += "; invalid date: " + ", ".join(reader.undated)
    return reason
