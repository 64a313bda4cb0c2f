"""Taking out of a report what a baseline knows."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.baseline.document import normal
from tokenaudit.report.summary import summarize
from tokenaudit.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenaudit.baseline.document import Baseline
    from tokenaudit.model import Credential, Location, Problem, Report
    from tokenaudit.secret import Secret


def apply(report: Report, baseline: Baseline, secrets: Iterable[Secret], base: Path | None = None) -> Report:
    """`report` without the places and problems that `baseline` lists; `summary.known` counts what was taken out.

    A credential goes when none of its places is left; one whose value is not among `secrets` can't be matched by the
    format's SHA-1 and stays. A value that an audit labelled as no secret goes wherever it stands. `base` is the folder
    to which the baseline's file names are relative (by default the current one).
    """
    root = base or Path.cwd()
    digests = {secret.fingerprint: digest(secret) for secret in secrets}
    credentials = []
    known = 0
    for credential in report.credentials:
        left = _left(credential, baseline, digests.get(credential.fingerprint), root)
        if left is None:
            known += credential.likelihood == "credential"
        else:
            credentials.append(left)
    problems = tuple(problem for problem in report.problems if identity(problem) not in baseline.problems)
    known += len(report.problems) - len(problems)
    reduced = replace(report, credentials=tuple(credentials), problems=problems)
    return replace(reduced, summary=summarize(reduced, unlikely=report.summary.unlikely, known=known))


def _left(credential: Credential, baseline: Baseline, hashed: str | None, root: Path) -> Credential | None:
    if hashed in baseline.harmless:
        return None
    if not credential.locations:  # it was handed over, so wherever the baseline lists it will do
        return None if hashed in {listed for _, listed in baseline.values} else credential
    places = tuple(
        location
        for location in credential.locations
        if (file_name(location, root), hashed) not in baseline.values
        and (credential.fingerprint, place(location, root)) not in baseline.elsewhere
    )
    return replace(credential, locations=places) if places else None


def digest(secret: Secret) -> str:
    """SHA-1 of a value, which is how detect-secrets names it in baselines."""
    raw = secret.reveal().encode("utf-8", "surrogateescape")
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def file_name(location: Location, root: Path) -> str | None:
    """The location's file relative to `root`, None where it is in no file."""
    if location.path is None:
        return None
    if "://" in location.target:
        return normal(location.path)
    whole = os.path.normpath(root / location.target / location.path)
    relative = os.path.relpath(whole, root)
    return normal(location.path if relative.startswith("..") else relative)


def place(location: Location, root: Path) -> str:
    """Names a spot without its line: the file, or the kind of place and the object it stands in."""
    name = file_name(location, root)
    return visible(name or f"{location.source}:{location.commit or location.object or location.target}")


def identity(problem: Problem) -> str:
    """Names a problem as long as its rule, file, and place in that file stay; no line number."""
    parts = (problem.rule, problem.path or problem.target, problem.where or "", problem.credential_name or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
