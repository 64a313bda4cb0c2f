"""Data model of CI and deployment configuration: the credentials that each step can access.

Every system's parser produces a `Pipeline`; every rule reads nothing else. Positions are exact, values stay in
`SpanText` objects and are never put into a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

from tokenaudit.ci.shell import Script, SpanText
from tokenaudit.ci.yaml_document import Mapping
from tokenaudit.work_budget import WorkBudget

Kind: TypeAlias = Literal["pipeline", "action", "image", "compose", "manifest", "script", "settings"]
"""What a file is: a pipeline, a reusable action, an image recipe, …; `settings` are dotenv files and their like."""


class BindingKind(str, Enum):
    """How a value is passed to where it is used."""

    ENVIRONMENT = "environment variable"
    INPUT = "action input"
    SECRET = "secret of a called workflow"  # noqa: S105 - a way's name, no credential
    BUILD_ARGUMENT = "build argument"
    IMAGE_ENVIRONMENT = "image environment"
    CONFIG_MAP = "ConfigMap entry"
    SECRET_DATA = "Secret manifest"  # noqa: S105 - a way's name, no credential
    PLAIN_VALUE = "plain value"
    ARGUMENT = "command argument"
    URL = "URL"
    FILE = "file"
    OUTPUT = "printed text"


class BindingScope(str, Enum):
    """The scope of a binding."""

    PIPELINE = "pipeline"
    JOB = "job"
    STEP = "step"
    CONTAINER = "container"
    IMAGE = "image"
    FILE = "file"


@dataclass(frozen=True)
class Binding:
    """A name given a value. `line` and `column` are those of the name.

    `sources` are the stored secrets or variables that the value is taken from. `dynamic` says that the value is only
    known at run time; a binding that is not dynamic and has no sources holds a literal.
    """

    name: str
    value: SpanText
    way: BindingKind
    level: BindingScope
    line: int
    column: int
    sources: tuple[str, ...] = ()
    dynamic: bool = False

    @property
    def where(self) -> str:
        """The dotted path to the binding."""
        return self.value.where


_FULL_SHA = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Action:
    """A third-party action, orb, plugin or reusable workflow that a step or job hands over to."""

    uses: SpanText

    @property
    def local(self) -> bool:
        """Whether it is in the same repository."""
        return self.uses.value.startswith(("./", "../"))

    @property
    def name(self) -> str:
        """`owner/name` or `owner/name/path`, in lower case, without the ref."""
        return self.uses.value.split("@", 1)[0].strip().lower()

    @property
    def ref(self) -> str:
        """The text after the `@`; empty if there is none."""
        return self.uses.value.split("@", 1)[1].strip() if "@" in self.uses.value else ""

    @property
    def pinned(self) -> bool:
        """Whether the ref can't be moved to other code: a full commit id or an image digest."""
        if self.uses.value.startswith("docker://"):
            return "@sha256:" in self.uses.value
        return _FULL_SHA.fullmatch(self.ref) is not None


@dataclass
class Step:
    """One thing a job does: run a script, or hand over to an action with inputs."""

    where: str
    line: int
    column: int
    env: list[Binding] = field(default_factory=list)
    inputs: list[Binding] = field(default_factory=list)
    script: Script | None = None
    action: Action | None = None
    condition: str = ""
    preceding: int | None = None
    """How many of the job's `shared` bindings are in force; None: all of them."""

    def input(self, name: str) -> str:
        """The text of an input; empty where it is not given."""
        return next((binding.value.value for binding in self.inputs if binding.name == name), "")


@dataclass
class Job:
    """Steps that share a machine, an environment and permissions."""

    id: str
    where: str
    line: int
    column: int
    env: list[Binding] = field(default_factory=list)
    shared: Sequence[Binding] = ()
    """What this job has in common with others: the environment of a block, or what steps take from a store."""
    steps: list[Step] = field(default_factory=list)
    others: list[Binding] = field(default_factory=list)
    """Bindings of containers, services, manifests: they reach no script of this job."""
    environment: str | None = None
    """The deployment environment, where the system has such a thing and the job names one."""
    permissions: Mapping | None = None
    calls: Action | None = None
    """The reusable workflow that this job is."""
    inherits: SpanText | None = None
    """The value that hands all secrets to the called workflow."""
    condition: str = ""
    node: Mapping | None = None


@dataclass(frozen=True)
class Trigger:
    """An event that starts the pipeline, at its key."""

    name: str
    line: int
    column: int
    where: str


@dataclass
class Pipeline:
    """One file of configuration."""

    path: str
    system: str
    kind: Kind
    source: str
    budget: WorkBudget
    """The work budget for this file."""
    triggers: list[Trigger] = field(default_factory=list)
    env: list[Binding] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    notes: list[tuple[int | None, str]] = field(default_factory=list)
    """Parts that could not be parsed, as (line, reason)."""
    texts: list[SpanText] = field(default_factory=list)
    """Every scalar of the file with its path, to name the place of a literal."""
    root: Mapping | None = None

    def steps(self) -> Iterator[tuple[Job, Step]]:
        """Every step with its job."""
        for job in self.jobs:
            for step in job.steps:
                yield job, step

    def bindings(self) -> Iterator[Binding]:
        """Every binding of the file, the widest first."""
        yield from self.env
        known: set[int] = set()
        for job in self.jobs:
            yield from job.env
            if id(job.shared) not in known:
                known.add(id(job.shared))
                yield from job.shared
            yield from job.others
            for step in job.steps:
                yield from step.env
                yield from step.inputs
