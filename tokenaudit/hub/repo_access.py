"""Access of a token to a repository, and the repository's visibility."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import huggingface_hub  # imports its submodules lazily

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.result import Failure, printable
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_PART = r"(?!\.)[A-Za-z0-9._-]{1,96}"
_REPO = re.compile(rf"(?:{_PART}/)?{_PART}")
_NAMESPACE = re.compile(_PART)


def invalid_repo_name(name: str) -> Failure | None:
    """Return the failure for a name that can't be a repository's, else None."""
    if _REPO.fullmatch(name) and ".." not in name:
        return None
    return Failure("not-asked", None, f"invalid repository name '{printable(name, limit=100)}'", 0)


def is_namespace(name: str) -> bool:
    """Return whether `name` is a valid name of a user or organization."""
    return _NAMESPACE.fullmatch(name) is not None and ".." not in name


GitRepoType: TypeAlias = Literal["model", "dataset", "space"]
RepoVisibility: TypeAlias = Literal["public", "gated", "hidden", "unknown"]
"""`hidden` is private or nonexistent: the Hub returns the same response for both."""

Service: TypeAlias = Literal["jobs", "inference-endpoints"]
_SERVICES: dict[Service, str] = {"jobs": "Jobs", "inference-endpoints": "Inference Endpoints"}

_NO_SUCH_METHOD = 405
"""Status of a Hub without this check, and therefore without the service."""
_DENIED = frozenset({401, 403, 404})


class AccessCheck(NamedTuple):
    """Whether a token has an access; None if the response is inconclusive. `reason` explains why."""

    allowed: bool | None
    reason: str


def auth_check(hub: Hub, repo: str, repo_type: GitRepoType, secret: Secret, *, write: bool = False) -> AccessCheck:
    """Return whether `secret` can read (or write) `repo` according to the Hub; the check changes nothing.

    Source: `GET /api/{type}s/{repo}/auth-check[/write]`, as wrapped by huggingface_hub.
    """
    answer = invalid_repo_name(repo) or hub.ask(
        lambda api, token: api.auth_check(repo, repo_type=repo_type, write=write, token=token), secret
    )
    wanted = "write" if write else "read"
    if not isinstance(answer, Failure):
        return AccessCheck(allowed=True, reason=f"can {wanted} {repo}")
    if answer.kind == "refused" and answer.status in _DENIED:
        return AccessCheck(allowed=False, reason=f"can't {wanted} {repo}: {answer.message}")
    return AccessCheck(allowed=None, reason=answer.message)


def service_check(hub: Hub, namespace: str, service: Service, permission: str, secret: Secret) -> AccessCheck:
    """Return whether `secret` can `read`, `write` or `infer` with a service of `namespace`; the check changes nothing.

    Source: `POST /api/jobs/{namespace}/auth-check/{read|write}` and `POST /api/inference-endpoints/{namespace}/
    auth-check/{read|write|infer}` in the Hub's OpenAPI document, where 207 means access restricted by patterns.
    """

    def check(_api: HfApi, token: Token) -> object:
        path = f"/api/{service}/{namespace}/auth-check/{permission}"
        response = huggingface_hub.get_session().post(hub.endpoint + path, headers=hub.headers(token))
        response.raise_for_status()
        return response.json()

    if not is_namespace(namespace):
        return AccessCheck(None, "invalid user or organization name")
    answer = hub.ask(check, secret)
    what = f"{permission} {_SERVICES[service]} of {namespace}"
    if not isinstance(answer, Failure):
        if not _names(answer.body, namespace):
            return AccessCheck(allowed=None, reason=f"{what}: unexpected response")
        return AccessCheck(allowed=True, reason=f"can {what}")
    if answer.kind == "refused" and answer.status in {*_DENIED, _NO_SUCH_METHOD}:
        return AccessCheck(allowed=False, reason=f"can't {what}: {answer.message}")
    return AccessCheck(allowed=None, reason=f"{what}: {answer.message}")


def _names(body: object, namespace: str) -> bool:
    """Return whether `body` names the namespace and a user, as the OpenAPI document requires for a success."""
    parts = [body.get(key) for key in ("namespace", "user")] if isinstance(body, dict) else []
    names = [str(part.get("name", "")) for part in parts if isinstance(part, dict)]
    return len(names) == len(("namespace", "user")) and names[0].lower() == namespace.lower() and bool(names[1])


def visibility(hub: Hub, repo: str, repo_type: GitRepoType) -> tuple[RepoVisibility, str]:
    """Return the visibility of `repo`, requested without a token, and the reason if it is unknown."""
    answer = invalid_repo_name(repo) or hub.ask(
        lambda api, token: api.repo_info(repo, repo_type=repo_type, token=token), None
    )
    if isinstance(answer, Failure):
        if answer.kind == "refused" and answer.status in _DENIED:
            return "hidden", ""
        return "unknown", answer.message
    return ("gated" if getattr(answer.body, "gated", None) else "public"), ""
