"""A credential is passed to an action whose code can change."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.dataflow import credential_of
from tokenaudit.ci.model import Action
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-unpinned-action",
    title="Credential passed to an unpinned action",
    severity=Severity.MEDIUM,
    why="The owner, or an attacker with access to the account, can move a tag or branch to other code at any time; "
    "that code gets the credential.",
    remedy="Pin the action to a full commit id, with the version in a comment, or replace it with `hf upload`.",
    bad="""\
# .github/workflows/sync.yml
on: push
jobs:
  sync:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - uses: huggingface/hub-sync@v0.1.0
        with:
          hf_token: ${{ secrets.HF_TOKEN }}
""",
    good="""\
# .github/workflows/sync.yml
on: push
jobs:
  sync:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - uses: huggingface/hub-sync@0123456789abcdef0123456789abcdef01234567 # v0.1.0
        with:
          hf_token: ${{ secrets.HF_TOKEN }}
""",
    references=("https://docs.zizmor.sh/audits/#unpinned-uses",),
)

# Namespaces of companies and foundations; others can be a person's account.
_ORGANIZATIONS = frozenset(
    [
        "actions",
        "anchore",
        "aquasecurity",
        "argoproj",
        "astral-sh",
        "aws-actions",
        "azure",
        "cloudflare",
        "codecov",
        "conda-incubator",
        "docker",
        "github",
        "google-github-actions",
        "gradle",
        "hashicorp",
        "helm",
        "huggingface",
        "kubernetes",
        "mamba-org",
        "microsoft",
        "netlify",
        "nvidia",
        "pypa",
        "pytorch",
        "ruby",
        "rust-lang",
        "sigstore",
        "slackapi",
        "tensorflow",
        "vercel",
    ]
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Actions and called workflows that get a credential by an input, a secret or their own environment."""
    if context.pipeline.system != "github":
        return
    for job, step in context.pipeline.steps():
        action = step.action
        if action is None or action.local or action.pinned:
            continue
        scope = context.flows.scope(job, step)
        given = [credential_of(binding, context.names) for binding in (*step.inputs, *step.env)]
        credentials = [name for name in given if name]
        credentials += [
            name
            for binding in step.inputs
            if "${{" in binding.value.value
            for name in scope.in_text(binding.value.value)
        ]
        if not credentials:
            continue
        message = f"{credentials[0]} is passed to {action.name}, which is not pinned to a commit ({_movable(action)})"
        position = (action.uses.line, action.uses.column)
        severity = Severity.MEDIUM if action.name.split("/")[0] in _ORGANIZATIONS else Severity.HIGH
        yield context.problem(RULE, position, action.uses.where, credentials[0], message, severity=severity)


def _movable(action: Action) -> str:
    return f"ref {action.ref}" if action.ref else "no ref"
