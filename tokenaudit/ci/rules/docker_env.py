"""A credential in the environment of an image."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.dataflow import credential_of
from tokenaudit.ci.model import BindingKind
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="docker-token-env",
    title="Credential in the environment of an image",
    severity=Severity.HIGH,
    why="`ENV` is part of the image: everyone who can pull the image can read the value with `docker inspect`.",
    remedy="Pass the credential to the container at run time (`docker run -e HF_TOKEN`, a Space secret, a Kubernetes "
    "secret). During a build, mount it: `RUN --mount=type=secret,id=hf_token,env=HF_TOKEN …`.",
    bad="""\
# Dockerfile
FROM python:3.12-slim
ENV HF_TOKEN=${HF_TOKEN}
CMD python app.py
""",
    good="""\
# Dockerfile
FROM python:3.12-slim
CMD python app.py
""",
    references=("https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Yields `ENV` lines that set a credential's name to anything but a placeholder."""
    for binding in context.pipeline.bindings():
        if binding.way is not BindingKind.IMAGE_ENVIRONMENT:
            continue
        credential = credential_of(binding, context.names)
        if credential is None:
            continue
        literal = any(found.line == binding.line for found in context.literals)
        message = f"{binding.name} is in the environment of the image, readable for everyone who can pull it"
        severity = Severity.CRITICAL if literal else None
        position = (binding.line, binding.column)
        yield context.problem(RULE, position, binding.where, credential, message, severity=severity)
