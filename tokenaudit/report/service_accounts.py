"""Service accounts as text, JSON (`tokenaudit/service-accounts/1`), Markdown and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tokenaudit.model import Entity, ServiceAccount, ServiceToken
from tokenaudit.permissions import label_of, name_of
from tokenaudit.redaction import masked
from tokenaudit.remediate.rotation.journal import Record
from tokenaudit.report.csv import table
from tokenaudit.report.json_document import as_json
from tokenaudit.report.markdown import code, escape
from tokenaudit.service_accounts.assess import ServiceAccountsReport
from tokenaudit.text import count, listed, neutral, visible
from tokenaudit.timestamps import day, rfc3339

_SHOWN = 5
_FINGERPRINT = 12


def to_text(report: ServiceAccountsReport) -> str:
    """A paragraph per account, a block per token, then what was skipped and the totals."""
    lines: list[str] = []
    for account in report.accounts:
        about = f": {account.description}" if account.description else ""
        lines.append(f"{account.name} ({account.id}){about}")
        if not account.tokens:
            lines.append("  no tokens")
        for token in account.tokens:
            lines += [f"  {line}" for line in _block(token)]
        lines.append("")
    lines += [f"skipped: {entry.where}: {entry.reason}" for entry in report.skipped]
    lines.append(_total(report))
    return "".join(f"{visible(line)}\n" for line in lines)


def _block(token: ServiceToken) -> Iterator[str]:
    verdict = token.verdict
    grade = f"{verdict.severity.value}, {_privilege(verdict.privilege)}" if verdict else "not assessed"
    yield f"{token.name} ({token.id}{f', …{token.last4}' if token.last4 else ''}): {grade}"
    yield f"  rights: {'; '.join(rights_in_words(token)) or 'none'}"
    yield f"  created {_day(token.created_at)}, last used {_day(token.last_used_at)}, expires {_day(token.expires_at)}"
    if token.fingerprint:
        yield f"  found by a sweep: {token.fingerprint[:_FINGERPRINT]}"
    elif token.candidates:
        some = listed([each[:_FINGERPRINT] for each in token.candidates], _SHOWN)
        yield f"  ambiguous: these known credentials have the same last four characters: {some}"
    for reason in verdict.reasons if verdict else ():
        yield f"  {reason.severity.value}: {reason.rule}: {reason.message}"


def _privilege(privilege: str) -> str:
    return {"over": "more rights than one use needs", "minimal": "narrow"}.get(privilege, "rights unknown")


def rights_in_words(token: ServiceToken) -> list[str]:
    """The token's rights, one entry per place they apply to."""
    found = []
    if token.role != "fineGrained":
        found.append(f"role {token.role}")
    if token.permissions:
        where = "the whole organization"
        if token.endpoint_patterns:
            where += f" (Inference Endpoints only {', '.join(token.endpoint_patterns)})"
        found.append(f"{', '.join(label_of(name) for name in token.permissions)} on {where}")
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in token.repositories:
        name = name_of(Entity(each.type, each.name)) if each.type and each.name else f"repository {each.id}"
        groups.setdefault(each.permissions, []).append(name)
    for permissions, names in groups.items():
        allowed = ", ".join(label_of(name) for name in permissions) or "nothing"
        found.append(f"{allowed} on {listed(names, _SHOWN)}")
    if not token.details_known:
        found.append("the Hub did not describe all of them")
    return found


def to_markdown(report: ServiceAccountsReport) -> str:
    """A table of the tokens, their reasons, and what was skipped."""
    lines = [f"# Service accounts of {escape(visible(report.organization))}", ""]
    lines += ["| account | token | severity | rights | last used | expires | found |", "|---|---|---|---|---|---|---|"]
    for account, token in _pairs(report.accounts):
        found = token.fingerprint[:_FINGERPRINT] if token.fingerprint else "ambiguous" if token.candidates else ""
        cells = (
            account.name, f"{token.name}{f' …{token.last4}' if token.last4 else ''}",
            token.verdict.severity.value if token.verdict else "", "; ".join(rights_in_words(token)) or "none",
            _day(token.last_used_at), _day(token.expires_at), found,
        )  # fmt: skip
        lines.append("| " + " | ".join(escape(visible(each.replace("`", ""))) for each in cells) + " |")
    lines += ["", "## Findings", ""]
    for account, token in _pairs(report.accounts):
        for reason in token.verdict.reasons if token.verdict else ():
            where = code(f"{account.name} / {token.name}")
            lines.append(f"- {reason.severity.value}: {reason.rule}: {where}: {escape(visible(reason.message))}")
    if report.skipped:
        lines += ["", "## Skipped", ""]
        lines += [f"- {code(entry.where)}: {escape(visible(entry.reason))}" for entry in report.skipped]
    return "\n".join([*lines, "", escape(_total(report)), ""])


COLUMNS = (
    "account", "account_id", "token", "token_id", "last4", "severity", "privilege", "rules", "permissions",
    "repositories", "repository_permissions", "endpoint_patterns", "skips_network_security", "created_at",
    "last_used_at", "expires_at", "fingerprint", "candidates",
)  # fmt: skip


def to_csv(report: ServiceAccountsReport) -> str:
    """One row per token, then one row with severity `not-read` per skipped place."""
    return table(COLUMNS, _rows(report))


def _rows(report: ServiceAccountsReport) -> Iterator[Mapping[str, object] | Sequence[object]]:
    for account, token in _pairs(report.accounts):
        verdict = token.verdict
        yield (
            account.name, account.id, token.name, token.id, token.last4, verdict.severity.value if verdict else "",
            verdict.privilege if verdict else "", _joined([each.rule for each in verdict.reasons] if verdict else ()),
            _joined(token.permissions), _joined([f"{r.type}:{r.name}" if r.name else r.id for r in token.repositories]),
            _joined(token.repositories[0].permissions if token.repositories else ()), _joined(token.endpoint_patterns),
            "yes" if token.skips_network_security else "no", _time(token.created_at), _time(token.last_used_at),
            _time(token.expires_at), token.fingerprint, _joined(token.candidates),
        )  # fmt: skip
    for entry in report.skipped:
        yield {"severity": "not-read", "account": entry.where, "rules": entry.reason}


def record_as_text(record: Record, *, dry_run: bool) -> str:
    """What was done with one token: its id, last four and consumers. Never its value."""
    record = masked(record)
    state = record.service_token
    if state is None or dry_run:
        return "nothing was changed\n"
    verb = "rotated" if state.token_id is not None else "created"
    lines = [
        f"{verb} {state.name} of {state.account} of {state.organization}: {record.new_display}, id {state.new_token_id}"
    ]
    lines += [
        f"{entry.title}: {entry.evidence}" for entry in record.entries if entry.id.startswith(("consumer ", "restart "))
    ]
    proof = next((entry for entry in record.entries if entry.id == "prove"), None)
    if proof is not None:
        lines.append(f"{'verified' if proof.state == 'done' else 'NOT VERIFIED'}: {proof.evidence}")
    return "".join(f"{visible(line)}\n" for line in lines)


FORMATS = {"text": to_text, "json": as_json, "markdown": to_markdown, "csv": to_csv}
"""Format name to the function that writes it."""


def render(report: ServiceAccountsReport, format: str) -> str:  # noqa: A002 - the option's name
    """`report` in one of `FORMATS`, masked and without chat markers."""
    return FORMATS[format](neutral(masked(report)))


def _pairs(accounts: Sequence[ServiceAccount]) -> Iterator[tuple[ServiceAccount, ServiceToken]]:
    return ((account, token) for account in accounts for token in account.tokens)


def _joined(words: Sequence[str]) -> str:
    return " ".join(words)


def _total(report: ServiceAccountsReport) -> str:
    tokens = report.tokens
    flagged = sum(token.verdict is not None and token.verdict.severity.rank > 0 for token in tokens)
    total = f"{count(len(report.accounts), 'service account')}, {count(len(tokens), 'token')}, {flagged} with findings"
    return f"{total}; incomplete" if report.skipped else total


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else day(moment)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else rfc3339(moment)
