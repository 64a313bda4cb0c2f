"""A credential on a command line."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.ci.batch import in_process
from tokenaudit.ci.dataflow import CommandRun, CredentialUse, in_url, is_token_printer
from tokenaudit.ci.rule_context import RuleContext
from tokenaudit.model import Problem, Rule, Severity

RULE = Rule(
    id="ci-token-in-argv",
    title="Credential in command-line arguments",
    severity=Severity.HIGH,
    why="Arguments are visible to every user and process of the machine, in `set -x` output, in shell "
    "history, in crash reports and in the logs of remote services.",
    remedy="Set HF_TOKEN in the `env` of this step and remove the argument: huggingface_hub and "
    "`hf` read HF_TOKEN. For builds use `docker build --secret id=hf_token,env=HF_TOKEN`, for Jobs "
    "`hf jobs run -s HF_TOKEN` without a value.",
    bad="""\
# .github/workflows/publish.yml
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: |
          hf auth login --token ${{ secrets.HF_TOKEN }}
          python publish.py
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
    references=("https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables#hftoken",),
)

# Run by the shell itself, so no process ever gets these words.
_BUILTINS = frozenset(
    [
        "echo",
        "printf",
        "export",
        "set",
        "declare",
        "local",
        "readonly",
        "typeset",
        "[",
        "[[",
        "test",
        ":",
        "true",
        "false",
        "read",
        "unset",
        "source",
        ".",
        "cd",
        "let",
        "trap",
        "shift",
        "return",
        "exit",
        "env",
        "eval",
        "alias",
    ]
)
_HEADERS = ("-H", "--header", "--oauth2-bearer")


def check(context: RuleContext) -> Iterator[Problem]:
    """One problem per line and credential that is an argument of a process."""
    for run in context.flows.runs():
        reported: set[tuple[int, str]] = set()
        for hit in _arguments(run):
            line, column = run.script.text.at(hit.offset)
            if (line, hit.credential) in reported:
                continue
            reported.add((line, hit.credential))
            program = run.command.name or "a command"
            yield context.problem(
                RULE,
                (line, column),
                run.script.text.where or run.step.where,
                hit.credential,
                f"{hit.credential} is passed to `{program}` as an argument, visible to every process",
            )


def _arguments(run: CommandRun) -> Iterator[CredentialUse]:
    command = run.command
    if is_token_printer(command) and command.feeds is not None and command.feeds.name == "xargs":
        yield CredentialUse("HF_TOKEN", command.words[0], None, minted=True)
    if command.name in _BUILTINS or in_process(command.name, run.script.language):
        return
    for previous, word in zip(command.words, command.words[1:], strict=False):
        if command.name in ("curl", "wget") and (previous.value in _HEADERS or _is_header(word.value)):
            continue  # the documented way to call the API by hand
        for hit in run.scope.hits(word):
            reference = hit.reference
            at = 0 if reference is None else reference.offset - word.offset
            if not in_url(word.raw, at, _length(hit)):
                yield hit


def _is_header(word: str) -> bool:
    return word.lower().startswith(("--header=", "-hauthorization", "authorization:"))


def _length(hit: CredentialUse) -> int:
    reference = hit.reference
    if reference is None:
        return 0
    end = reference.offset - hit.word.offset + reference.length
    closed = hit.word.raw[end : end + 1] == ")"  # `$($env:NAME)`
    return reference.length + closed
