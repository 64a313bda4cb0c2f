"""The double's logs of Spaces: server-sent events, past lines first, then whatever the log does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from tests.hub.routes import Routes, _route
from tests.hub.server import Request, Response
from tests.hub.state import Body, Log


@_route("GET", r"/api/(?P<type>space)s/(?P<id>[^/]+/[^/]+)/logs/(?P<log>build|run)")
def _logs(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    if isinstance(repo, Response):
        return repo
    stream = _stream(repo.logs.get(found["log"], Log()))
    return Response(200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, stream=stream)


def _stream(log: Log) -> Iterator[bytes | float]:
    for event in log.events:
        yield _event(event)
    number = 0
    while log.then != "close":
        yield log.pause
        number += 1
        if log.then == "keep-alive":
            yield b"data:\n\n"
        elif log.then == "print":
            later = datetime.now(timezone.utc) + timedelta(seconds=2)
            yield _event({"data": f"tick {number}\n", "timestamp": later.isoformat()})


def _event(event: Body) -> bytes:
    # As JavaScript writes JSON: characters beyond ASCII stay as they are.
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
