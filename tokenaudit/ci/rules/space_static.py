"""A secret on a Space that runs in the visitor's browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="space-static-secret",
    title="Credential in a static Space",
    severity=Severity.CRITICAL,
    why="A static Space has no server. Its secrets and variables are passed to the page as "
    "`window.huggingface.variables`, where every visitor can read them.",
    remedy="Revoke the credential and store none in a static Space. Let visitors sign in with OAuth, or use a Space "
    "with a server.",
    bad="""\
# .github/workflows/space.yml
on: push
jobs:
  space:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          import os
          from huggingface_hub import HfApi
          HfApi().create_repo("acme/demo", repo_type="space", space_sdk="static",
              space_secrets=[{"key": "HF_TOKEN", "value": os.environ["HF_TOKEN"]}])
""",
    good="""\
# .github/workflows/space.yml
on: push
jobs:
  space:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          from huggingface_hub import HfApi
          HfApi().create_repo("acme/demo", repo_type="space", space_sdk="static")
""",
    references=("https://huggingface.co/docs/hub/spaces-sdks-static",),
)

_CREATE = re.compile(r"create_repo\s*\((?P<body>(?:[^()]|\([^()]*\))*)\)")
_STATIC = re.compile(r"space_sdk\s*=\s*[\"']static[\"']")
_NAMED = re.compile(r"[\"']key[\"']\s*:\s*[\"'](?P<name>\w+)[\"']")


def check(context: RuleContext) -> Iterator[Problem]:
    """Static Spaces created with a secret or variable of a credential's name."""
    for _, step in context.pipeline.steps():
        if step.script is None:
            continue
        text = step.script.text
        for call in _CREATE.finditer(text.value):
            if _STATIC.search(call["body"]) is None:
                continue
            for entry in _NAMED.finditer(call["body"]):
                if context.names.match(entry["name"]):
                    position = text.at(call.start("body") + entry.start("name"))
                    message = f"{entry['name']} is stored in a static Space, which exposes it to every visitor"
                    yield context.problem(RULE, position, text.where or step.where, entry["name"], message)
