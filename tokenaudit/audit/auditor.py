"""Audit pipelines: scan the sources, group and inspect the credentials, apply the policy, build the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from tokenaudit._version import __version__
from tokenaudit.audit.accepted import exclude
from tokenaudit.audit.aggregate import Findings, count_once, gather
from tokenaudit.audit.assessment import Uses, report
from tokenaudit.audit.targets import Scope, resolved
from tokenaudit.detect import Detector
from tokenaudit.detect.plugins import AllowlistFilter
from tokenaudit.errors import UsageError
from tokenaudit.exclusions import Exclusions
from tokenaudit.interfaces import NullProgress, Progress, ScanContext, Source
from tokenaudit.model import Credential, Evidence, Report, Skipped, Target, Tool
from tokenaudit.policy import Settings
from tokenaudit.redaction import redacted
from tokenaudit.secret import Secret
from tokenaudit.sources.local.git_locations import Placement

if TYPE_CHECKING:
    from tokenaudit.audit.inspection import InspectionOptions, Visibilities
    from tokenaudit.code_usage.collect import CodeUses
    from tokenaudit.inspect.input import CredentialInput
    from tokenaudit.sources.local.filesystem import TreeSource
    from tokenaudit.sources.machine import MachineSource


TOOL = Tool("tokenaudit", __version__)


@dataclass(frozen=True)
class Audit:
    """A report and the credential values by fingerprint. The values are `Secret` objects, which are always masked."""

    report: Report
    secrets: Mapping[str, Secret] = field(default_factory=dict)


def utc_now() -> datetime:
    """The default clock."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Auditor:
    """Configuration of an audit except its targets. The defaults run an offline audit.

    Args:
        plugins: additional detect-secrets plugin files.
        honour_ignores: respect inline ignore comments. By default, scanned files cannot suppress findings.
        questions: inspection settings for each unique credential; None runs the audit offline.
        settings: the policy.
        jobs: number of processes; one per CPU by default.
        progress: receives progress updates.
        now: the clock.
        exclude: globs of places to leave out; see `tokenaudit.exclusions`.
    """

    plugins: Sequence[Path] = ()
    honour_ignores: bool = False
    questions: InspectionOptions | None = None
    settings: Settings = field(default_factory=Settings)
    jobs: int | None = None
    progress: Progress = field(default_factory=NullProgress)
    now: Callable[[], datetime] = utc_now
    exclude: Sequence[str] = ()

    def audit(
        self,
        sources: Iterable[Source],
        placements: Mapping[str, Placement] | None = None,
        small: Collection[str] = (),
    ) -> Audit:
        """Scans all `sources`, inspects and assesses. `placements` maps targets on disk to locations in repositories.

        Targets that are `small` can be read side by side.

        Raises:
            ConfigurationError: a plugin file can't be used.
        """
        started_at = self.now()
        detector = Detector.load(self.plugins)
        scanner = AllowlistFilter(detector) if self.honour_ignores else detector
        run = ScanContext(scanner, self.jobs or os.cpu_count() or 1, self.progress, Exclusions(self.exclude))
        places = list(sources)
        findings = gather(places, run, small)
        findings.targets = [_placed(target, placements or {}) for target in findings.targets]
        count_once(findings)
        excluded = exclude(findings, run.exclusions)
        inspections = self.questions.answers(findings, self.now, self.progress) if self.questions else {}
        trees = [place for place in places if _is_tree(place)]
        finished = report(
            findings,
            inspections,
            self.settings,
            started_at=started_at,
            now=self.now,
            tool=TOOL,
            excluded=excluded,
            uses=_uses(trees, self.questions),
            endpoint=self.questions.hub.endpoint if self.questions else None,
        )
        return Audit(redacted(finished, findings.secrets.values()), findings.secrets)


def _placed(target: Target, placements: Mapping[str, Placement]) -> Target:
    found = placements.get(target.target)
    return replace(target, repository=found.repository, inside=found.inside, name=found.name) if found else target


def _is_tree(place: Source) -> TypeGuard[TreeSource]:
    return place.kind == "tree"


def _uses(trees: Sequence[TreeSource], questions: InspectionOptions | None) -> Uses:
    """The permissions that code needs; with access to the Hub, also which repositories it reads are public."""
    known: list[Visibilities] = []
    code: list[CodeUses] = []

    def uses(credential: Credential) -> tuple[Sequence[Evidence], Sequence[Skipped]]:
        if credential.likelihood != "credential":
            return (), ()
        from tokenaudit.code_usage.collect import (  # noqa: PLC0415 - not needed without findings
            CodeUses,
            with_visibility,
        )

        if not code:
            code.append(CodeUses(trees))
        evidence, skipped = code[0].of(credential)
        if questions is None or not evidence:
            return evidence, skipped
        if not known:
            known.append(questions.visibilities())
        return with_visibility(evidence, known[0].of), skipped

    return uses


def scan(
    targets: Sequence[str | os.PathLike[str]] = (".",), scope: Scope | None = None, auditor: Auditor | None = None
) -> Audit:
    """Finds every Hugging Face credential in folders, files, git repositories (bare ones too) or clone URLs.

    Raises:
        UsageError: a target doesn't exist or can't be cloned.
        ConfigurationError: a plugin file can't be used.
    """
    auditor = auditor or Auditor()
    names = [os.fspath(target) for target in targets]
    with resolved(names, scope or Scope(), auditor.progress) as found:
        return auditor.audit(found.sources, found.placements, found.small)


def doctor(source: MachineSource, auditor: Auditor | None = None) -> Audit:
    """Audits one machine."""
    return (auditor or Auditor()).audit([source])


@dataclass(frozen=True)
class CredentialAuditor:
    """Configuration of an inspection except the credentials.

    Args:
        questions: the Hub client and the extent of the inspection.
        settings: the policy.
        progress: receives progress updates.
        now: the clock.
    """

    questions: InspectionOptions
    settings: Settings = field(default_factory=Settings)
    progress: Progress = field(default_factory=NullProgress)
    now: Callable[[], datetime] = utc_now

    def audit_credentials(self, handed: Iterable[CredentialInput]) -> Audit:
        """Inspects each credential of `handed`: its owner, its permissions, and whether they are excessive.

        Raises:
            UsageError: `handed` contains no credentials.
            ConfigurationError: the cache can't be used.
        """
        started_at = self.now()
        findings = _from_input(handed)
        if not findings.credentials and not findings.skipped:
            message = "no credentials; pass them on stdin, one per line, or use --env, --keyring or --stored"
            raise UsageError(message)
        inspections = self.questions.answers(findings, self.now, self.progress)
        finished = report(
            findings,
            inspections,
            self.settings,
            started_at=started_at,
            now=self.now,
            tool=TOOL,
            endpoint=self.questions.hub.endpoint,
        )
        return Audit(redacted(finished, findings.secrets.values()), findings.secrets)


def _from_input(handed: Iterable[CredentialInput]) -> Findings:
    """Unique credentials in input order, and the input that was skipped."""
    findings = Findings()
    for each in handed:
        if isinstance(each, Skipped):
            findings.skipped.append(each)
        else:
            findings.learn(each.detection)
    return findings
