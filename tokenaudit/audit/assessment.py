"""Assessment of findings: inspection results, verdicts and recommended replacements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeAlias

from tokenaudit.audit.accepted import accept
from tokenaudit.audit.aggregate import Findings
from tokenaudit.model import (
    Credential,
    Evidence,
    Exclusion,
    ExpiredExemption,
    Inspection,
    Lowered,
    Problem,
    Report,
    Skipped,
    Summary,
    Tool,
    accepted_active,
    worst_first,
)
from tokenaudit.policy import Settings

Inspections: TypeAlias = Mapping[str, Inspection]
Uses: TypeAlias = Callable[[Credential], tuple[Sequence[Evidence], Sequence[Skipped]]]
"""Returns the permissions that code needs from a credential, and the code that was skipped."""


def no_uses(credential: Credential) -> tuple[Sequence[Evidence], Sequence[Skipped]]:
    """Used where there is no code to analyze."""
    del credential
    return (), ()


def assess(
    credential: Credential,
    inspections: Inspections,
    settings: Settings,
    now: datetime,
    evidence: Sequence[Evidence] = (),
    problems: Sequence[Problem] = (),
) -> Credential:
    """One credential with its inspection, verdict and recommendation; `evidence` is what code needs from it.

    `problems` are those of the same run: one of them can contain a change that replaces the credential in CI.

    Placeholders and look-alikes have none of these.
    """
    if credential.likelihood != "credential":
        return credential
    from tokenaudit.policy.evaluate import evaluate  # noqa: PLC0415 - not needed without findings
    from tokenaudit.remediate.recommendation import (  # noqa: PLC0415 - not needed without findings
        keyless_patch,
        recommend,
    )

    inspection = inspections.get(credential.fingerprint)
    inspected = credential if inspection is credential.inspection else replace(credential, inspection=inspection)
    patch = keyless_patch(inspected, problems)
    recommendation = recommend(inspected, evidence, patch=patch)
    # Unused grants can only be determined if uses were found.
    asked = replace(inspected, recommendation=recommendation) if evidence else inspected
    return replace(inspected, recommendation=recommendation, verdict=evaluate(asked, settings, now))


def report(
    findings: Findings,
    inspections: Inspections,
    settings: Settings,
    *,
    started_at: datetime,
    now: Callable[[], datetime],
    tool: Tool,
    uses: Uses = no_uses,
    lowered: Sequence[Lowered] = (),
    endpoint: str | None = None,
    excluded: Sequence[Exclusion] = (),
) -> Report:
    """Builds the report, most severe first. Failed inspections are reported as skipped.

    `uses` returns the evidence of needs for a credential. `lowered` are problems that the settings removed or lowered.
    `endpoint` is the Hub that was asked, `excluded` what was left out before. Findings that the settings accept are in
    the report's policy; those that an ignore comment leaves out are counted.
    """
    moment = now()
    problems = findings.problems
    assessed: list[Credential] = []
    unread: dict[Skipped, None] = {}
    for each in findings.credentials.values():
        evidence, missed = uses(each)
        unread.update(dict.fromkeys(missed))
        assessed.append(assess(each, inspections, settings, moment, evidence, problems))
    credentials = sorted(assessed, key=lambda each: (each.likelihood != "credential", each.order))
    ignored = [
        assess(each, inspections, settings, moment)
        for fingerprint, each in findings.ignored.items()
        if fingerprint not in findings.credentials
    ]
    active = filter(None, (accepted_active(each, "ignore-comment") for each in ignored))
    skipped = (*findings.skipped, *unread, *_unanswered([*credentials, *ignored]))
    whole = Report(
        tool=tool,
        started_at=started_at,
        finished_at=now(),
        complete=not skipped,
        skipped=skipped,
        targets=tuple(findings.targets),
        credentials=tuple(credentials),
        problems=tuple(findings.problems),
        summary=Summary.of(credentials, findings.problems),
        policy=replace(
            settings.policy,
            expired_exemptions=_expired_exemptions(settings, moment.date()),
            lowered=(*(one for each in credentials if each.verdict for one in each.verdict.lowered), *lowered),
        ),
        endpoint=endpoint,
        excluded=tuple(excluded),
        ignored=sum(len(each.locations) for each in findings.ignored.values() if each.likelihood == "credential"),
        accepted_active=worst_first(active),
    )
    return accept(whole, settings.allow, moment.date())


def _expired_exemptions(settings: Settings, today: date) -> tuple[ExpiredExemption, ...]:
    return tuple(
        ExpiredExemption(one.organization, one.until, one.reason) for one in settings.exemptions if one.until < today
    )


def _unanswered(credentials: Sequence[Credential]) -> list[Skipped]:
    return [
        Skipped(f"credential {credential.fingerprint} ({credential.display})", credential.inspection.reason)
        for credential in credentials
        if credential.inspection is not None and credential.inspection.status == "unknown"
    ]
