"""The double against the Hub's published OpenAPI document.

The document is not in this repository. Put it at `../shared/facts/hub-openapi.json` beside the checkout, or name
its path in TOKENAUDIT_HUB_OPENAPI; without it these tests are skipped and say so.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from jsonschema import Draft202012Validator

from tests.hub import bodies, resources
from tests.hub.double import HubDouble
from tests.hub.routes_files import security, upload
from tests.hub.routes_service_accounts import service_account, service_token
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit import permissions
from tokenaudit.hub import service_accounts
from tokenaudit.hub.audit_log import EVENT_TYPES
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import service_check
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.hub.revoke import revoke
from tokenaudit.hub.service_accounts import MintedToken
from tokenaudit.hub.spaces import LOG_TYPES
from tokenaudit.incident.changes.audit_log import TYPES
from tokenaudit.secret import Secret

ROOT = Path(__file__).parents[2]
DOCUMENT = Path(os.environ.get("TOKENAUDIT_HUB_OPENAPI", ROOT.parent / "shared" / "facts" / "hub-openapi.json"))

pytestmark = pytest.mark.skipif(
    not DOCUMENT.is_file(), reason=f"THE DOUBLE IS NOT CHECKED: no OpenAPI document at {DOCUMENT} (see this module)"
)

NOT_IN_THE_DOCUMENT = {
    "/api/models": "listings",
    "/api/models/{namespace}/{repo}": "one repository",
    "/api/models/{namespace}/{repo}/auth-check": "auth-check of repositories",
    "/api/spaces/{namespace}/{repo}/restart": "restart of a Space",
    "/api/spaces/{namespace}/{repo}/runtime": "stage of a Space",
}
"""Endpoints that the double plays and the document leaves out; huggingface_hub's own parsing is their only check."""

OUTSIDE_THE_DOCUMENT = {
    "app-token": "the document knows no accounts of type app",
    "org-token-legacy": "nor of type org",
    "fine-grained-repo-org-resource-group": "nor patterns, which the live Hub sends",
}


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DOCUMENT.read_bytes())
    return loaded


@pytest.fixture
def full(hub_double: HubDouble) -> HubDouble:
    """A double with at least one of everything."""
    world = hub_double.world
    hub_double.knows(Mint(1).user_token(), bodies.classic("write", orgs=[bodies.org(role="admin")]))
    world.add_repo("alice/m", visibility="private")
    world.add_repo("acme/d", "dataset")
    space = world.add_space("alice/app", variables={"A": "1"}, secrets={"HF_TOKEN": "2026-01-01T00:00:00.000Z"})
    space.discussions.append(resources.discussion(1, ["hello"], repo="alice/app", repo_type="space"))
    world.jobs["alice"] = [resources.job(environment={"A": "1"})]
    world.scheduled_jobs["alice"] = [resources.scheduled_job(environment={"A": "1"})]
    spec = {"spaceId": "alice/app", "environment": {"AB": "1"}, "flavor": "cpu-basic", "timeoutSeconds": None}
    world.webhooks += [resources.webhook(), resources.webhook(job_spec=spec)]
    world.members["acme"] = [resources.member("alice", "admin")]
    token = service_token("deploy", lastUsedAt="2026-11-01T08:00:00.000Z", skipNetworkSecurity=False)
    world.service_accounts["acme"] = [service_account("ci", description="deployment", accessTokens=[token])]
    world.resource_groups["acme"] = [
        {"id": "1" * 24, "name": "g", "users": [], "resources": [], "autoJoin": {"enabled": False}}
    ]
    world.access_requests["acme/d"] = [{"status": "pending", "timestamp": "2026-11-20T00:00:00.000Z"}]
    world.audit_log["acme"] = [resources.audit_event("jobs.create", last4="abcd")]
    return hub_double


def satisfiable(schema: Any, *, part_of_all: bool = False) -> Any:
    """The schema without its contradiction: parts of an `allOf` that each forbid the keys of the others."""
    if isinstance(schema, list):
        return [satisfiable(entry, part_of_all=part_of_all) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (part_of_all and key == "additionalProperties")}
    return {
        key: satisfiable(value, part_of_all=key == "allOf" or (part_of_all and key == "anyOf"))
        for key, value in kept.items()
    }


def complaints(
    document: dict[str, Any], path: str, body: object, status: str = "200", method: str = "get"
) -> list[str]:
    schema = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    schema = satisfiable(schema)
    # References are written from the document's root.
    validator = Draft202012Validator({**schema, "components": document.get("components", {})})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


@pytest.mark.parametrize(
    ("path", "actual"),
    [
        ("/api/whoami-v2", "/api/whoami-v2"),
        ("/api/settings/repositories", "/api/settings/repositories"),
        ("/api/organizations/{name}/settings/repositories", "/api/organizations/acme/settings/repositories"),
        ("/api/organizations/{name}/members", "/api/organizations/acme/members"),
        ("/api/organizations/{name}/audit-log/export", "/api/organizations/acme/audit-log/export"),
        (
            "/api/datasets/{namespace}/{repo}/user-access-request/{status}",
            "/api/datasets/acme/d/user-access-request/pending",
        ),
        ("/api/organizations/{name}/service-accounts", "/api/organizations/acme/service-accounts"),
        (
            "/api/organizations/{name}/service-accounts/{serviceAccountId}",
            f"/api/organizations/acme/service-accounts/{1:024x}",
        ),
        ("/api/organizations/{name}/settings/network-security", "/api/organizations/acme/settings/network-security"),
        ("/api/spaces/{namespace}/{repo}/variables", "/api/spaces/alice/app/variables"),
        ("/api/spaces/{namespace}/{repo}/secrets", "/api/spaces/alice/app/secrets"),
        ("/api/{repoType}/{namespace}/{repo}/discussions", "/api/spaces/alice/app/discussions"),
        ("/api/{repoType}/{namespace}/{repo}/discussions/{num}", "/api/spaces/alice/app/discussions/1"),
        ("/api/jobs/{namespace}", "/api/jobs/alice"),
        ("/api/scheduled-jobs/{namespace}", "/api/scheduled-jobs/alice"),
        ("/api/settings/webhooks", "/api/settings/webhooks"),
        ("/api/models/{namespace}/{repo}/commits/{rev}", "/api/models/alice/m/commits/main"),
    ],
)
def test_what_the_double_answers_is_what_the_document_promises(
    document: dict[str, Any], full: HubDouble, path: str, actual: str
) -> None:
    answer = Hub(full.endpoint).get(actual, Secret(Mint(1).user_token()))
    body = answer.body  # type: ignore[union-attr]  # a failure has none, and fails the test
    assert body
    assert complaints(document, path, body) == []


@pytest.mark.parametrize("shape", sorted(set(bodies.shapes()) - set(OUTSIDE_THE_DOCUMENT)))
def test_every_shape_of_whoami_is_one_that_the_document_allows(document: dict[str, Any], shape: str) -> None:
    assert complaints(document, "/api/whoami-v2", bodies.shapes()[shape]) == []


@pytest.mark.parametrize("shape", sorted(OUTSIDE_THE_DOCUMENT))
def test_shapes_outside_the_document_are_still_outside(document: dict[str, Any], shape: str) -> None:
    assert complaints(document, "/api/whoami-v2", bodies.shapes()[shape])


@pytest.mark.parametrize("permission", ["read", "write", "infer"])
@pytest.mark.parametrize("service", ["jobs", "inference-endpoints"])
def test_the_access_checks_of_services_are_those_of_the_document(
    document: dict[str, Any], full: HubDouble, service: str, permission: str
) -> None:
    path = f"/api/{service}/{{namespace}}/auth-check/{{perms}}"
    (allowed,) = [p["schema"]["enum"] for p in document["paths"][path]["post"]["parameters"] if p["name"] == "perms"]
    token = Mint(1).user_token()
    access = Hub(full.endpoint)
    if permission not in allowed:
        assert service_check(access, "alice", "jobs", permission, Secret(token)).allowed is None
        return
    for body, status in ((None, "200"), (bodies.narrowed_endpoints(), "207")):
        if body is not None and service == "jobs":
            continue
        full.knows(token, body or bodies.classic("write"))
        address = f"{full.endpoint}/api/{service}/alice/auth-check/{permission}"
        request = Request(address, b"", {"Authorization": f"Bearer {token}"}, method="POST")
        with urlopen(request) as response:
            assert str(response.status) == status
            assert complaints(document, path, json.load(response), status, "post") == []
        assert service_check(access, "alice", "inference-endpoints", "infer", Secret(token)).allowed is True


def test_a_revocation_is_what_the_document_asks_for(document: dict[str, Any], full: HubDouble) -> None:
    revoke(Hub(full.endpoint), [Secret(Mint(2).user_token())])
    operation = document["paths"]["/api/credentials/revoke"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator(schema).validate(full.requests[-1].json())
    assert operation["security"] == []


def test_tokens_of_service_accounts_are_changed_as_the_document_says(document: dict[str, Any], full: HubDouble) -> None:
    hub, own = Hub(full.endpoint), Secret(Mint(1).user_token())
    account, token = f"{1:024x}", full.world.service_accounts["acme"][0]["accessTokens"][0]["_id"]
    base = "/api/organizations/{name}/service-accounts/{serviceAccountId}/tokens"
    rights = {
        "permissions": ["repo.content.read"], "repoIds": [full.world.repos["dataset", "acme/d"].object_id],
        "repoPermissions": ["repo.write"], "endpointPatterns": ["gpt2-*"],
    }  # fmt: skip
    made = service_accounts.create(hub, "acme", account, {"displayName": "new", **rights}, own)
    _checked(document, full, base, "post", "201", made)
    rotated = service_accounts.rotate(hub, "acme", account, token, own)
    _checked(document, full, f"{base}/{{tokenId}}/rotate", "post", "200", rotated)
    updated = service_accounts.update(hub, "acme", account, token, rights, own)
    _checked(document, full, f"{base}/{{tokenId}}", "patch", "200", updated)
    deleted = service_accounts.delete(hub, "acme", account, token, own)
    assert (deleted, list(document["paths"][f"{base}/{{tokenId}}"]["delete"]["responses"])) == (
        Reply(204, None),
        ["204"],
    )


def _checked(document: dict[str, Any], full: HubDouble, path: str, method: str, status: str, answer: object) -> None:
    """Checks the last request and its answer against the document."""
    assert not isinstance(answer, Failure), answer
    operation = document["paths"][path][method]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        Draft202012Validator(schema).validate(full.requests[-1].json())
    body = {"token": "x", "tokenInfo": answer.info} if isinstance(answer, MintedToken) else answer
    assert complaints(document, path, body, status, method) == []


def test_the_permissions_of_service_accounts_are_those_of_the_document(document: dict[str, Any]) -> None:
    path = "/api/organizations/{name}/service-accounts/{serviceAccountId}/tokens"
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert set(permissions.TOKEN_PERMISSIONS) == set(schema["permissions"]["items"]["enum"])
    assert set(permissions.TOKEN_REPOSITORY_PERMISSIONS) == set(schema["repoPermissions"]["items"]["enum"])
    assert schema["endpointPatterns"]["maxItems"] == service_accounts.MOST_PATTERNS
    assert schema["displayName"]["maxLength"] == service_accounts.LONGEST_NAME


def test_the_resource_groups_are_those_of_the_document(document: dict[str, Any], full: HubDouble) -> None:
    """The document requires `repos`, which it also forbids."""
    groups = full.world.resource_groups["acme"]
    found = complaints(document, "/api/organizations/{name}/resource-groups", groups)
    assert found == ["$[0]: 'repos' is a required property"]


def test_the_document_has_no_endpoint_for_trusted_publishers_or_the_token_policy(document: dict[str, Any]) -> None:
    paths = " ".join(document["paths"]).lower()
    assert not any(word in paths for word in ("trusted", "oidc", "token-policy", "publisher"))


def test_the_logs_of_a_space_are_those_of_the_document(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/spaces/{namespace}/{repo}/logs/{logType}"]["get"]
    (kinds,) = [entry["schema"]["enum"] for entry in operation["parameters"] if entry["name"] == "logType"]
    assert set(kinds) == set(LOG_TYPES)
    assert "SSE" in operation["description"]


def test_the_endpoints_that_nobody_can_check_are_still_the_same(document: dict[str, Any]) -> None:
    assert not set(NOT_IN_THE_DOCUMENT) & set(document["paths"])


def test_the_events_asked_for_by_type_are_types_of_the_document(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/organizations/{name}/audit-log/export"]["get"]
    (query,) = [one["schema"]["examples"] for one in operation["parameters"] if one["name"] == "q"]
    assert {one.partition(":")[0] for one in query} == {"author", "ip", "type"}
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(TYPES) <= set(schema["items"]["properties"]["type"]["enum"])
    assert list(EVENT_TYPES) == schema["items"]["properties"]["type"]["enum"]


def test_the_commits_of_a_real_repository_are_listed_as_the_document_says(
    document: dict[str, Any], hub_double: HubDouble, tmp_path: Path
) -> None:
    repo = GitRepo(tmp_path / "r")
    repo.commit("first\n\nwith a body")
    hub_double.hosts(repo.path, "acme/m")
    answer = Hub(hub_double.endpoint).get("/api/models/acme/m/commits/main", None)
    body = answer.body  # type: ignore[union-attr]  # a failure has none, and fails the test
    assert [commit["title"] for commit in body] == ["first"]
    assert complaints(document, "/api/models/{namespace}/{repo}/commits/{rev}", body) == []


def test_files_verdicts_and_uploads_are_listed_as_the_document_says(
    document: dict[str, Any], hub_double: HubDouble, tmp_path: Path
) -> None:
    own = hub_double.knows(Mint(1).user_token())
    key = "1" * 64
    repo = GitRepo(tmp_path / "r")
    first = repo.commit("first", {"a.txt": "a\n"})
    large = f"version https://git-lfs.github.com/spec/v1\noid sha256:{key}\nsize 9\n"
    head = repo.commit("second", {"w.bin": large})
    hosted = hub_double.hosts(repo.path, "alice/m")
    hosted.security["w.bin"] = security("unsafe", imports={"posix.system": "dangerous"}, jFrogScan="unsafe")
    hosted.uploads = [upload(key, "2026-07-10T03:00:00.000Z", "eve")]
    asked = Request(
        f"{hub_double.endpoint}/api/models/alice/m/paths-info/{head}",
        json.dumps({"paths": ["a.txt", "w.bin"], "expand": True}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(asked) as response:
        info = json.load(response)
    base = "/api/models/{namespace}/{repo}"
    assert len(info) == 2
    assert complaints(document, f"{base}/paths-info/{{rev}}", info, method="post") == []
    hub = Hub(hub_double.endpoint)
    for path, actual in (
        ("lfs-files", "lfs-files"),
        ("scan", "scan"),
        ("refs", "refs?include_prs=1"),
        ("compare/{compare}", f"compare/{first}..{head}"),
    ):
        answer = hub.get(f"/api/models/alice/m/{actual}", Secret(own))
        body = answer.body  # type: ignore[union-attr]  # a failure has none, and fails the test
        assert body
        assert complaints(document, f"{base}/{path}", body) == []
    for expand in ("", "&expand=true"):
        answer = hub.get(f"/api/models/alice/m/tree/{head}?recursive=true{expand}", None)
        # The document forbids the `path` of an entry, without which no client could use the listing.
        listed = [{key: entry[key] for key in entry if key != "path"} for entry in answer.body]  # type: ignore[union-attr]
        assert complaints(document, f"{base}/tree/{{rev}}/{{path}}", listed) == []
