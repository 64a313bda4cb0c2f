"""A credential shipped to browsers."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.dataflow import credential_of
from tokenaudit.ci.model import for_browsers
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.rules.outputs import is_client_file, writes
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-token-in-client-bundle",
    title="Credential in browser code",
    severity=Severity.CRITICAL,
    why="A page or script is public: every visitor can read and use a credential that the build includes in it.",
    remedy="Revoke it. Call the Hub from your own server, which stores the credential, or let users sign in with OAuth "
    "and use their own tokens.",
    bad="""\
# .github/workflows/site.yml
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: npm run build
        env:
          NEXT_PUBLIC_HF_TOKEN: ${{ secrets.HF_TOKEN }}
""",
    good="""\
# .github/workflows/site.yml
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: npm run build
        env:
          NEXT_PUBLIC_API: https://api.example.com
""",
    references=("https://huggingface.co/docs/hub/spaces-oauth",),
)


def check(context: RuleContext) -> Iterator[Problem]:
    """Variables that a build tool publishes, and credentials written into files of a page."""
    for binding in context.pipeline.bindings():
        if for_browsers(binding.name) and (credential := credential_of(binding, context.names)) is not None:
            message = f"{credential} goes into {binding.name}, which the build includes in browser code"
            yield context.problem(RULE, (binding.line, binding.column), binding.where, credential, message)
    for run in context.flows.runs():
        where = run.script.text.where or run.step.where
        for written in writes(run):
            if is_client_file(written):
                message = f"{written.hit.credential} is written to {written.target}, which is sent to browsers"
                yield context.problem(RULE, run.script.text.at(written.offset), where, written.hit.credential, message)
        for name, word in run.command.assignments:
            named = [hit.credential for hit in run.scope.hits(word)]
            if named and for_browsers(name):
                message = f"{named[0]} goes into {name}, which the build includes in browser code"
                yield context.problem(RULE, run.script.text.at(word.offset), where, named[0], message)
