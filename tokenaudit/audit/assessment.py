"""From what was found to what it means: asked of the Hub if wanted, judged, and given a replacement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from tokenaudit.audit.aggregate import Findings
from tokenaudit.model import (
    Credential,
    Evidence,
    Inspection,
    Lowered,
    Problem,
    Report,
    Severity,
    Skipped,
    Summary,
    Tool,
)
from tokenaudit.policy import Settings

Inspections: TypeAlias = Mapping[str, Inspection]
Uses: TypeAlias = Callable[[Credential], tuple[Sequence[Evidence], Sequence[Skipped]]]
"""Gives what code was seen to need of a credential, and the code that could not be looked through for it."""


def no_uses(credential: Credential) -> tuple[Sequence[Evidence], Sequence[Skipped]]:
    """Where there is no code to look at."""
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
    """One credential with its inspection, verdict and recommendation; `evidence` is what code was seen to need.

    `problems` are those of the same run: one of them may bring the change that makes CI do without the credential.

    Placeholders and look-alikes get none of these: there is nothing to judge or to replace.
    """
    if credential.likelihood != "credential":
        return credential
    from tokenaudit.policy.evaluate import evaluate  # noqa: PLC0415 - a clean place needs no rules
    from tokenaudit.remediate.recommendation import (  # noqa: PLC0415 - a clean place needs no replacement
        keyless_patch,
        recommend,
    )

    inspected = replace(credential, inspection=inspections.get(credential.fingerprint))
    patch = keyless_patch(inspected, problems)
    recommended = replace(inspected, recommendation=recommend(inspected, evidence, patch=patch))
    # Grants can only be called unused where uses were seen; without any, the verdict must not lean on a guess.
    return replace(recommended, verdict=evaluate(recommended if evidence else inspected, settings, now))


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
) -> Report:
    """The finished report: worst first, with what could not be asked said among what could not be read.

    `uses` gives the evidence of needs for a credential. `lowered` are problems that the settings removed or lowered.
    """
    moment = now()
    problems = findings.problems
    assessed: list[Credential] = []
    unread: dict[Skipped, None] = {}
    for each in findings.credentials.values():
        evidence, missed = uses(each)
        unread.update(dict.fromkeys(missed))
        assessed.append(assess(each, inspections, settings, moment, evidence, problems))
    credentials = sorted(assessed, key=_worst_first)
    skipped = (*findings.skipped, *unread, *_unanswered(credentials))
    return Report(
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
            lowered=(*(one for each in credentials if each.verdict for one in each.verdict.lowered), *lowered),
        ),
    )


def _unanswered(credentials: Sequence[Credential]) -> list[Skipped]:
    return [
        Skipped(f"credential {credential.fingerprint} ({credential.display})", credential.inspection.reason)
        for credential in credentials
        if credential.inspection is not None and credential.inspection.status == "unknown"
    ]


def _worst_first(credential: Credential) -> tuple[object, ...]:
    severity = credential.verdict.severity if credential.verdict else Severity.INFO
    reach = credential.reach.downloads_month if credential.reach else 0
    return (credential.likelihood != "credential", -severity.rank, -reach, credential.fingerprint)
