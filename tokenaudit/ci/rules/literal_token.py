"""A credential written into configuration."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-literal-token",
    title="Credential in CI or deployment configuration",
    severity=Severity.CRITICAL,
    why="Everyone who can read the repository, its forks, its history or its caches has the credential. It stays in "
    "the history after the line is removed. The same is true of a default such as `${HF_TOKEN:-…}`.",
    remedy="Revoke the credential, add a new one to the secret store of the CI system and reference it by name. No "
    "patch is offered, since it would contain the value.",
    bad="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: python publish.py
        env:
          HF_TOKEN: hf_<34 letters>
""",
    good="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: python publish.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    references=(
        "https://docs.github.com/en/actions/security-for-github-actions/security-guides/using-secrets-in-github-actions",
    ),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """One problem per literal, except in files and locations with a more specific rule."""
    if context.pipeline.kind == "compose":
        return
    owned = {
        binding.line
        for binding in context.pipeline.bindings()
        if binding.way.value in ("build argument", "image environment", "ConfigMap entry", "plain value")
        and context.names.match(binding.name)
    }
    for literal in context.literals:
        line, column = literal.line or 1, literal.column or 1
        if line in owned:
            continue
        where = context.place(line, column)
        name = where.rsplit(".", 1)[-1] if where else None
        yield context.problem(
            RULE,
            (line, column),
            where,
            name if name and context.names.match(name) else None,
            f"credential {literal.secret.display} in the configuration"
            + (f" ({' in '.join(reversed(literal.via))})" if literal.via else ""),
        )
