"""A Space's variables and secrets, read and changed.

Variables come back with their values, which may be credentials: treat them as such. Of secrets the Hub gives names and
times only. Reading either takes write access to the Space (the Hub's documentation does not say so; observed).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tokenaudit.hub.client import Hub
from tokenaudit.hub.names import refused_repo
from tokenaudit.hub.result import Answer, Failure, Reply
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class Variable:
    """One variable of a Space; its value is masked like a credential's, since it may be one."""

    name: str
    value: Secret
    description: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class SecretName:
    """One secret of a Space, of which only the name, a description and the time of the last change are told."""

    name: str
    description: str | None = None
    updated_at: datetime | None = None


def variables(hub: Hub, space: str, secret: Secret | None) -> tuple[Variable, ...] | Failure:
    """The variables of `space` ("owner/name"), asked as `secret` (None: anonymously)."""
    answer = refused_repo(space) or hub.ask(lambda api, token: api.get_space_variables(space, token=token), secret)
    if isinstance(answer, Failure):
        return answer
    return tuple(Variable(row.key, Secret(row.value), row.description, row.updated_at) for row in answer.body.values())


def secret_names(hub: Hub, space: str, secret: Secret) -> tuple[SecretName, ...] | Failure:
    """The names of the secrets of `space`, with the time each was last set: the proof that an update arrived."""
    answer = refused_repo(space) or hub.ask(lambda api, token: api.get_space_secrets(space, token=token), secret)
    if isinstance(answer, Failure):
        return answer
    return tuple(SecretName(row.key, row.description, row.updated_at) for row in answer.body.values())


def set_secret(
    hub: Hub, space: str, name: str, value: Secret, *, secret: Secret, description: str | None = None
) -> Answer:
    """Adds or replaces a secret of `space`. The Space may restart by itself; `restart` makes sure."""
    return refused_repo(space) or hub.ask(
        lambda api, token: api.add_space_secret(space, name, value.reveal(), description=description, token=token),
        secret,
    )


def delete_variable(hub: Hub, space: str, name: str, *, secret: Secret) -> Answer:
    """Removes a variable of `space`."""
    return refused_repo(space) or hub.ask(
        lambda api, token: api.delete_space_variable(space, name, token=token), secret
    )


def restart(hub: Hub, space: str, *, secret: Secret) -> Answer:
    """Restarts `space`; the reply's body is its stage, such as `RUNNING` or `BUILDING`."""
    answer = refused_repo(space) or hub.ask(lambda api, token: api.restart_space(space, token=token), secret)
    return Reply(answer.status, str(answer.body.stage)) if isinstance(answer, Reply) else answer


def stage(hub: Hub, space: str, *, secret: Secret | None) -> Answer:
    """What `space` is doing, as the reply's body."""
    answer = refused_repo(space) or hub.ask(lambda api, token: api.get_space_runtime(space, token=token), secret)
    return Reply(answer.status, str(answer.body.stage)) if isinstance(answer, Reply) else answer
