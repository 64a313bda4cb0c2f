"""Repositories over git's own smart HTTP, served by `git http-backend`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def answer(
    repository: Path, *, method: str, tail: str, query: str, headers: Mapping[str, str], body: bytes, user: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """One request to the bare `repository`: status, headers, body. `tail` is the path inside it."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(repository.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "uploadpack.allowFilter",
        "GIT_CONFIG_VALUE_1": "true",
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROJECT_ROOT": str(repository.parent),
        "PATH_INFO": f"/{repository.name}/{tail}",
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_USER": user,
    }
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    status = int(fields.pop("Status", "200").split()[0])
    return status, fields, content


def commits(repository: Path, revision: str) -> list[dict[str, object]] | None:
    """The log of a revision as the Hub lists it, None where there is no such revision."""
    form = "%H%x00%s%x00%b%x00%an%x00%cd"
    done = subprocess.run(
        ["git", "log", "-z", f"--format={form}", "--date=format-local:%Y-%m-%dT%H:%M:%S.000Z", revision, "--"],
        cwd=repository,
        env={"PATH": os.environ["PATH"], "HOME": str(repository.parent), "TZ": "UTC", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        return None
    parts = done.stdout.decode("utf-8", "replace").split("\0")
    rows = [parts[at : at + 5] for at in range(0, len(parts) - 4, 5)]
    return [
        {"id": commit, "title": title, "message": body, "authors": [{"user": author}], "date": date}
        for commit, title, body, author, date in rows
    ]
