"""Builders of what a namespace holds besides repositories: Jobs, webhooks, discussions, members, audit events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from tests.hub.state import MOMENT

Body: TypeAlias = dict[str, Any]

TOKEN_ID = "a" * 24
SOMEBODY: Mapping[str, Any] = {"id": "1" * 24, "name": "alice", "type": "user", "avatarUrl": "/avatars/alice.svg"}


def job(job_id: str = "b" * 24, *, environment: Mapping[str, str] | None = None, **more: object) -> Body:
    """One Job; what `environment`, `command` and `arguments` hold is readable by whoever may list Jobs."""
    return {
        "id": job_id,
        "createdAt": MOMENT,
        "dockerImage": "python:3.12",
        "environment": dict(environment or {}),
        "command": ["python", "-c", "print(1)"],
        "arguments": [],
        "flavor": "cpu-basic",
        "createdBy": {"id": "1" * 24, "name": "alice"},
        "type": "job",
        "owner": dict(SOMEBODY),
        "status": {"stage": "COMPLETED", "message": None},
        "secrets": ["HF_TOKEN"],
        "hfToken": {"ownerName": "alice", "tokenRole": "write", "tokenId": TOKEN_ID},
        **more,
    }


def scheduled_job(job_id: str = "c" * 24, *, environment: Mapping[str, str] | None = None, **more: object) -> Body:
    """One scheduled Job."""
    return {
        "id": job_id,
        "createdAt": MOMENT,
        "schedule": "@daily",
        "suspend": False,
        "concurrency": False,
        "status": {"lastJob": None, "nextJobRunAt": MOMENT},
        "type": "scheduled-job",
        "owner": dict(SOMEBODY),
        "jobSpec": {
            "environment": dict(environment or {}),
            "flavor": "cpu-basic",
            "dockerImage": "python:3.12",
            "command": ["python", "-c", "print(1)"],
            "secrets": ["HF_TOKEN"],
            "hfToken": {"ownerName": "alice", "tokenRole": "write", "tokenId": TOKEN_ID},
        },
        **more,
    }


def webhook(
    url: str = "https://example.com/hook", *, job_spec: Mapping[str, Any] | None = None, **more: object
) -> Body:
    """One webhook; its secret never comes back, only whether there is one."""
    body: Body = {
        "id": "d" * 24,
        "url": url,
        "disabled": False,
        "watched": [{"type": "user", "name": "alice"}],
        "hasSecret": True,
        "domains": ["repo"],
        **more,
    }
    if job_spec is not None:
        body["job"] = dict(job_spec)
        del body["url"]
    return body


def author(name: str = "alice") -> Body:
    """The author of a discussion or comment."""
    return {
        "_id": "1" * 24,
        "avatarUrl": f"/avatars/{name}.svg",
        "fullname": name.title(),
        "name": name,
        "type": "user",
        "isPro": False,
        "isHf": False,
        "isHfAdmin": False,
        "isMod": False,
    }


def comment(content: str, *, edited: bool = False) -> Body:
    """One comment of a discussion."""
    return {
        "id": "e" * 24,
        "author": author(),
        "createdAt": MOMENT,
        "type": "comment",
        "data": {
            "edited": edited,
            "hidden": False,
            "latest": {"raw": content, "html": f"<p>{content}</p>", "updatedAt": MOMENT, "author": author()},
            "numEdits": int(edited),
            "editors": ["alice"],
            "editorAvatarUrls": ["/avatars/alice.svg"],
            "reactions": [],
        },
    }


def discussion(num: int, comments: Sequence[str], *, repo: str, repo_type: str = "model", title: str = "Hello") -> Body:
    """One discussion with its comments as events; the double leaves out of lists and details what each lacks."""
    return {
        "_id": "0" * 24,
        "locked": False,
        "collection": "discussions",
        "isReport": False,
        "num": num,
        "title": title,
        "author": author(),
        "createdAt": MOMENT,
        "status": "open",
        "isPullRequest": False,
        "repo": {"name": repo, "type": repo_type},
        "repoOwner": {
            "name": repo.partition("/")[0],
            "type": "user",
            "isParticipating": False,
            "isDiscussionAuthor": True,
        },
        "numComments": len(comments),
        "pinned": False,
        "topReactions": [],
        "numReactionUsers": 0,
        "events": [comment(text) for text in comments],
    }


def member(name: str, role: str = "write") -> Body:
    """One member of an organization."""
    return {
        "_id": "1" * 24,
        "avatarUrl": f"/avatars/{name}.svg",
        "fullname": name.title(),
        "isPro": False,
        "user": name,
        "type": "user",
        "role": role,
        "twoFaEnabled": True,
    }


def audit_event(kind: str, *, last4: str | None = None, **more: object) -> Body:
    """One event of an organization's audit log."""
    body: Body = {
        "_id": "f" * 24,
        "createdAt": MOMENT,
        "type": kind,
        "message": "something happened",
        "author": {"_id": "1" * 24, "user": "alice", "avatarUrl": "/avatars/alice.svg", "type": "user"},
        **more,
    }
    if last4 is not None:
        body["token"] = {"type": "access_token", "id": TOKEN_ID, "role": "write", "last4": last4, "deleted": False}
    return body
