"""Doubles of GitHub and GitLab: real HTTP on loopback, as far as secrets and variables go."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from nacl.public import PrivateKey, SealedBox

START = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
OLD_CHANGE = "2026-01-01T00:00:00Z"


@dataclass
class Stored:
    """A secret at GitHub as it really is, value included."""

    value: str
    updated_at: str = OLD_CHANGE
    visibility: str = "all"
    selected: list[int] = field(default_factory=list)


@dataclass
class Github:
    """Repositories' and organizations' secrets by path, such as `repos/acme/app/actions/secrets` → name → secret."""

    secrets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    repositories: dict[int, str] = field(default_factory=dict)
    refuses: bool = False
    url: str = ""
    key: PrivateKey = field(default_factory=PrivateKey.generate)
    changes: int = 0

    def answer(  # noqa: PLR0911 - one answer a path
        self, method: str, path: str, _query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any]:
        if self.refuses:
            return 403, {"message": "Resource not accessible"}
        organization = re.fullmatch(r"/orgs/([^/]+)", path)
        if organization:
            return 200, {"login": organization[1], "url": f"{self.url}{path}"}
        environment = re.fullmatch(r"/repos/[^/]+/[^/]+/environments/([^/]+)", path)
        if environment:
            return 200, {"name": environment[1], "url": f"{self.url}{path}"}
        found = re.fullmatch(r"/((?:repos/[^/]+/[^/]+|orgs/[^/]+).*?secrets)(?:/([^/]+))?(/repositories)?", path)
        if not found:
            return 404, {"message": "Not Found"}
        held = self.secrets.get(found[1], {})
        if found[2] == "public-key":
            return 200, {"key_id": "1", "key": _base64(bytes(self.key.public_key))}
        if found[2] is None:
            return 200, {"total_count": len(held), "secrets": [self._shown(found[1], n) for n in held]}
        if method == "PUT":
            return self._put(found[1], found[2], body)
        if found[2] not in held:
            return 404, {"message": "Not Found"}
        if found[3]:
            selected = [self._repository(number) for number in held[found[2]].selected]
            return 200, {"total_count": len(selected), "repositories": selected}
        return 200, self._shown(found[1], found[2])

    def _shown(self, where: str, name: str) -> dict[str, object]:
        held = self.secrets[where][name]
        shown: dict[str, object] = {"name": name, "created_at": OLD_CHANGE, "updated_at": held.updated_at}
        if where.startswith("orgs/"):
            shown["visibility"] = held.visibility
            shown["selected_repositories_url"] = f"{self.url}/{where}/{name}/repositories"
        return shown

    def _repository(self, number: int) -> dict[str, object]:
        name = self.repositories[number]
        return {"id": number, "name": name.partition("/")[2], "full_name": name, "url": f"{self.url}/repos/{name}"}

    def _put(self, where: str, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        value = SealedBox(self.key).decrypt(_unbase64(body["encrypted_value"])).decode()
        self.changes += 1
        changed = (START + timedelta(seconds=self.changes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        selected = [int(number) for number in body.get("selected_repository_ids", [])]
        known = name in self.secrets.get(where, {})
        stored = Stored(value, changed, body.get("visibility", "all"), selected)
        self.secrets.setdefault(where, {})[name] = stored
        return (204 if known else 201), None


@dataclass
class Gitlab:
    """Variables by the place's full path, then as a list, for one key may exist once a scope."""

    variables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    url: str = ""
    refuses: bool = False
    scopes: Any = field(default_factory=lambda: ["api"])
    """Scopes of the token; None for one that GitLab does not describe, such as an OAuth token."""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        of_token = self._of_token(method, path)
        if of_token is not None:
            return of_token
        listed = re.fullmatch(r"/api/v4/(?:projects|groups)/(.+)/variables", path)
        if listed and method == "POST":
            made = {"masked": False, "protected": False, "variable_type": "env_var", **body}
            self.variables.setdefault(unquote(listed[1]), []).append(made)
            return 201, made
        if listed:
            return 200, self.variables.get(unquote(listed[1]), [])
        found = re.fullmatch(r"/api/v4/(?:projects|groups)/(.+)/variables/([^/]+)", path)
        if not found:
            return 404, {"message": "404 Not found"}
        given = body.get("filter", {}) if isinstance(body, dict) else {}
        scope = (query.get("filter[environment_scope]") or [given.get("environment_scope", "*")])[0]
        rows = self.variables.get(unquote(found[1]), [])
        row = next((r for r in rows if r["key"] == found[2] and r["environment_scope"] == scope), None)
        if row is None:
            return 404, {"message": "404 Variable Not Found"}
        if method == "PUT":
            row.update({k: v for k, v in body.items() if k != "filter"})
        return 200, row

    def _of_token(self, method: str, path: str) -> tuple[int, Any] | None:
        """The answer that the token alone decides."""
        if self.refuses:
            return 401, {"message": "401 Unauthorized"}
        if path == "/api/v4/personal_access_tokens/self":
            return (404, {"message": "404 Not found"}) if self.scopes is None else (200, {"scopes": self.scopes})
        if method in {"POST", "PUT"} and self.scopes is not None and "api" not in self.scopes:
            return 403, {"error": "insufficient_scope", "error_description": "needs higher privileges"}
        return None


@contextmanager
def running(service: Github | Gitlab) -> Iterator[None]:
    """Serves a double for as long as the context lasts; its `url` is set."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(service.answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    answer: Callable[[str, str, dict[str, list[str]], Any], tuple[int, Any]]
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, answer = type(self).answer(self.command, parts.path, parse_qs(parts.query), body)
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = _serve  # noqa: N815 - the names http.server calls

    def log_message(self, *_arguments: object) -> None:
        """Nothing: tests read answers, not logs."""


def _base64(data: bytes) -> str:
    import base64  # noqa: PLC0415 - two lines of use

    return base64.b64encode(data).decode()


def _unbase64(text: str) -> bytes:
    import base64  # noqa: PLC0415 - as above

    return base64.b64decode(text)
