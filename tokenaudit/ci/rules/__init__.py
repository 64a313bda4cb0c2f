"""One file per rule: what is wrong, why, how severe it is, what to do instead, and the check.

The first line of a rule's bad and good example is a comment with the file name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tokenaudit.ci.model import Names
from tokenaudit.ci.rule_context import Check, ConfigurationSet, RuleContext
from tokenaudit.ci.rules import (
    all_secrets,
    client_bundle,
    compose_literal,
    could_be_keyless,
    docker_arg,
    docker_env,
    k8s_configmap,
    literal_token,
    no_environment,
    oidc_unmasked,
    secrets_inherit,
    space_static,
    space_variable,
    stale_client,
    token_in_argv,
    token_in_url,
    token_printed,
    token_to_disk,
    unpinned_action,
    unpinned_remote_code,
    untrusted_trigger,
    workflow_env,
)
from tokenaudit.model import Problem, Rule, Skipped
from tokenaudit.work_budget import WorkLimitError

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection


_MODULES = (
    literal_token,
    token_in_argv,
    token_in_url,
    workflow_env,
    token_to_disk,
    token_printed,
    client_bundle,
    untrusted_trigger,
    secrets_inherit,
    all_secrets,
    unpinned_action,
    could_be_keyless,
    no_environment,
    oidc_unmasked,
    stale_client,
    docker_arg,
    docker_env,
    k8s_configmap,
    compose_literal,
    space_variable,
    space_static,
    unpinned_remote_code,
)

RULES: dict[str, Rule] = {module.RULE.id: module.RULE for module in _MODULES}
"""Every rule on CI and configuration, by its id."""

CHECKS: dict[str, Check] = {module.RULE.id: module.check for module in _MODULES}
"""The check of each rule, which finds problems in one file."""


def problems(
    target: str, project: ConfigurationSet, names: Names, literals: Mapping[str, tuple[Detection, ...]]
) -> Iterator[Problem | Skipped]:
    """Yields the problems in each file of `project`; `literals` are the credentials found in each file, by path.

    A file whose check takes more work than its size justifies is checked in part and reported.
    """
    for path, pipeline in project.pipelines.items():
        yield from _in_file(RuleContext(target, pipeline, names, project, literals.get(path, ())))


def _in_file(context: RuleContext) -> Iterator[Problem | Skipped]:
    reported: set[tuple[str, int | None, int | None]] = set()
    try:
        for check in CHECKS.values():
            for problem in check(context):
                key = (problem.rule, problem.line, problem.column)
                if key not in reported:
                    reported.add(key)
                    yield problem
    except WorkLimitError as error:
        yield Skipped(f"{context.target}: {context.pipeline.path}", f"{error.reason}; checked in part")
