"""A report as a flat list of findings, for formats with files and lines but without credentials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tokenaudit.report import presentation
from tokenaudit.report.presentation import RepositoryFile, RepositoryPaths, prefixed
from tokenaudit.report.remedies import NO_ACTION, remedies_of
from tokenaudit.report.text import kind, notes
from tokenaudit.text import visible

if TYPE_CHECKING:
    from tokenaudit.model import Credential, Problem, Reason, Report, Severity

EXPOSED = "token-exposed"


@dataclass(frozen=True)
class FlatFinding:
    """One finding at one location (or none, for a credential that was only inspected).

    `path` is relative to `root`, the name of the repository (or of a folder outside any) in the report; `file` starts
    with the root if there are several.

    All texts are in one line and free of control characters. `identity` is the same in every run as long as the file
    keeps its name: it contains no line number, and nothing derived from the value except the fingerprint.
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
    root: str = ""
    file: str | None = None
    end_line: int | None = None
    end_column: int | None = None
    repeats: int = 0
    """Number of later locations of the same value in this file, which are not listed."""


def flat_findings(report: Report) -> list[FlatFinding]:
    """Every location of every credential and every problem, most severe first."""
    paths = RepositoryPaths.of(report)
    found = [item for credential in presentation.likely(report) for item in _of_credential(credential, paths)]
    found += [
        _of_problem(problem, paths, number) for problem, number in _numbered(presentation.problems(report), paths)
    ]
    several = len({item.root for item in found if item.path is not None}) > 1
    placed = [replace(item, file=prefixed(RepositoryFile(item.root, item.path), several=several)) for item in found]
    return sorted(placed, key=_order)


def _order(item: FlatFinding) -> tuple[object, ...]:
    """The order of `model.FindingOrder`, for each location."""
    dead = item.credential is not None and item.credential.dead
    return (-item.severity.rank, dead, item.root, item.path or "", item.line or 0, item.column or 0)


def main_reason(credential: Credential) -> Reason | None:
    """The reason with the highest severity."""
    reasons = credential.verdict.reasons if credential.verdict else ()
    return max(reasons, key=lambda reason: reason.severity.rank, default=None)


def _of_credential(credential: Credential, paths: RepositoryPaths) -> list[FlatFinding]:
    spots: list[presentation.Spot | None] = list(presentation.spots(credential, paths))
    seen: dict[RepositoryFile, int] = {}
    found = []
    for spot in spots or [None]:
        place = paths.place(spot.target, spot.path) if spot else RepositoryFile("", None)
        seen[place] = seen.get(place, 0) + 1
        found.append(_of_spot(credential, spot, place, (paths.identity(place), str(seen[place]))))
    return found


def _of_spot(
    credential: Credential, spot: presentation.Spot | None, place: RepositoryFile, name: tuple[str, str]
) -> FlatFinding:
    reason = main_reason(credential)
    display = visible(credential.display)
    status = credential.inspection.status if credential.inspection else None
    texts = [f"{display} ({kind(credential.kind)}{f', {status}' if status else ''})"]
    if spot:
        texts += notes(spot)
    if reason:
        texts.append(visible(reason.message))
    remedies = [visible(remedy) for remedy in remedies_of(credential)]
    rule = visible(reason.rule) if reason else EXPOSED
    return FlatFinding(
        rule=rule,
        severity=credential.severity,
        title=f"Hugging Face {kind(credential.kind)} {display}",
        message="; ".join(texts),
        remedy=" ".join(remedies) or f"{NO_ACTION}.",
        target=visible(spot.target) if spot else "",
        path=place.path,
        line=spot.line if spot else None,
        column=spot.column if spot else None,
        commit=spot.commit if spot else None,
        live=spot.live if spot else None,
        fingerprint=visible(credential.fingerprint),
        display=display,
        status=status,
        identity=(
            rule,
            name[0],
            place.path or "",
            credential.fingerprint,
            name[1],
        ),
        credential=credential,
        spot=spot,
        where=visible(spot.place) if spot else None,
        root=place.root,
        end_line=spot.end_line if spot else None,
        end_column=spot.end_column if spot else None,
        repeats=spot.repeats if spot else 0,
    )


def _numbered(problems: list[Problem], paths: RepositoryPaths) -> list[tuple[Problem, int]]:
    seen: dict[tuple[object, ...], int] = {}
    numbered: dict[tuple[object, ...], tuple[Problem, int]] = {}
    for problem in problems:
        key = (problem.rule, paths.place(problem.target, problem.path), problem.where, problem.credential_name)
        spot = (*key, problem.line, problem.column, problem.message)
        if spot not in numbered:  # the same file can be in several targets
            seen[key] = seen.get(key, 0) + 1
            numbered[spot] = (problem, seen[key])
    return list(numbered.values())


def _of_problem(problem: Problem, paths: RepositoryPaths, number: int) -> FlatFinding:
    place = paths.place(problem.target, problem.path)
    return FlatFinding(
        rule=visible(problem.rule),
        severity=problem.severity,
        title=visible(problem.rule),
        message=visible(problem.message),
        remedy=visible(problem.remedy),
        target=visible(problem.target),
        path=place.path,
        line=problem.line,
        column=problem.column,
        commit=None,
        live=True,
        fingerprint=None,
        display=None,
        status=None,
        identity=(
            problem.rule,
            paths.identity(place),
            place.path or "",
            problem.where or "",
            problem.credential_name or "",
            str(number),
        ),
        where=visible(problem.where) if problem.where else None,
        root=place.root,
    )
