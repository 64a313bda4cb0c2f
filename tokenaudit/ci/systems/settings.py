"""Settings files: dotenv, Terraform, Helm values, devcontainers, and files of hosting platforms.

Only names with plain values are read here; the detector decides whether a value is a credential.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline
from tokenaudit.ci.shell import SpanText, piece, plain
from tokenaudit.text import shorten
from tokenaudit.work_budget import WorkBudget

NAME = "settings"
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+|set[ \t]+)?[\"']?(?P<name>[A-Za-z_][\w.-]*)[\"']?[ \t]*[=:][ \t]*(?P<value>[^\n]*)$",
    re.MULTILINE,
)
_BLOCK = re.compile(r'^[ \t]*(?P<kind>[a-z_]+)(?P<labels>(?:[ \t]+"[^"\n]*")*)[ \t]*\{[ \t]*$', re.MULTILINE)
_LONGEST_PATH = 400
_DYNAMIC = re.compile(r"\$[({A-Za-z_]|\bvar\.|\bdata\.|\blocal\.|\{\{")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads one `NAME = value` or `NAME: value` per line."""
    pipeline = Pipeline(path, NAME, "settings", text, budget)
    job = Job("settings", "", 1, 1)
    job.others = list(_bindings(plain(text), path.endswith(".tf")))
    pipeline.jobs.append(job)
    pipeline.texts = [binding.value for binding in job.others]
    return pipeline


def _bindings(whole: SpanText, terraform: bool) -> Iterator[Binding]:  # noqa: FBT001 - a private helper's one switch
    blocks = [(m.start(), _path(m)) for m in _BLOCK.finditer(whole.value)] if terraform else []
    opened, block = 0, ""
    for match in _LINE.finditer(whole.value):
        while opened < len(blocks) and blocks[opened][0] < match.start():
            block = blocks[opened][1]
            opened += 1
        value = match["value"].rstrip().rstrip(",").strip("\"'")
        start = match.start("value") + max(match["value"].find(value), 0)
        where = f"{block}.{match['name']}" if block else match["name"]
        name = block.rsplit(".", 1)[-1] if block and match["name"] == "default" else match["name"]
        text = piece(whole, start, start + len(value), where)
        line, column = whole.at(match.start("name"))
        dynamic = _DYNAMIC.search(value) is not None
        yield Binding(name, text, BindingKind.ENVIRONMENT, BindingScope.FILE, line, column, (), dynamic)


def _path(match: re.Match[str]) -> str:
    return shorten(".".join([match["kind"], *re.findall(r'"([^"]*)"', match["labels"])]), _LONGEST_PATH)
