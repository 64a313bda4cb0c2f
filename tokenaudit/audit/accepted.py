"""Findings that the auditor leaves out: places that `--exclude` names, and findings that the policy file accepts.

Both are decisions of the auditor, never of an audited place, and both stay in the report as what they are: an excluded
place is not clean, an accepted finding has a reason and can expire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from tokenaudit.audit.aggregate import Findings
from tokenaudit.errors import ConfigurationError
from tokenaudit.exclusions import Exclusions, matches
from tokenaudit.model import (
    Acceptance,
    AcceptedFinding,
    Credential,
    Exclusion,
    Location,
    Problem,
    Report,
    Rule,
    Severity,
    Skipped,
    Summary,
    accepted_active,
    worst_first,
)
from tokenaudit.policy.settings import AllowEntry, Settings
from tokenaudit.text import did_you_mean


def check_rules(settings: Settings, known: Mapping[str, Rule]) -> None:
    """Checks the rules that the allowlist names.

    Raises:
        ConfigurationError: one does not exist.
    """
    for entry in settings.allow:
        if entry.rule is not None and entry.rule not in known:
            hint = did_you_mean(entry.rule, known) or "; see 'tokenaudit rules'"
            message = f"{settings.policy.file}: an entry of [[allow]] names an unknown rule{hint}"
            raise ConfigurationError(message)


def exclude(findings: Findings, exclusions: Exclusions) -> tuple[Exclusion, ...]:
    """Takes everything that the patterns name out of `findings`; returns how much each of them left out."""
    excluded = []
    for pattern in exclusions.patterns:
        places = _take_out(findings.credentials, pattern)
        _take_out(findings.ignored, pattern)
        problems = [found for found in findings.problems if not matches(pattern, found.target, found.path)]
        skipped = [entry for entry in findings.skipped if not _is_skipped_at(pattern, entry)]
        gone = (len(findings.problems) - len(problems), len(findings.skipped) - len(skipped))
        excluded.append(Exclusion(pattern, places, *gone, exclusions.unread(pattern)))
        findings.problems, findings.skipped = problems, skipped
    for fingerprint in findings.secrets.keys() - findings.credentials.keys() - findings.ignored.keys():
        del findings.secrets[fingerprint]
    return tuple(excluded)


def _take_out(credentials: dict[str, Credential], pattern: str) -> int:
    """Takes the places that `pattern` names out of `credentials`; returns their number."""
    places = 0
    for fingerprint, credential in list(credentials.items()):
        kept = tuple(at for at in credential.locations if not matches(pattern, at.target, at.path))
        places += len(credential.locations) - len(kept)
        if not kept and credential.locations:
            del credentials[fingerprint]
        else:
            credentials[fingerprint] = replace(credential, locations=kept)
    return places


def _is_skipped_at(pattern: str, entry: Skipped) -> bool:
    target, _, path = entry.where.partition(": ")
    return matches(pattern, target, path) if path else matches(pattern, ".", entry.where)


def accept(report: Report, entries: Sequence[AllowEntry], today: date) -> Report:
    """`report` without the findings that `entries` accept, which are listed in its policy instead.

    Credentials that are gone from the report but active are its `accepted_active`.
    """
    accepted = []
    active = list(report.accepted_active)
    for entry in entries:
        expired = entry.until is not None and today > entry.until
        credentials, problems, found = _without(report, entry)
        if not expired:
            left = {credential.fingerprint for credential in credentials}
            gone = (credential for credential in report.credentials if credential.fingerprint not in left)
            active += filter(None, (accepted_active(each, "allow", entry.reason, entry.until) for each in gone))
            report = replace(report, credentials=credentials, problems=problems)
        accepted.append(
            Acceptance(entry.reason, entry.fingerprint, entry.rule, entry.path, entry.until, expired, tuple(found))
        )
    if not accepted:
        return report
    summary = Summary.of(report.credentials, report.problems, known=report.summary.known)
    policy = replace(report.policy, accepted=tuple(accepted))
    return replace(report, summary=summary, policy=policy, accepted_active=worst_first(active))


def _without(
    report: Report, entry: AllowEntry
) -> tuple[tuple[Credential, ...], tuple[Problem, ...], list[AcceptedFinding]]:
    found: list[AcceptedFinding] = []
    credentials = []
    for credential in report.credentials:
        kept = _credential_without(credential, entry, found) if credential.likelihood == "credential" else credential
        if kept is not None:
            credentials.append(kept)
    problems = []
    for problem in report.problems:
        if _accepts_problem(problem, entry):
            found.append(
                AcceptedFinding(
                    problem.rule, problem.severity, None, problem.target, problem.path, problem.line, problem.message
                )
            )
        else:
            problems.append(problem)
    return tuple(credentials), tuple(problems), list(dict.fromkeys(found))  # history and tree can be one place


def _accepts_problem(problem: Problem, entry: AllowEntry) -> bool:
    if entry.fingerprint is not None or (entry.rule is not None and entry.rule != problem.rule):
        return False
    return entry.path is None or matches(entry.path, problem.target, problem.path)


def _credential_without(credential: Credential, entry: AllowEntry, found: list[AcceptedFinding]) -> Credential | None:
    """What is left of a credential: None if all of it is accepted."""
    if entry.fingerprint is not None and not credential.fingerprint.startswith(entry.fingerprint):
        return credential
    here = [at for at in credential.locations if entry.path is None or matches(entry.path, at.target, at.path)]
    if entry.path is not None and not here:
        return credential
    whole = len(here) == len(credential.locations)
    if entry.rule is not None:
        return _without_rule(credential, entry.rule, found) if whole else credential
    found += _accepted(credential, here, credential.severity, "token-exposed")
    if whole:
        return None
    return replace(credential, locations=tuple(at for at in credential.locations if at not in here))


def _without_rule(credential: Credential, rule: str, found: list[AcceptedFinding]) -> Credential | None:
    verdict = credential.verdict
    gone = [reason for reason in verdict.reasons if reason.rule == rule] if verdict is not None else []
    if verdict is None or not gone:
        return credential
    found += _accepted(credential, credential.locations, gone[0].severity, rule, gone[0].message)
    left = tuple(reason for reason in verdict.reasons if reason.rule != rule)
    if not left:
        return None
    severity = max((reason.severity for reason in left), key=lambda severity: severity.rank)
    return replace(credential, verdict=replace(verdict, severity=severity, reasons=left))


def _accepted(
    credential: Credential, places: Sequence[Location], severity: Severity, rule: str, message: str = ""
) -> Iterator[AcceptedFinding]:
    spots: list[Location | None] = [*places] or [None]
    for at in spots:
        yield AcceptedFinding(
            rule,
            severity,
            credential.fingerprint,
            at.target if at else None,
            at.path if at else None,
            at.line if at else None,
            message or credential.display,
            credential.inspection.status if credential.inspection else None,
        )
