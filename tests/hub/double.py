"""A double of the Hub: real HTTP on loopback, real `git http-backend`, spoken to by the real huggingface_hub.

Use the `hub_double` fixture (import it in a `conftest.py`), put tokens and repositories into `double.world`, script
faults with `double.fails`, and read what arrived from `double.requests`.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from typing_extensions import Self

from tests.hub import bodies
from tests.hub.faults import Fault
from tests.hub.limit import Limit
from tests.hub.routes import Routes, register_all
from tests.hub.server import Request, Server
from tests.hub.state import Repo, World


class HubDouble:
    """One running double; enter it to start it."""

    def __init__(self) -> None:
        register_all()
        self.world = World()
        self._routes = Routes(self.world)
        self.server = Server(self._routes)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._routes.base = self.endpoint
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.closing.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    @property
    def requests(self) -> list[Request]:
        """Every request so far, oldest first."""
        return self.server.requests

    def count(self, path: str = "", method: str | None = None) -> int:
        """How many requests' paths hold `path`."""
        return sum(path in seen.path and method in (None, seen.method) for seen in self.requests)

    def fails(self, path: str, *faults: Fault, always: bool = False) -> None:
        """Plays `faults` one by one for requests whose path matches the regular expression; the last one for ever."""
        sequence = chain(faults, repeat(faults[-1])) if always else iter(faults)
        self.server.faults.append((re.compile(path), sequence))

    def limits(self, quota: int, window: float, clock: Callable[[], float]) -> Limit:
        """From now on answers whoami at most `quota` times in each `window` seconds of `clock`, and says so."""
        limit = Limit(self._routes, quota, window, clock)
        self.server.routes = limit
        self.server.extra_headers = lambda _request: limit.headers
        return limit

    def knows(self, token: str, body: Mapping[str, Any] | None = None) -> str:
        """Makes `token` a live one that speaks for `body` (a classic write token of alice, if not said)."""
        self.world.tokens[token] = dict(body) if body is not None else bodies.classic("write")
        return token

    def hosts(self, source: Path, repo_id: str, repo_type: str = "model", **more: Any) -> Repo:
        """Serves a bare mirror of the repository at `source` as `repo_id`."""
        bare = source.parent / f"{repo_type}-{repo_id.replace('/', '--')}.git"
        subprocess.run(["git", "clone", "-q", "--mirror", str(source), str(bare)], check=True)
        return self.world.add_repo(repo_id, repo_type, git=bare, **more)

    def url(self, repo: Repo) -> str:
        """The clone URL of a repository."""
        kind = "" if repo.type == "model" else f"{repo.type}s/"
        return f"{self.endpoint}/{kind}{repo.id}"


@pytest.fixture
def hub_double() -> Iterator[HubDouble]:
    """A running double of the Hub, empty at first."""
    with HubDouble() as double:
        yield double


@pytest.fixture
def storage(hub_double: HubDouble) -> Iterator[HubDouble]:
    """Another origin that large files are redirected to."""
    with HubDouble() as double:
        double.world.repos = hub_double.world.repos
        hub_double.world.storage = double.endpoint
        yield double
        assert not [seen for seen in double.requests if "authorization" in seen.headers or "cookie" in seen.headers]
