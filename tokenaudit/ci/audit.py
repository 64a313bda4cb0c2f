"""Audits a set of configuration files: bytes in, problems out. The findings of zizmor can be added."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from tokenaudit.ci.model import Names, Pipeline
from tokenaudit.ci.rule_context import ConfigurationSet
from tokenaudit.ci.systems import GITLAB, Parse, System, gitlab, system_of
from tokenaudit.ci.yaml_document import ParseError
from tokenaudit.model import Problem, Skipped
from tokenaudit.work_budget import WorkBudget, WorkLimitError

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection, Scanner
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tokenaudit.ci.dataflow import DataFlow
from tokenaudit.ci.systems import github
from tokenaudit.model import Severity

LARGEST = 1 << 20
"""Bytes. CI systems do not read larger configuration files; their literals are found as text."""

_TEMPLATE = re.compile(r"^[ \t]*(?:- )?(?:\{\{|\{%)", re.MULTILINE)
_WHOLE = (b"inherit", b"toJSON")


@dataclass(frozen=True)
class Literal:
    """A literal credential seen in a configuration file."""

    path: str
    detection: Detection


def audit_files(
    files: Iterable[tuple[str, bytes]],
    target: str,
    secret_names: Sequence[str] = (),
    scanner: Scanner | None = None,
    repository: str | None = None,
    scripts: dict[str, str] | None = None,
) -> Iterator[Problem | Skipped | Literal]:
    """Yields problems in the CI and deployment configuration of a target.

    `files` are (path with forward slashes, content); other files are ignored. `secret_names` adds names that count as
    Hugging Face credentials. With a `scanner`, literals are yielded as `Literal` after the problem that names them. A
    file that can't be parsed is yielded as `Skipped`, and its literals are still found. `repository` is the hosted
    `owner/name` of the target, used for exact claims. `scripts` gets the Python files that a step with a credential
    runs, by path, with the name of the credential.
    """
    reading = _Reading(target, Names(secret_names), scanner)
    reading.project.repository = repository
    rest: dict[str, bytes] = {}
    for path, data in files:
        system = system_of(path, data)
        if system is not None:
            yield from reading.take(path, data, system)
        elif path.endswith((".yml", ".yaml")) and len(data) <= LARGEST and reading.names.may_name(data):
            rest[path] = data
    for path in _included(reading.project, rest):
        yield from reading.take(path, rest[path], GITLAB)
    if reading.project.pipelines:
        from tokenaudit.ci.rules import problems  # noqa: PLC0415 - most repositories need no rules

        yield from problems(target, reading.project, reading.names, reading.literals)
        if scripts is not None:
            scripts.update(_scripts(reading.project, reading.names))


class _Reading:
    """Parses files to pipelines."""

    def __init__(self, target: str, names: Names, scanner: Scanner | None) -> None:
        self.target = target
        self.names = names
        self.scanner = scanner
        self.project = ConfigurationSet()
        self.literals: dict[str, tuple[Detection, ...]] = {}

    def take(self, path: str, data: bytes, system: System) -> Iterator[Skipped | Literal]:
        """Parses one file, if it refers to Hugging Face."""
        if self.scanner is not None and self.scanner.may_contain(data):
            examined = self.scanner.scan(data, path)
            self.literals[path] = tuple(
                one for one in examined.detections if one.likelihood == "credential" and not one.ignored
            )
            yield from (Literal(path, detection) for detection in examined.detections)
            yield from (Skipped(f"{self.target}: {path}", reason) for reason in examined.skipped)
        if not self.literals.get(path) and not self.names.may_name(data) and not any(sign in data for sign in _WHOLE):
            return
        pipeline, skipped = _read(system.parse, path, data)
        self.project.pipelines[path] = pipeline
        yield from (Skipped(_place(self.target, path, line), reason) for line, reason in skipped)


def _scripts(project: ConfigurationSet, names: Names) -> Iterator[tuple[str, str]]:
    """Yields Python files that run with a credential in the environment, and the name of the credential."""
    for pipeline in project.pipelines.values():
        flows = DataFlow(pipeline, names)
        for job, step in pipeline.steps():
            if step.script is None or ".py" not in step.script.text.value:
                continue
            try:
                held = flows.step_credentials(job, step) or flows.job_credentials(job)
            except WorkLimitError:
                return  # reported by the rules, which share the budget
            for command in step.script.commands if held else ():
                yield from ((w.value.removeprefix("./"), held[0]) for w in command.words if w.value.endswith(".py"))


def _included(project: ConfigurationSet, rest: Mapping[str, bytes]) -> list[str]:
    """The files that GitLab pipelines include from their repository, whatever their names."""
    wanted = [
        name
        for pipeline in project.pipelines.values()
        if pipeline.system == GITLAB.name and pipeline.root is not None
        for name in gitlab.included(pipeline.root)
    ]
    return [path for path in rest if any(fnmatch(path, name.replace("**", "*")) for name in wanted)]


def _read(parse: Parse, path: str, data: bytes) -> tuple[Pipeline, list[tuple[int | None, str]]]:
    """The file as a pipeline, empty if it can't be parsed, with the reasons."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    empty = Pipeline(path, "unknown", "settings", text, WorkBudget(len(text)))
    if len(data) > LARGEST:
        return empty, [(None, f"larger than {LARGEST >> 20} MiB; scanned as text only")]
    try:
        pipeline = parse(path, text, WorkBudget(len(text)))
    except WorkLimitError as problem:
        return empty, [(None, f"{problem.reason}; scanned as text only")]
    except ParseError as problem:
        template = _TEMPLATE.search(text)
        if template is not None and path.endswith((".yaml", ".yml")):
            return empty, [(text.count("\n", 0, template.end()) + 1, "a template, not YAML; scanned as text only")]
        return empty, [(problem.line, f"{problem.reason}; scanned as text only")]
    unread = [
        (step.script.text.at(offset)[0], complaint)
        for _, step in pipeline.steps()
        if step.script is not None
        for offset, complaint in step.script.complaints
    ]
    return pipeline, [*pipeline.notes, *unread]


def _place(target: str, path: str, line: int | None) -> str:
    return f"{target}: {path}" + (f":{line}" if line else "")


_SEVERITIES = {"Low": Severity.LOW, "Medium": Severity.MEDIUM, "High": Severity.HIGH}
_CONFIDENCES: Mapping[str, Any] = {"Low": "low", "Medium": "medium", "High": "high"}
_SECONDS = 60


def program() -> str | None:
    """Path of zizmor: next to this Python, as the extra installs it, or on the PATH; None if it is not installed."""
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
    """One finding as a problem; None if its job has no credential."""
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
