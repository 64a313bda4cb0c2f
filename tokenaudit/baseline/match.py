"""Taking out of a report what a baseline knows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from tokenaudit.baseline.names import FileNames
from tokenaudit.model import Summary
from tokenaudit.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tokenaudit.baseline.document import Baseline
    from tokenaudit.model import Credential, Location, Problem, Report
    from tokenaudit.secret import Secret


def apply(report: Report, baseline: Baseline, secrets: Iterable[Secret], base: Path | None = None) -> Report:
    """`report` without the places and problems that `baseline` lists; `summary.known` counts what was taken out.

    A credential goes when none of its places is left; one whose value is not among `secrets` can't be matched by the
    format's SHA-1 and stays. A value that an audit labelled as no secret goes wherever it stands. `base` is the folder
    of the baseline (by default the current one), see `FileNames`.
    """
    names = FileNames(report, base)
    digests = {secret.fingerprint: digest(secret) for secret in secrets}
    credentials = []
    known = 0
    for credential in report.credentials:
        left = _left(credential, baseline, digests.get(credential.fingerprint), names)
        if left is None:
            known += credential.likelihood == "credential"
        else:
            credentials.append(left)
    problems = tuple(problem for problem in report.problems if identity(problem, names) not in baseline.problems)
    known += len(report.problems) - len(problems)
    reduced = replace(report, credentials=tuple(credentials), problems=problems)
    return replace(reduced, summary=Summary.of(reduced.credentials, reduced.problems, report.summary.unlikely, known))


def _left(credential: Credential, baseline: Baseline, hashed: str | None, names: FileNames) -> Credential | None:
    if hashed in baseline.harmless:
        return None
    if not credential.locations:  # it was handed over, so wherever the baseline lists it will do
        return None if hashed in {listed for _, listed in baseline.values} else credential
    places = tuple(
        location
        for location in credential.locations
        if not any(
            (name, hashed) in baseline.values or (credential.fingerprint, place(location, name)) in baseline.elsewhere
            for name in names.accepted(location)
        )
    )
    return replace(credential, locations=places) if places else None


def digest(secret: Secret) -> str:
    """SHA-1 of a value, which is how detect-secrets names it in baselines."""
    raw = secret.reveal().encode("utf-8", "surrogateescape")
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def place(location: Location, name: str | None) -> str:
    """Names a spot without its line: the file `name`, or the kind of place and the object it stands in."""
    return visible(name or f"{location.source}:{location.commit or location.object or location.target}")


def identity(problem: Problem, names: FileNames) -> str:
    """Names a problem as long as its rule, file, and place in that file stay; no line number."""
    file = names.written(problem.target, problem.path)
    parts = (problem.rule, file or problem.target, problem.where or "", problem.credential_name or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
