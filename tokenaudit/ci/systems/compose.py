"""Docker Compose files."""

from __future__ import annotations

from tokenaudit.ci.model import BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.systems.common import bindings, variables, yaml_pipeline
from tokenaudit.ci.yaml_document import Mapping
from tokenaudit.work_budget import WorkBudget

NAME = "compose"


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads the services of a Compose file.

    Raises:
        UnreadableError: the file is not a valid YAML mapping.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline, root = yaml_pipeline(path, text, budget, NAME, "compose")
    services = root.map("services")
    for key, node in services.entries if services else []:
        if not isinstance(node, Mapping):
            continue
        job = Job(key.value, f"services.{key.value}", key.line, key.column, node=node)
        given = node.get("environment")
        job.others = bindings(given, BindingKind.ENVIRONMENT, BindingScope.CONTAINER, variables, dynamic_sign="$")
        build = node.map("build")
        if build is not None:
            args = build.get("args")
            job.others += bindings(args, BindingKind.BUILD_ARGUMENT, BindingScope.IMAGE, variables, dynamic_sign="$")
        pipeline.jobs.append(job)
    return pipeline
