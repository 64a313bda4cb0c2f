"""Unpinned code from the Hub in a job with a credential."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from tokenaudit.ci.model import Job, Step
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.ci.shell import Script, Word
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-unpinned-remote-code",
    title="Unpinned code from the Hub in a job with a credential",
    severity=Severity.HIGH,
    why="`trust_remote_code` runs Python from a repository that others can change at any time. That code can read the "
    "environment of the job.",
    remedy="Pin `revision=<full commit id>`, and `code_revision=` if the code is in another repository; run it in a "
    "job without a credential.",
    bad="""\
# .github/workflows/evaluate.yml
on: push
jobs:
  evaluate:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          from transformers import AutoModel
          AutoModel.from_pretrained("acme/model", trust_remote_code=True)
""",
    good="""\
# .github/workflows/evaluate.yml
on: push
jobs:
  evaluate:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          from transformers import AutoModel
          AutoModel.from_pretrained("acme/model", trust_remote_code=True,
              revision="0123456789abcdef0123456789abcdef01234567",
              code_revision="0123456789abcdef0123456789abcdef01234567")
""",
    references=("https://huggingface.co/docs/transformers/main/en/custom_models",),
)

_TRUST = re.compile(r"[()]|trust_remote_code\s*=\s*True")
_REVISION = re.compile(r"\brevision\s*=(?!\s*(?:None\b|[rbuf]?[\"'](?![0-9a-f]{40}[\"'])[\w./-]*[\"']))")
"""A revision that is a full commit id, or unknown. Branches, tags and short ids are not pins."""
_WINDOW = 500
_LONGEST_PATH = 1_000
_FLAGS = ("--trust-remote-code", "--trust_remote_code")
_INTERPRETERS = ("python", "python3", "bash", "sh", "source", ".")


def check(context: RuleContext) -> Iterator[Problem]:
    """Calls that trust remote code without a revision, and downloads that are run."""
    for job in context.pipeline.jobs:
        holders = context.flows.job_credentials(job)
        for step in job.steps if holders else []:
            if step.script is None:
                continue
            own = context.flows.step_credentials(job, step)
            for offset, what in _runs(step.script):
                yield _problem(context, job, step, offset, what, (own or holders)[0], nearby=not own)


def _problem(
    context: RuleContext, job: Job, step: Step, offset: int, what: str, credential: str, *, nearby: bool
) -> Problem:
    text = step.script.text if step.script is not None else None
    position = text.at(offset) if text is not None else (step.line, step.column)
    message = f"{what} in job {job.id}, which has {credential}"
    where = (text.where if text is not None else "") or step.where
    severity = Severity.MEDIUM if nearby else None
    return context.problem(RULE, position, where, credential, message, severity=severity)


def _runs(script: Script) -> Iterator[tuple[int, str]]:
    source = script.text.value
    for offset in _unpinned_calls(source):
        yield offset, "trust_remote_code=True runs code from a repository without a pinned revision"
    downloads: set[str] = set()
    for command in script.commands:
        flags = [word for word in command.words if word.value.split("=")[0] in _FLAGS]
        pinned = _is_pinned(command.words)
        if flags and not pinned and not flags[0].value.lower().endswith("false"):
            yield (
                flags[0].offset,
                f"{flags[0].value.split('=')[0]} runs code from a repository without a pinned revision",
            )
        arguments = command.arguments
        if command.name in ("hf", "huggingface-cli") and arguments[:1] == ["download"] and not pinned:
            downloads.update(_places(arguments[1:]))
        ran = command.words[0].value if command.words else ""
        candidates = [ran] if ran.startswith(("./", "/")) else []
        candidates += arguments[:1] if command.name in _INTERPRETERS else []
        for candidate in candidates:
            if any(place in downloads for place in _folders(candidate.removeprefix("./"))):
                yield command.offset, "a file from an unpinned download runs"


_OPTION = re.compile(r"--revision(?:=(.*))?", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def _is_pinned(words: list[Word]) -> bool:
    """Whether `--revision` is a full commit id, or a variable whose value is not known."""
    for number, word in enumerate(words):
        option = _OPTION.fullmatch(word.value)
        if option is None:
            continue
        value = word if option[1] is not None else words[number + 1] if number + 1 < len(words) else None
        text = option[1] if option[1] is not None else value.value if value is not None else ""
        if _COMMIT.fullmatch(text) or (value is not None and (value.references or value.substitutions)):
            return True
    return False


def _folders(path: str) -> Iterator[str]:
    """The folders that a file is in, the innermost last."""
    at = path.find("/", 0, _LONGEST_PATH)
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1, _LONGEST_PATH)


def _places(arguments: list[str]) -> list[str]:
    """The folders that a download can be in: `--local-dir`, else the repository's name."""
    if "--local-dir" in arguments[:-1]:
        return [arguments[arguments.index("--local-dir") + 1].removeprefix("./").rstrip("/")]
    plain = [argument for argument in arguments if not argument.startswith("-")]
    return plain[:1]


def _unpinned_calls(source: str) -> list[int]:
    """Positions of calls without a revision that trust remote code; linear in the text."""
    stack: list[int] = []
    ends: dict[int, int] = {}
    trusting: list[tuple[int, int]] = []
    for token in _TRUST.finditer(source):
        if token.group() == "(":
            stack.append(token.start())
        elif token.group() == ")":
            if stack:
                ends[stack.pop()] = token.start()
        else:
            trusting.append((token.start(), stack[-1] if stack else -1))
    revisions = [match.start() for match in _REVISION.finditer(source)] if trusting else []
    pinned = {
        start: bisect_left(revisions, start) < bisect_left(revisions, ends.get(start, start + _WINDOW))
        for start in {start for _, start in trusting if start >= 0}
    }
    return [offset for offset, start in trusting if not (pinned[start] if start >= 0 else _on_its_line(source, offset))]


def _on_its_line(source: str, offset: int) -> bool:
    begin = max(source.rfind("\n", 0, offset) + 1, offset - _WINDOW)
    end = source.find("\n", offset, offset + _WINDOW)
    return _REVISION.search(source, begin, end if end >= 0 else offset + _WINDOW) is not None
