"""What zizmor, a general linter of workflows, finds in the jobs that hold a Hugging Face credential.

It is an optional extra and a program of its own; it gets the file on its standard input and never the network. Its
`json` format is covered by a promise of compatibility; its rows and columns count from 0.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenaudit.ci.dataflow import DataFlow
from tokenaudit.ci.names import Names
from tokenaudit.ci.systems import github, system_of
from tokenaudit.ci.yaml_document import ParseError
from tokenaudit.model import Problem, Severity, Skipped
from tokenaudit.work_budget import WorkBudget, WorkLimitError

_SEVERITIES = {"Low": Severity.LOW, "Medium": Severity.MEDIUM, "High": Severity.HIGH}
_CONFIDENCES: Mapping[str, Any] = {"Low": "low", "Medium": "medium", "High": "high"}
_SECONDS = 60


def program() -> str | None:
    """Where zizmor is: beside this Python, as the extra installs it, or on the PATH; None where it is not installed."""
    return shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")


def folded_in(
    path: str, data: bytes, target: str, secret_names: Sequence[str] = (), zizmor: str | None = None
) -> Iterator[Problem | Skipped]:
    """Zizmor's findings in one workflow that affect a job with a credential.

    `zizmor` is the program to run, by default the one that `program` finds. What can't be run or read is `Skipped`.
    """
    system = system_of(path, data)
    if system is None or system.name != github.NAME:
        return
    try:
        pipeline = github.parse(path, data.decode("utf-8", "replace"), WorkBudget(len(data)))
        flows = DataFlow(pipeline, Names(secret_names))
        holders = {job.id: names[0] for job in pipeline.jobs if (names := flows.job_credentials(job))}
    except (ParseError, WorkLimitError):
        return  # the audit has reported this already
    if not holders:
        return
    zizmor = zizmor or program()
    if zizmor is None:
        yield Skipped(f"{target}: {path}", 'zizmor is not installed: pip install "tokenaudit[zizmor]"')
        return
    command = [zizmor, "--offline", "--no-exit-codes", "--no-progress", "--format", "json-v1", "-"]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, check=True)
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        yield Skipped(f"{target}: {path}", f"zizmor failed: {type(error).__name__}")
        return
    for finding in found:
        problem = _problem(finding, holders, path, target)
        if problem is not None and not finding.get("ignored"):
            yield problem


def _problem(finding: Any, holders: Mapping[str, str], path: str, target: str) -> Problem | None:  # noqa: ANN401 - JSON
    """One finding as a problem; None where it stands in a job that holds no credential."""
    locations = finding["locations"]
    primary = next((one for one in locations if one["symbolic"].get("kind") == "Primary"), locations[0])
    route = [str(part.get("Key", part.get("Index", ""))) for part in primary["symbolic"]["route"]["route"]]
    job = route[1] if route[:1] == ["jobs"] and len(route) > 1 else None
    if job is not None and job not in holders:
        return None
    start = primary["concrete"]["location"]["start_point"]
    verdict = finding["determinations"]
    credential = holders[job] if job is not None else next(iter(holders.values()))
    return Problem(
        rule=f"zizmor/{finding['ident']}",
        severity=_SEVERITIES.get(verdict["severity"], Severity.INFO),
        target=target,
        path=path,
        line=start["row"] + 1,
        column=start["column"] + 1,
        where=".".join(route) or None,
        credential_name=credential,
        message=f"{finding['desc']}, in the scope of {credential}",
        remedy=f"See {finding['url']}",
        confidence=_CONFIDENCES.get(verdict["confidence"], "low"),
    )
