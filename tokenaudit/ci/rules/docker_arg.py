"""A credential as a build argument."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tokenaudit.ci.model import Binding, BindingKind, is_placeholder
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="docker-token-arg",
    title="Credential in a build argument",
    severity=Severity.HIGH,
    why="The image history contains build arguments: `docker history` shows them to everyone who can pull the image.",
    remedy="Mount it as a secret for one command: `RUN --mount=type=secret,id=hf_token,env=HF_TOKEN hf download …`, "
    "built with `docker build --secret id=hf_token,env=HF_TOKEN`.",
    bad="""\
# Dockerfile
FROM python:3.12-slim
ARG HF_TOKEN
RUN hf download acme/private-model
""",
    good="""\
# Dockerfile
FROM python:3.12-slim
RUN --mount=type=secret,id=hf_token,env=HF_TOKEN hf download acme/private-model
""",
    references=("https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """`ARG` lines, the inputs of build actions, and `--build-arg NAME` without a value."""
    if context.pipeline.kind == "image":
        literal_lines = {literal.line for literal in context.literals}
        for binding in context.pipeline.bindings():
            if binding.way is BindingKind.BUILD_ARGUMENT and context.names.match(binding.name):
                yield _argument(context, binding, literal=binding.line in literal_lines)
        return
    for job, step in context.pipeline.steps():
        scope = context.flows.scope(job, step)
        for binding in step.inputs:
            named = scope.in_text(binding.value.value) if binding.name in ("build-args", "build_args") else []
            if named:
                pushed = step.input("push").lower() not in ("", "false")
                message = f"{named[0]} is passed as a build argument, which is stored in the image history"
                message += ", and the image is pushed" if pushed else ""
                severity = Severity.CRITICAL if pushed else None
                offset = max(binding.value.value.find(named[0]), 0)
                yield context.problem(
                    RULE, binding.value.at(offset), binding.where, named[0], message, severity=severity
                )
    for run in context.flows.runs():
        words = run.command.words
        for previous, word in pairwise(words):
            if previous.value == "--build-arg" and context.names.match(word.value):
                message = f"{word.value} is passed as a build argument, which is stored in the image history"
                where = run.script.text.where or run.step.where
                yield context.problem(RULE, run.script.text.at(word.offset), where, word.value, message)


def _argument(context: RuleContext, binding: Binding, *, literal: bool) -> Problem:
    empty = not binding.dynamic and is_placeholder(binding.value.value)
    given = empty and binding.name not in context.project.build_arguments()
    message = f"{binding.name} is a build argument, which is stored in the image history"
    if literal:
        message = f"build argument {binding.name} has a credential as its default"
    severity = Severity.CRITICAL if literal else Severity.MEDIUM if given else None
    position = (binding.line, binding.column)
    return context.problem(RULE, position, binding.where, binding.name, message, severity=severity)
