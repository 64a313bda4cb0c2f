"""GitLab CI."""

from __future__ import annotations

import re

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.systems.common import bindings, detect_language, scalars, script_step, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping, Node, Scalar
from tokenaudit.work_budget import WorkBudget

NAME = "gitlab"
_NO_JOBS = frozenset({"variables", "default", "include", "stages", "workflow", "spec", "image", "services", "cache"})
_DEEPEST = 11
"""GitLab follows `extends` over eleven levels (ci/yaml, `extends`)."""
_MOST_INCLUDED = 150
"""GitLab's limit of included files (ci/yaml, `include`)."""
_STEPS = 20
"""Steps of the work budget per ancestor or variable."""
_POWERSHELL = re.compile(r"(?i)powershell|pwsh|windows|servercore|nanoserver")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the jobs of a pipeline, including what they inherit with `extends`.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME)
    pipeline.env = bindings(
        root.get("variables"), BindingKind.ENVIRONMENT, BindingScope.PIPELINE, variables, dynamic_sign="$"
    )
    default = root.map("default")
    for source in (root, default):
        lines = scalars(source.get("before_script"), source.get("after_script")) if source else []
        if lines:
            job = Job("default", "before_script", lines[0].line, lines[0].column)
            job.steps = script_step(lines, "before_script", budget, language=detect_language(lines))
            pipeline.jobs.append(job)
    ancestry = _Ancestry(root, budget)
    for key, node in root.entries:
        if isinstance(node, Mapping) and key.value not in _NO_JOBS:
            pipeline.jobs.append(_job(key, node, ancestry, budget))
    return pipeline


def included(root: Mapping) -> list[str]:
    """The paths of the local files that a pipeline includes, without the leading slash; they can contain wildcards."""
    found: list[str] = []
    for node in root.items("include"):
        if isinstance(node, Scalar) and "://" not in node.value:
            found.append(node.value.lstrip("/"))
        elif isinstance(node, Mapping) and (local := node.string("local")) is not None:
            found.append(local.lstrip("/"))
    return found[:_MOST_INCLUDED]


class _Ancestry:
    """What the jobs of a file extend."""

    def __init__(self, root: Mapping, budget: WorkBudget) -> None:
        self._root = root
        self._budget = budget
        self._variables: dict[int, dict[str, Binding]] = {}

    def of(self, node: Mapping) -> list[Mapping]:
        """The distinct jobs that a job consists of: itself and those it extends, highest precedence first."""
        chain: dict[int, Mapping] = {}
        pending = [(node, 0)]
        while pending:
            one, depth = pending.pop()
            if id(one) in chain or depth > _DEEPEST:
                continue
            chain[id(one)] = one
            names = scalars(one.get("extends"))
            self._budget.spend(_STEPS * (1 + len(names)))
            # the last one in a list overrides those before it, so it comes first
            parents = (self._root.map(name.value) for name in names)
            pending += [(parent, depth + 1) for parent in parents if parent is not None]
        return list(chain.values())

    def variables(self, chain: list[Mapping]) -> list[Binding]:
        """The variables of a job and its ancestors."""
        given: dict[str, Binding] = {}
        for node in reversed(chain):
            if id(node) not in self._variables:
                found = bindings(
                    node.get("variables"), BindingKind.ENVIRONMENT, BindingScope.JOB, variables, dynamic_sign="$"
                )
                self._variables[id(node)] = {binding.name: binding for binding in found}
            self._budget.spend(_STEPS * len(self._variables[id(node)]))
            given |= self._variables[id(node)]
        return list(given.values())


def _job(key: Scalar, node: Mapping, ancestry: _Ancestry, budget: WorkBudget) -> Job:
    job = Job(key.value, key.value, key.line, key.column, node=node)
    chain = ancestry.of(node)
    job.env = ancestry.variables(chain)
    environment = next((one.get("environment") for one in chain if one.get("environment") is not None), None)
    job.environment = _environment(environment)
    lines = scalars(node.get("before_script"), node.get("script"))
    after = scalars(node.get("after_script"))
    language = _language(chain) or detect_language([*lines, *after])
    job.steps = script_step(lines, f"{key.value}.script", budget, language=language)
    job.steps += script_step(after, f"{key.value}.after_script", budget, language=language)
    return job


def _language(chain: list[Mapping]) -> str | None:
    """PowerShell if the runner's tags or the image name it or Windows, else unknown, since the runner decides."""
    for node in chain:
        image = node.get("image")
        named = scalars(node.get("tags"), image.get("name") if isinstance(image, Mapping) else image)
        if any(_POWERSHELL.search(one.value) for one in named):
            return "powershell"
    return None


def _environment(node: Node | None) -> str | None:
    if isinstance(node, Scalar):
        return node.value
    return node.string("name") if isinstance(node, Mapping) else None
