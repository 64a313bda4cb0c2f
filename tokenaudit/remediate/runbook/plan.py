"""The runbook of a report: credentials, order, mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenaudit.errors import UsageError
from tokenaudit.model import Credential, Report, Severity
from tokenaudit.redaction import mask
from tokenaudit.remediate.recommendation import recommend
from tokenaudit.remediate.runbook import Mode, PlannedCredential, Runbook
from tokenaudit.remediate.runbook.consumers import HERE, consumers_of, unknown_consumers
from tokenaudit.remediate.runbook.steps import steps_of
from tokenaudit.text import file_name, parse_fingerprint


def plan(report: Report, *, mode: Mode | None = None, only: Sequence[str] = ()) -> Runbook:
    """The runbook for the credentials of `report`, most severe first; placeholders need none.

    The default `mode` is breach if a value is exposed, which means found outside this machine's own places. `only` are
    fingerprints or prefixes.

    Raises:
        UsageError: one of `only` is not a fingerprint, or matches no credential of the report.
    """
    chosen = [c for c in report.credentials if c.likelihood == "credential"]
    named = tuple(parse_fingerprint(text, shortest=1) for text in only)
    for wanted in named:
        if not any(c.fingerprint.startswith(wanted) for c in chosen):
            message = f"no credential with fingerprint {wanted} in the report; `tokenaudit plan` lists all of them"
            raise UsageError(message)
    if named:
        chosen = [c for c in chosen if c.fingerprint.startswith(named)]
    mode = mode or ("breach" if any(_exposed(c) for c in chosen) else "planned")
    ordered = sorted(chosen, key=_harm)
    return Runbook(mode, tuple(_planned(c, report, mode) for c in ordered), report.skipped)


def _planned(credential: Credential, report: Report, mode: Mode) -> PlannedCredential:
    recommendation = credential.recommendation or recommend(credential)
    consumers = consumers_of(credential, report)
    unknown = unknown_consumers(credential, report)
    return PlannedCredential(
        credential.fingerprint,
        credential.display,
        credential.verdict.severity if credential.verdict else Severity.HIGH,
        recommendation,
        consumers,
        steps_of(credential, recommendation, consumers, unknown, mode),
        unknown,
        credential.dead,
    )


def _exposed(credential: Credential) -> bool:
    return any(location.source not in HERE for location in credential.locations)


def _harm(credential: Credential) -> tuple[int, int, int, int, str]:
    """Sort key: active first, then by severity, writable repositories and downloads."""
    severity = credential.verdict.severity.rank if credential.verdict else Severity.HIGH.rank
    reach = credential.reach
    return (
        int(credential.dead),
        -severity,
        -(reach.writable if reach else 0),
        -(reach.downloads_month if reach else 0),
        credential.fingerprint,
    )


def write_patches(report: Report, folder: Path) -> Iterator[Path]:
    """Writes each patch of `report`'s problems once into `folder`, which is created if needed; yields the paths.

    File names are built from the rule id and the name of the patched file, and never leave the folder.

    Raises:
        UsageError: the folder can't be written.
    """
    unique = {problem.patch: problem for problem in report.problems if problem.patch}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (patch, problem) in enumerate(unique.items(), start=1):
            about = file_name(f"{problem.rule}-{(problem.path or '').rsplit('/', 1)[-1]}".replace(".", "-"))
            path = folder / f"{number:02d}-{about}.patch"
            path.write_text(mask(patch if patch.endswith("\n") else f"{patch}\n"), encoding="utf-8", newline="\n")
            yield path
    except OSError as error:
        message = f"{folder} can't be written: {error.strerror}"
        raise UsageError(message) from None
