"""What an HTTP request to the Hub needs."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tokenaudit.code_usage.model import Need
from tokenaudit.model import Entity
from tokenaudit.permissions import ANY_TOKEN, NO_TOKEN, READ, WRITE

INFERENCE = "inference.serverless.write"
ENDPOINT_CALL = "inference.endpoints.infer.write"

_HUB = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_PROVIDERS = frozenset({"router.huggingface.co", "api-inference.huggingface.co"})
_FOLDERS = {"datasets": "dataset", "spaces": "space", "models": "model", "kernels": "kernel", "buckets": "bucket"}
_NAME = r"[\w.-]+"
_READS = frozenset({"GET", "HEAD"})
_API = re.compile(rf"/api/(models|datasets|spaces)/({_NAME}/{_NAME})(/.*)?$")
_REPO = re.compile(rf"/(?:(datasets|spaces|kernels)/)?({_NAME}/{_NAME})(?:/(?:resolve|raw|blob|tree)/.*)?$")
_GIT = re.compile(rf"/(?:(datasets|spaces|kernels)/)?({_NAME}/{_NAME}?)(?:\.git)?/?$")
_HF_URL = re.compile(rf"hf://(?:(datasets|spaces|models|kernels|buckets)/)?({_NAME}/{_NAME}?)(?:@[^/]+)?(?:/|$)")
_NOT_A_NAMESPACE = frozenset(
    {"api", "settings", "docs", "blog", "models", "datasets", "spaces", "oauth", "join", "login"}
)


def is_providers(url: str) -> bool:
    """Whether `url` leads to Inference Providers."""
    return _host(url) in _PROVIDERS


def is_endpoint(url: str) -> bool:
    """Whether `url` is a dedicated Inference Endpoint."""
    return _host(url).endswith(".endpoints.huggingface.cloud")


def is_hub(url: str) -> bool:
    """Whether `url` leads to anything of the Hub."""
    return _host(url) in _HUB or is_providers(url) or is_endpoint(url)


def request(url: str, method: str = "GET") -> tuple[Need, ...]:
    """What a request needs; nothing where `url` is not the Hub's, "perhaps" where its path is not a known one."""
    if is_providers(url):
        return (Need(INFERENCE, Entity("user")),)
    if is_endpoint(url):
        return (Need(ENDPOINT_CALL, Entity("user")),)
    if _host(url) not in _HUB:
        return ()
    path = urlsplit(url).path
    return _api_needs(path, method) if path.startswith("/api/") else _page_needs(path, method)


def _api_needs(path: str, method: str) -> tuple[Need, ...]:
    if path.startswith("/api/whoami"):
        return (Need(ANY_TOKEN),)
    if path == "/api/repos/create":
        return (Need(WRITE, Entity("user"), "perhaps"),)
    api = _API.match(path)
    if api:
        return (_api(Entity(_FOLDERS[api[1]], api[2]), api[3] or "", method),)
    return (Need(NO_TOKEN),) if method in _READS else (Need(WRITE, None, "perhaps"),)


def _page_needs(path: str, method: str) -> tuple[Need, ...]:
    repo = _REPO.match(path)
    if repo and repo[2].split("/")[0] not in _NOT_A_NAMESPACE:
        return (Need(READ if method in _READS else WRITE, Entity(_FOLDERS.get(repo[1] or "", "model"), repo[2])),)
    return ()


def _api(entity: Entity, rest: str, method: str) -> Need:
    if "/user-access-request/" in rest and method in _READS:
        return Need("repo.access.read", entity)
    if rest.startswith("/discussions") and method not in _READS:
        return Need(WRITE if rest.endswith("/merge") else "discussion.write", entity)
    if rest.startswith(("/secrets", "/variables")) and method in _READS:
        return Need(WRITE, entity, "perhaps")
    return Need(READ if method in _READS else WRITE, entity)


def git_remote(url: str) -> Entity | None:
    """The repository behind a git remote on the Hub; None for any other."""
    if _host(url) not in _HUB:
        return None
    found = _GIT.match(urlsplit(url).path)
    return Entity(_FOLDERS.get(found[1] or "", "model"), found[2].removesuffix(".git")) if found else None


def hf_url(text: str) -> Entity | None:
    """The repository in an `hf://` address; None for anything else."""
    found = _HF_URL.match(text)
    if found and found[2].partition("/")[0] in _FOLDERS:
        return None
    return Entity(_FOLDERS.get(found[1] or "", "model"), found[2]) if found else None


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
