"""Verdicts on the tokens of service accounts, their known fingerprints, and the problems of a report. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tokenaudit.model import Credential, Problem, ServiceAccount, ServiceToken, Severity, Skipped
from tokenaudit.policy.evaluate_service_token import evaluate_service_token
from tokenaudit.policy.settings import Settings

_TOKEN_KINDS = frozenset({"user_token"})
"""The kinds of credentials that a service account's token can be: the Hub gives it the form of a user token."""

_LAST = 4


@dataclass(frozen=True)
class ServiceAccountsReport:
    """The document of `service-accounts list`."""

    organization: str
    accounts: tuple[ServiceAccount, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    schema: Literal["tokenaudit/service-accounts/1"] = "tokenaudit/service-accounts/1"

    @property
    def severity(self) -> Severity | None:
        """The highest severity of a reason; None if there is none."""
        verdicts = [token.verdict for token in self.tokens if token.verdict is not None]
        found = [reason.severity for verdict in verdicts for reason in verdict.reasons]
        return max(found, key=lambda severity: severity.rank, default=None)

    @property
    def tokens(self) -> tuple[ServiceToken, ...]:
        """All tokens."""
        return tuple(token for account in self.accounts for token in account.tokens)


def assessed(
    accounts: Sequence[ServiceAccount], known: Iterable[Credential], settings: Settings, now: datetime
) -> tuple[ServiceAccount, ...]:
    """The accounts with verdicts, and with the fingerprint of the only `known` credential with a token's last four.

    Where several credentials fit, or one fits several tokens, the fingerprint is None and `candidates` names them.
    """
    by_end: dict[str, list[str]] = defaultdict(list)
    for credential in known:
        end = credential.display[-_LAST:]
        if credential.likelihood == "credential" and credential.kind in _TOKEN_KINDS and not end.startswith("*"):
            by_end[end].append(credential.fingerprint)
    ends = Counter(token.last4 for account in accounts for token in account.tokens if token.last4)
    return tuple(
        replace(
            account,
            tokens=tuple(
                _matched(
                    replace(token, verdict=evaluate_service_token(token, account.organization, settings, now)),
                    sorted(set(by_end.get(token.last4 or "", ()))),
                    unique=ends[token.last4 or ""] == 1,
                )
                for token in account.tokens
            ),
        )
        for account in accounts
    )


def _matched(token: ServiceToken, fitting: list[str], *, unique: bool) -> ServiceToken:
    if not fitting:
        return token
    if len(fitting) == 1 and unique:
        return replace(token, fingerprint=fitting[0])
    return replace(token, candidates=tuple(fitting))


def target_of(organization: str) -> str:
    """The name of an organization's service accounts in reports."""
    return f"service-accounts/{organization}"


def problems(accounts: Iterable[ServiceAccount]) -> Iterator[Problem]:
    """One problem per reason of a verdict."""
    for account in accounts:
        for token in account.tokens:
            end = f" (…{token.last4})" if token.last4 else ""
            for reason in token.verdict.reasons if token.verdict else ():
                yield Problem(
                    rule=reason.rule,
                    severity=reason.severity,
                    target=target_of(account.organization),
                    path=None,
                    line=None,
                    column=None,
                    where=f"{account.name} / {token.name}",
                    credential_name=token.name,
                    message=f"{token.name} of {account.name}{end}: {reason.message}",
                    remedy=reason.remedy,
                )
