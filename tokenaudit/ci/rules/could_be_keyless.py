"""A stored token in a job whose OIDC identity would be enough."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.keyless import KeylessVerdict, judge, uses
from tokenaudit.ci.model import Job
from tokenaudit.ci.rewrite import keyless
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.systems import github, gitlab
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-could-be-keyless",
    title="Stored token replaceable by a Trusted Publisher",
    severity=Severity.INFO,
    why="A stored token is valid until it is revoked, from everywhere. A Trusted Publisher gives the job a "
    "token for one repository and one hour in exchange for its OIDC identity; no secret is stored.",
    remedy="Add a Trusted Publisher in the settings of the repository on the Hub, remove the secret from the job, and "
    "set `permissions: id-token: write` and HF_OIDC_RESOURCE (huggingface_hub 1.19 or later).",
    bad="""\
# .github/workflows/publish.yml
on:
  push:
    branches: [main]
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: hf upload acme/model ./out .
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    good="""\
# .github/workflows/publish.yml
on:
  push:
    branches: [main]
jobs:
  publish:
    permissions:
      id-token: write
      contents: read
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: hf upload acme/model ./out .
        env:
          HF_OIDC_RESOURCE: acme/model
""",
    confidence="medium",
    references=("https://huggingface.co/docs/hub/trusted-publishers",),
)

_PARSERS = {"github": github.parse, "gitlab": gitlab.parse}


def check(context: RuleContext) -> Iterator[Problem]:
    """Advice for each job whose actions on the Hub are all known, or the reason why a publisher does not fit."""
    pipeline = context.pipeline
    own_github = pipeline.system != "github" or ".github/" in pipeline.path
    if pipeline.kind != "pipeline" or pipeline.system not in _PARSERS or not own_github:
        return
    for job in pipeline.jobs:
        credentials = context.flows.job_credentials(job)
        verdict = judge(list(uses(context.flows, job))) if credentials else None
        if verdict is None:
            continue
        if verdict.resource is not None:
            yield _publisher(context, job, verdict, credentials[0])
        elif verdict.reads:
            yield _reader(context, job, verdict, credentials[0])
        else:
            message = f"{credentials[0]} can't be replaced by a Trusted Publisher: job {job.id} {verdict.reason}"
            remedy = "Grant the token only the permissions that the job needs."
            yield _at(context, job, verdict, credentials[0], message, remedy, Severity.INFO)


def _publisher(context: RuleContext, job: Job, verdict: KeylessVerdict, credential: str) -> Problem:
    resource = verdict.resource or ""
    patch = None
    if verdict.step is not None:
        patch = keyless(context.flows, job, resource, verdict.step, _PARSERS[context.pipeline.system])
    message = f"{credential} only publishes to {resource}; a Trusted Publisher does this without a stored token"
    remedy = (
        f"At https://huggingface.co/{resource}/settings, Trusted Publishers, add {_claims(context)}. "
        + (
            "Apply the patch (`tokenaudit plan REPORT.json --write-patch DIR` writes it)"
            if patch
            else _words(context, resource)
        )
        + f", run the job once, then delete {credential} from the secret store. "
        "A Trusted Publisher can't create the repository, and its token is valid for one hour."
    )
    return _at(context, job, verdict, credential, message, remedy, None, patch)


def _reader(context: RuleContext, job: Job, verdict: KeylessVerdict, credential: str) -> Problem:
    message = f"{credential} only reads; for gated repositories, a CI/CD identity of your account replaces it"
    remedy = (
        "If the repositories are public, remove the token. If they are gated, add a CI/CD identity at "
        f"https://huggingface.co/settings/authentication#ci-cd-access with {_claims(context)}. "
        f"{_words(context, '<your user name>')}. Private repositories still need a token."
    )
    return _at(context, job, verdict, credential, message, remedy, None)


def _at(
    context: RuleContext,
    job: Job,
    verdict: KeylessVerdict,
    credential: str,
    message: str,
    remedy: str,
    severity: Severity | None,
    patch: str | None = None,
) -> Problem:
    step = verdict.step
    line, column = (job.line, job.column) if step is None else (step.line, step.column)
    for binding in step.env if step is not None else []:
        if credential in (binding.name, *binding.sources):
            line, column = binding.line, binding.column
    where = job.where if step is None else step.where
    return context.problem(
        RULE, (line, column), where, credential, message, remedy=remedy, severity=severity, patch=patch
    )


def _words(context: RuleContext, resource: str) -> str:
    if context.pipeline.system == "gitlab":
        return (
            "Set in the job `id_tokens: {HF_OIDC_ID_TOKEN: {aud: https://huggingface.co}}` and "
            f"HF_OIDC_RESOURCE={resource}, and remove the token"
        )
    return f"Set `id-token: write` in the job and HF_OIDC_RESOURCE={resource} in the step, and remove the token"


def _claims(context: RuleContext) -> str:
    """The provider and the claims to enter, as exact as the file allows."""
    repository = context.project.repository
    branch = _branch(context)
    if context.pipeline.system == "gitlab":
        path = repository or "<group>/<project>"
        claims = f"project_path = {path}, ref = {branch}, ref_type = branch"
        return f"the provider GitLab (issuer https://gitlab.com or your own) with {claims}"
    name = context.pipeline.path.rsplit("/", 1)[-1]
    return (
        f"the provider GitHub Actions with repository = {repository or '<owner>/<repository>'}, "
        f"branch = {branch}, workflow = {name}"
    )


def _branch(context: RuleContext) -> str:
    root = context.pipeline.root
    on = root.map("on") if root else None
    push = on.map("push") if on else None
    named = [getattr(node, "value", "*") for node in push.items("branches")] if push else []
    if len(named) == 1 and not set(named[0]) & set("*?[!"):
        return str(named[0])
    return "<the branch that publishes>"
