"""A credential written into a Compose file, or passed to its build."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.dataflow import credential_of
from tokenaudit.ci.model import BindingKind
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="compose-literal-token",
    title="Credential in a Compose file",
    severity=Severity.HIGH,
    why="A literal is in the repository and its history. A build argument is in the image history, wherever its value "
    "comes from.",
    remedy="Read it from the environment (`HF_TOKEN: ${HF_TOKEN:?}`) or from `secrets:`. For builds use "
    "`build: {secrets: [hf_token]}`.",
    bad="""\
# compose.yaml
services:
  app:
    image: app
    environment:
      HF_TOKEN: hf_<34 letters>
""",
    good="""\
# compose.yaml
services:
  app:
    image: app
    environment:
      HF_TOKEN: ${HF_TOKEN:?}
""",
    references=("https://docs.docker.com/compose/how-tos/use-secrets/",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Yields literals anywhere in the file, and build arguments with a credential."""
    if context.pipeline.kind != "compose":
        return
    reported: set[int] = set()
    for literal in context.literals:
        line, column = literal.line or 1, literal.column or 1
        where = context.place(line, column)
        name = where.rsplit(".", 1)[-1] if where else None
        reported.add(line)
        message = f"credential {literal.secret.display} in the Compose file"
        credential = name if name and context.names.match(name) else None
        yield context.problem(RULE, (line, column), where, credential, message)
    for binding in context.pipeline.bindings():
        credential = credential_of(binding, context.names)
        if binding.way is BindingKind.BUILD_ARGUMENT and credential is not None and binding.line not in reported:
            message = f"{credential} is passed as a build argument, which is stored in the image history"
            yield context.problem(RULE, (binding.line, binding.column), binding.where, credential, message)
