"""All secrets are passed to a called workflow."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tokenaudit.ci.model import Job
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-secrets-inherit",
    title="All secrets inherited by a called workflow",
    severity=Severity.MEDIUM,
    why="The called workflow gets all current and future secrets of the caller, needed or not.",
    remedy="Pass only the secret it needs: `secrets: {HF_TOKEN: ${{ secrets.HF_TOKEN }}}`. (Environment secrets "
    "can't be passed by name; they need `inherit`.)",
    bad="""\
# .github/workflows/release.yml
on: push
jobs:
  publish-to-huggingface:
    uses: ./.github/workflows/publish.yml
    secrets: inherit
""",
    good="""\
# .github/workflows/release.yml
on: push
jobs:
  publish-to-huggingface:
    uses: ./.github/workflows/publish.yml
    secrets:
      HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    references=("https://docs.zizmor.sh/audits/#secrets-inherit",),
)

_MENTIONS = ("huggingface", "hugging_face", "hugging-face", "hf-hub", "hf_hub")


def check(context: RuleContext) -> Iterator[Problem]:
    """Calls with `secrets: inherit` that are known to pass a Hugging Face credential."""
    for job in context.pipeline.jobs:
        if job.inherits is None or job.calls is None:
            continue
        credential = _known(context, job)
        if credential is None:
            continue
        message = f"{job.calls.name} inherits every secret, including {credential}"
        position = (job.inherits.line, job.inherits.column)
        yield context.problem(RULE, position, job.inherits.where, credential, message)


def _known(context: RuleContext, job: Job) -> str | None:
    """The name of a Hugging Face secret that the call passes on; None if no such secret is known."""
    called = job.calls
    if called is not None and called.local:
        path = posixpath.normpath(called.name.split("@")[0])
        pipeline = next((p for name, p in context.project.pipelines.items() if name.lower().endswith(path)), None)
        if pipeline is not None:
            return _secret_in(context, pipeline.source)
    own = context.project.holds(context.names)
    if own is not None:
        return own
    text = f"{job.id} {called.uses.value if called else ''} " + " ".join(
        f"{binding.name} {binding.value.value}" for step in job.steps for binding in step.inputs
    )
    return "HF_TOKEN" if any(word in text.lower() for word in _MENTIONS) else None


def _secret_in(context: RuleContext, source: str) -> str | None:
    """The first Hugging Face secret in the text of a called workflow."""
    for part in source.split("secrets.")[1:]:
        name = part.split()[0].rstrip("}|)&,\"';")
        if context.names.match(name):
            return name
    return None
