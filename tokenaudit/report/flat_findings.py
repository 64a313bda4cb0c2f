"""A report as a flat list of findings, for the formats that know files and lines but no credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenaudit.report import presentation
from tokenaudit.report.text import kind, notes, replacement
from tokenaudit.text import visible

if TYPE_CHECKING:
    from tokenaudit.model import Credential, Problem, Reason, Report, Severity

EXPOSED = "token-exposed"


@dataclass(frozen=True)
class FlatFinding:
    """One finding at one place (or at none, for a credential that was only inspected).

    All texts are already in one line and free of control characters. `identity` names the finding in every run, as
    long as its file keeps its name: it holds no line number and nothing that was made from the value but the
    fingerprint.
    """

    rule: str
    severity: Severity
    title: str
    message: str
    remedy: str
    target: str
    path: str | None
    line: int | None
    column: int | None
    commit: str | None
    live: bool | None
    fingerprint: str | None
    display: str | None
    status: str | None
    identity: tuple[str, ...]
    credential: Credential | None = None
    spot: presentation.Spot | None = None
    where: str | None = None


def flat_findings(report: Report) -> list[FlatFinding]:
    """Every place of every credential and every problem, worst first."""
    found = [item for credential in presentation.likely(report) for item in _of_credential(credential)]
    found += [_of_problem(problem, number) for problem, number in _numbered(presentation.problems(report))]
    return sorted(found, key=lambda item: -item.severity.rank)


def main_reason(credential: Credential) -> Reason | None:
    """The reason that makes a credential as bad as it is."""
    reasons = credential.verdict.reasons if credential.verdict else ()
    return max(reasons, key=lambda reason: reason.severity.rank, default=None)


def _of_credential(credential: Credential) -> list[FlatFinding]:
    spots: list[presentation.Spot | None] = list(presentation.spots(credential))
    seen: dict[tuple[str, str], int] = {}
    found = []
    for spot in spots or [None]:
        place = (spot.target, spot.path or "") if spot else ("", "")
        seen[place] = seen.get(place, 0) + 1
        found.append(_of_spot(credential, spot, seen[place]))
    return found


def _of_spot(credential: Credential, spot: presentation.Spot | None, number: int) -> FlatFinding:
    reason = main_reason(credential)
    display = visible(credential.display)
    status = credential.inspection.status if credential.inspection else None
    said = [f"{display} ({kind(credential.kind)}{f', {status}' if status else ''})"]
    if spot:
        said += notes(spot)
    if reason:
        said.append(visible(reason.message))
    remedies = [visible(r.remedy) for r in (credential.verdict.reasons if credential.verdict else ()) if r.remedy]
    if credential.recommendation:
        remedies.append(f"Replace it: {replacement(credential.recommendation.replacement)}.")
    rule = visible(reason.rule) if reason else EXPOSED
    return FlatFinding(
        rule=rule,
        severity=credential.severity,
        title=f"Hugging Face {kind(credential.kind)} {display}",
        message="; ".join(said),
        remedy=" ".join(dict.fromkeys(remedies)) or "Revoke it and replace it; deleting the text is not enough.",
        target=visible(spot.target) if spot else "",
        path=spot.path if spot else None,
        line=spot.line if spot else None,
        column=spot.column if spot else None,
        commit=spot.commit if spot else None,
        live=spot.live if spot else None,
        fingerprint=visible(credential.fingerprint),
        display=display,
        status=status,
        identity=(
            rule,
            spot.target if spot else "",
            spot.path or "" if spot else "",
            credential.fingerprint,
            str(number),
        ),
        credential=credential,
        spot=spot,
        where=visible(spot.place) if spot else None,
    )


def _numbered(problems: list[Problem]) -> list[tuple[Problem, int]]:
    seen: dict[tuple[object, ...], int] = {}
    numbered = []
    for problem in problems:
        key = (problem.rule, problem.target, problem.path, problem.where, problem.credential_name)
        seen[key] = seen.get(key, 0) + 1
        numbered.append((problem, seen[key]))
    return numbered


def _of_problem(problem: Problem, number: int) -> FlatFinding:
    return FlatFinding(
        rule=visible(problem.rule),
        severity=problem.severity,
        title=visible(problem.rule),
        message=visible(problem.message),
        remedy=visible(problem.remedy),
        target=visible(problem.target),
        path=problem.path,
        line=problem.line,
        column=problem.column,
        commit=None,
        live=True,
        fingerprint=None,
        display=None,
        status=None,
        identity=(
            problem.rule,
            problem.target,
            problem.path or "",
            problem.where or "",
            problem.credential_name or "",
            str(number),
        ),
        where=visible(problem.where) if problem.where else None,
    )  # fmt: skip
