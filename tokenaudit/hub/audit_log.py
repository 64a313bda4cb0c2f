"""Export of an organization's audit log: `GET /api/organizations/{name}/audit-log/export`.

Source: the Hub's OpenAPI document: one JSON array of the last 100,000 events, for Team and Enterprise organizations;
`q` selects events by type, author or address (`type:repo.create`), not by time. At about 500 bytes per event that is
50 MB, so the response is streamed and only what the caller stores stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote, urlencode

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.result import Failure
from tokenaudit.hub.transport import RequestAborted
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

EVENT_TYPES: tuple[str, ...] = (
    "billing.update_payment_method", "billing.create_customer", "billing.remove_payment_method", "billing.aws_add",
    "billing.aws_remove", "billing.gcp_add", "billing.gcp_remove", "billing.marketplace_approve",
    "billing.cancel_subscription", "billing.renew_subscription", "billing.start_subscription",
    "billing.un_cancel_subscription", "billing.update_subscription", "billing.update_subscription_plan",
    "collection.create", "collection.delete", "collection.update_resource_group", "org.add_user", "org.change_role",
    "org.create", "org.delete", "org.restore", "org.invite_user", "org.invite.accept", "org.invite.email",
    "org.join.from_domain", "org.join.automatic", "org.leave", "org.remove_user", "org.rename", "org.rotate_token",
    "org.sso_login", "org.sso_join", "org.update_join_settings", "org.update_settings", "org.settings.regions",
    "org.settings.profile", "org.settings.resource_groups", "org.settings.publisher_gating",
    "org.settings.inference_providers", "org.settings.inference_providers.keys.add",
    "org.settings.inference_providers.keys.remove", "org.settings.inference_providers.usage", "org.settings.sso",
    "org.settings.sso.enable", "org.settings.sso.disable", "org.settings.security.repo_visibility",
    "org.settings.security.2fa.enable", "org.settings.security.2fa.disable", "org.settings.security.auto_join.enable",
    "org.settings.security.auto_join.disable", "org.settings.security.members_privacy.enable",
    "org.settings.security.members_privacy.disable", "org.settings.network",
    "org.settings.network.ip_restriction.enable", "org.settings.network.ip_restriction.disable",
    "org.settings.network.auth_enforcement.enable", "org.settings.network.auth_enforcement.disable",
    "org.token_approval.enabled", "org.token_approval.disabled", "org.token_approval.authorization_request",
    "org.token_approval.authorization_request.authorized", "org.token_approval.authorization_request.revoked",
    "org.token_approval.authorization_request.denied", "repo.add_secrets", "repo.remove_secrets", "repo.add_secret",
    "repo.update_secret", "repo.remove_secret", "repo.create", "repo.delete", "repo.disable", "repo.removeDisable",
    "repo.duplication", "repo.delete_doi", "repo.move", "repo.update_resource_group", "repo.update_settings",
    "repo.add_variable", "repo.update_variable", "repo.remove_variable", "repo.add_variables",
    "repo.remove_variables", "repo.delete_lfs_file", "repo.add_trusted_publisher", "repo.remove_trusted_publisher",
    "spaces.add_storage", "spaces.remove_storage", "spaces.set_volumes", "spaces.remove_volumes",
    "spaces.update_hardware", "spaces.update_sleep_time", "resource_group.create", "resource_group.add_users",
    "resource_group.remove_users", "resource_group.change_role", "resource_group.settings", "resource_group.delete",
    "jobs.create", "jobs.cancel", "jobs.update_labels", "jobs.update_expose", "scheduled_job.create",
    "scheduled_job.delete", "scheduled_job.resume", "scheduled_job.suspend", "scheduled_job.run",
    "scheduled_job.update_schedule", "scheduled_job.update_labels", "org.service_account.create",
    "org.service_account.delete", "org.service_account.token.create", "org.service_account.token.delete",
    "org.service_account.token.rotate", "org.service_account.token.update", "oauth.token",
)  # fmt: skip
"""Types of events (source: the Hub's OpenAPI document). Others can follow."""

PERMISSION = "the role admin in {organization}, on a Team or Enterprise plan (fine-grained tokens: org.auditLog.write)"
"""What reading an audit log takes."""

LARGEST_EXPORT = 1 << 30
"""Maximum size of an export in bytes; the rest is not read."""

SECONDS = 300.0
"""Maximum time to read an export, in seconds."""


@dataclass(frozen=True)
class ExportRead(Generic[T]):
    """The caller's `result` for an export. `broken` is the reason why its end was not received; otherwise empty."""

    result: T
    broken: str = ""


def read_export(
    hub: Hub, organization: str, secret: Secret | None, fold: Callable[[Iterator[bytes]], T], query: str = ""
) -> ExportRead[T] | Failure:
    """Pass the bytes of an export to `fold` while they are received, and return its result.

    If the connection breaks, `fold` receives what arrived before. An exception of `fold` makes the response malformed.
    `fold` is called again if the request is retried. `query` selects events, as in `type:repo.create`.
    """

    def fetch(_api: HfApi, token: Token) -> object:
        url = f"{hub.endpoint}/api/organizations/{quote(organization, safe='')}/audit-log/export"
        with hub.stream(f"{url}?{urlencode({'q': query})}" if query else url, token) as response:
            body = _Body(response.iter_bytes())
            try:
                result = fold(iter(body))
            except Exception:
                if body.error is not None:
                    raise body.error from None  # the reason why `fold` found nothing
                raise
            for _ in body:  # what `fold` did not read
                pass
        return ExportRead(result, body.broken)

    answer = hub.ask(fetch, secret, deadline=SECONDS, largest=LARGEST_EXPORT)
    if isinstance(answer, Failure):
        return answer
    export: ExportRead[T] = answer.body
    return export


class _Body:
    """The bytes of a response; they end where it breaks, and `error` says why."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.error: Exception | None = None
        self._chunks = self._read(chunks)

    @property
    def broken(self) -> str:
        if isinstance(self.error, RequestAborted):
            return self.error.message
        return f"the connection broke ({type(self.error).__name__})" if self.error is not None else ""

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def _read(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except Exception as error:  # noqa: BLE001 - errors of both HTTP backends of the library
            self.error = error
