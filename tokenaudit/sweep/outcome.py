"""Reads a place's sources into an `Outcome` without values, including in names of files and people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tokenaudit.audit.aggregate import Findings, gather
from tokenaudit.interfaces import Finding, Progress, ScanContext, Scanner
from tokenaudit.inventory.model import Outcome, PlaceRecord
from tokenaudit.model import Inspection, SecretName, Skipped
from tokenaudit.redaction import redacted
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found
from tokenaudit.sweep.worker_context import InspectionCache


class HubSource(Protocol):
    """Interface of the readers of a place: a `Source` whose findings can include names of secrets."""

    @property
    def target(self) -> str:
        """The name in reports."""

    @property
    def kind(self) -> str:
        """The kind, as one word."""

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield all findings, and the names of secrets and variables."""


class _WithoutNames:
    """A source as `gather` expects it; the names of secrets are collected separately."""

    def __init__(self, source: HubSource, kept: list[SecretName]) -> None:
        self.kind, self.target = source.kind, source.target
        self._source, self._findings = source, kept

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        for found in self._source.findings(run):
            if isinstance(found, SecretName):
                self._findings.append(found)
            else:
                yield found


def collected(
    place: PlaceRecord,
    sources: Iterable[HubSource],
    scanner: Scanner,
    inspecting: InspectionCache,
    *,
    state: str | None,
    progress: Progress,
    known: frozenset[str] = frozenset(),
) -> Outcome:
    """Return the findings of `sources` as one outcome. A place without any readable content has failed.

    `state` is recorded only if the whole place was reached: a skipped part of it (one object, one archive) would be
    skipped again next time, but a place that was skipped as a whole is retried.
    """
    kept: list[SecretName] = []
    run = ScanContext(scanner=scanner, jobs=1, progress=progress)
    findings = gather([_WithoutNames(source, kept) for source in sources], run)
    whole = not any(gap.where == place.target for gap in findings.skipped)
    outcome = Outcome(
        place,
        state if whole else None,
        failed=bool(findings.skipped) and run.objects == 0,
        credentials=tuple(findings.credentials.values()),
        problems=tuple(findings.problems),
        skipped=tuple(findings.skipped),
        secrets=tuple(kept),
        inspections=_inspections(findings, inspecting, known),
        objects=sum(target.objects for target in findings.targets),
        bytes=sum(target.bytes for target in findings.targets),
    )
    return without_values(outcome, scanner, tuple(findings.secrets.values()))


def missed(place: PlaceRecord, reason: str) -> Outcome:
    """Return the outcome of a place that could not be read at all."""
    return Outcome(place, failed=True, skipped=(Skipped(place.target, f"{place.aspect}: {reason}"),))


def _inspections(findings: Findings, inspecting: InspectionCache, known: frozenset[str]) -> dict[str, Inspection]:
    asked = [
        (credential.kind, findings.secrets[mark])
        for mark, credential in findings.credentials.items()
        if credential.likelihood == "credential" and mark not in known
    ]
    return inspecting(asked)


def without_values(outcome: Outcome, scanner: Scanner, secrets: Sequence[Secret] = ()) -> Outcome:
    """Return `outcome` with every value removed from its texts: those of `secrets`, and any detected in the texts.

    Results pass through this function before they reach the database or other processes.
    """
    del scanner  # every text is scanned, with all installed detectors
    return redacted(outcome, secrets)
