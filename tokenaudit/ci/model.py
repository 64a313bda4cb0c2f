"""Data model of CI and deployment configuration: the credentials that each step can access, and their names.

Every system's parser produces a `Pipeline`; rules read nothing else. Positions are exact. Values stay in `SpanText`
objects and are never put into a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

from tokenaudit.ci.shell import EXPRESSION, Script, SpanText
from tokenaudit.ci.yaml_document import Mapping
from tokenaudit.work_budget import WorkBudget

Kind: TypeAlias = Literal["pipeline", "action", "image", "compose", "manifest", "script", "settings"]
"""What a file is: a pipeline, a reusable action, an image recipe, …; `settings` are dotenv files and their like."""


class BindingKind(str, Enum):
    """How a value is passed on."""

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
    """A value with a name. `line` and `column` are those of the name.

    `sources` are the stored secrets or variables that the value is taken from. `dynamic` says that the value is only
    known at run time; a binding that is not dynamic and has no sources is a literal.
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
    """A third-party action, orb, plugin or reusable workflow that a step or job calls."""

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
    """One step of a job: a script, or a call of an action with inputs."""

    where: str
    line: int
    column: int
    env: list[Binding] = field(default_factory=list)
    inputs: list[Binding] = field(default_factory=list)
    script: Script | None = None
    action: Action | None = None
    condition: str = ""
    preceding: int | None = None
    """How many of the job's `shared` bindings apply; None: all of them."""

    def input(self, name: str) -> str:
        """The text of an input; empty if it is not set."""
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
    """Bindings that this job shares with others: the environment of a block, or values that steps read from a store."""
    steps: list[Step] = field(default_factory=list)
    others: list[Binding] = field(default_factory=list)
    """Bindings of containers, services, manifests: they reach no script of this job."""
    environment: str | None = None
    """The deployment environment, if the system supports one and the job names it."""
    permissions: Mapping | None = None
    calls: Action | None = None
    """The reusable workflow that this job is."""
    inherits: SpanText | None = None
    """The value that passes all secrets to the called workflow."""
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
    """Every scalar of the file with its path, to name the location of a literal."""
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


# One pattern for the official names and for those in common use; it accepts prefixes such as NEXT_PUBLIC_ and TF_VAR_,
# and rejects settings such as HF_TOKEN_PATH, HF_OIDC_ID_TOKEN or HF_HUB_DISABLE_IMPLICIT_TOKEN.
_NAME = re.compile(
    r"(?:[A-Z0-9]+_)*(?:HF|HUGGING_?FACE)(?:_?HUB)?_?"
    r"(?:USER_|PERSONAL_|READ_|WRITE_|ACCESS_|API_|AUTH_|BEARER_|INFERENCE_|ORG_|BOT_|CI_)*"
    r"(?:TOKEN|KEY|PAT|SECRET)(?:_(?:READ|WRITE|RO|RW|PROD|DEV|STAGING|[0-9]+))?",
    re.IGNORECASE,
)
_SHORT_LIVED = frozenset({"HF_OIDC_ID_TOKEN"})
_CLIENT_PREFIX = re.compile(
    r"(?:NEXT_PUBLIC_|VITE_|REACT_APP_|EXPO_PUBLIC_|PUBLIC_|GATSBY_|NUXT_PUBLIC_|VUE_APP_)", re.IGNORECASE
)
_SEPARATORS = str.maketrans({"-": "_", ".": "_", "/": "_"})
_HINT = re.compile(rb"hf|hugging.?face", re.IGNORECASE)
_LONGEST = 80
_MOST_KNOWN = 10_000


class Names:
    """The names that count as Hugging Face credentials in one run: the documented pattern and the user's own."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._more = frozenset(name.upper() for name in more)
        self._hints = tuple(name.upper().encode() for name in self._more)
        self._known: dict[str, bool] = {}

    def match(self, name: str) -> bool:
        """Whether a variable, secret, input or key with this name contains a Hugging Face credential.

        Dashes, dots and slashes count as underscores: `hf-token`, `huggingface.token`.
        """
        if len(name) > _LONGEST:
            return False
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[name] = self._matches(name)
        return found

    def _matches(self, name: str) -> bool:
        if name.upper() in self._more:
            return True
        flat = name.translate(_SEPARATORS).lstrip("_")
        return flat.upper() not in _SHORT_LIVED and _NAME.fullmatch(flat) is not None

    def may_name(self, data: bytes) -> bool:
        """False only if no name in `data` can match: a fast search before any parsing."""
        if _HINT.search(data):
            return True
        return bool(self._hints) and any(hint in data.upper() for hint in self._hints)


def for_browsers(name: str) -> bool:
    """Whether a build tool puts a variable of that name into the code it ships to browsers."""
    return _CLIENT_PREFIX.match(name) is not None


_STANDIN = re.compile(
    r"(?i)(?:|null|none|~|true|false|(?:dummy|fake|test|placeholder|example|changeme|change-me|replace|your|todo).*|"
    r"x{3,}|\*{3,}|<[^>]*>|not[-_ ]?set|unset|secret|token|\.\.\.|"
    r"hf_(?:x+|(?:your|dummy|test|fake|placeholder|example).*|\.\.\.|…|<.*>))"
)


def is_placeholder(value: str) -> bool:
    """Whether a literal value is obviously not a credential: empty, `dummy`, `hf_xxxx`, `<your token>`."""
    return _STANDIN.fullmatch(value.strip().strip("\"'")) is not None


_SOURCE = re.compile(
    r"""(?<![\w.])(?P<context>secrets|env|vars|inputs|variables|parameters|pipeline\.parameters|github\.event\.inputs|
    matrix|steps\.[\w-]+\.outputs|needs\.[\w-]+\.outputs)
    (?:\.(?P<name>[\w-]+)|\[\s*['"](?P<quoted>[^'"]+)['"]\s*\])""",
    re.VERBOSE,
)
_COMPARED = re.compile(r"[!=]=|!\s*secrets\b|!\s*env\b|\bcontains\s*\(|\bstartsWith\s*\(")
_SWITCH = re.compile(r"(?:secrets|env|inputs)(?:\.[\w-]{1,200}|\[[^\]]{1,200}\])\s*&&")
_WHOLE = re.compile(r"toJSON\s*\(\s*secrets\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class ExpressionSource:
    """A value that an expression takes; `context` is `secrets`, `env`, `inputs` and so on."""

    context: str
    name: str


def sources(expression: str) -> tuple[ExpressionSource, ...]:
    """The references that the value of an expression can contain; none if it only tests or compares.

    `expression` is the text between the braces.
    """
    if _COMPARED.search(expression) or _SWITCH.search(expression):
        return ()
    return tuple(
        ExpressionSource(match["context"].split(".")[0], match["name"] or match["quoted"])
        for match in _SOURCE.finditer(expression)
    )


def whole_context(expression: str) -> bool:
    """Whether the expression writes out every secret the workflow can see."""
    return _WHOLE.search(expression) is not None


def sources_in(value: str) -> tuple[str, ...]:
    """The names that the expressions within a value take their values from."""
    return tuple(source.name for match in EXPRESSION.finditer(value) for source in sources(match.group(1)))
