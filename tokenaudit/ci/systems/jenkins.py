"""Jenkinsfiles: strings, blocks and relevant steps, as far as Groovy can be read without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.shell import SpanText, piece, plain
from tokenaudit.ci.systems.common import parse_script
from tokenaudit.ci.yaml_document import ParseError
from tokenaudit.work_budget import WorkBudget

NAME = "jenkins"
_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<string>'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|(?!'''|\"\"\")"
    r"(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))"
    r"|(?P<open>\{)|(?P<close>\})|(?P<broken>['\"]|/\*)",
    re.DOTALL,
)
_STEP = re.compile(r"\b(?P<step>sh|bat|echo|powershell|pwsh)\s*(?:\(\s*)?(?:[^'\"\n]*?\bscript\s*:\s*)?$")
_ASSIGNED = re.compile(r"\b(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<call>credentials\s*\(\s*)?$")
_CREDENTIAL = re.compile(
    r"credentialsId\s*:\s*(['\"])(?P<id>[^'\"]+)\1\s*,\s*variable\s*:\s*(['\"])(?P<name>\w+)\3"
    r"|variable\s*:\s*(['\"])(?P<name2>\w+)\5\s*,\s*credentialsId\s*:\s*(['\"])(?P<id2>[^'\"]+)\7"
)
_DOTTED = re.compile(r"\$\{(params|env)\.(\w+)\}")
_LABEL = re.compile(r"(?<!\w)(\w+)\s*(?:\(\s*['\"]([^'\"]*)['\"]\s*\))?\s*$")
_NEAR = 200
"""Characters before a brace or string that are searched for its owner."""
_DEEPEST = 100
_LANGUAGES = {"bat": "cmd", "powershell": "powershell", "pwsh": "powershell"}


@dataclass(frozen=True)
class _String:
    """A string of the file with the text before it and its enclosing blocks."""

    start: int
    end: int
    quotes: int
    before: str
    blocks: tuple[str, ...]


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads environments, `withCredentials` and the shell steps.

    Raises:
        UnreadableError: a string or a brace does not end.
        WorkLimitError: more work than `budget` allows.
    """
    pipeline = Pipeline(path, NAME, "pipeline", text, budget)
    whole = plain(text)
    jobs: dict[tuple[str, ...], Job] = {}
    for string in _strings(text):
        inner = piece(whole, string.start + string.quotes, string.end - string.quotes, ".".join(string.blocks))
        pipeline.texts.append(inner)
        stage = _stage(string.blocks)
        job = jobs.setdefault(stage, Job(".".join(stage) or "pipeline", ".".join(stage), *inner.at(0)))
        assigned = _ASSIGNED.search(string.before)
        if assigned is not None and string.blocks[-1:] == ("environment",):
            binding = _assigned(whole, string, inner, assigned, BindingScope.JOB if stage else BindingScope.PIPELINE)
            (pipeline.env if not stage else job.env).append(binding)
        elif (step := _STEP.search(string.before)) is not None:
            job.steps.append(_step(step["step"], inner, budget, double=text[string.start] == '"'))
    pipeline.jobs = list(jobs.values())
    taken = [_binding(whole, match) for match in _CREDENTIAL.finditer(text)]
    for job in pipeline.jobs:
        job.shared = taken
    return pipeline


def _strings(text: str) -> Iterator[_String]:
    blocks: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token["broken"]:
            reason = "unterminated string or comment in Groovy"
            raise _unreadable(reason, text, token.start())
        if token["open"]:
            if len(blocks) >= _DEEPEST:
                reason = f"blocks nested more than {_DEEPEST} levels deep"
                raise _unreadable(reason, text, token.start())
            label = _LABEL.search(text, max(0, token.start() - _NEAR), token.start())
            blocks.append((label[2] or label[1]) if label else "block")
        elif token["close"]:
            if not blocks:
                reason = "unmatched closing brace in Groovy"
                raise _unreadable(reason, text, token.start())
            blocks.pop()
        elif token["string"]:
            quotes = 3 if token["string"][:3] in ("'''", '"""') else 1
            before = text[max(end, token.start() - _NEAR) : token.start()]
            yield _String(token.start(), token.end(), quotes, before, tuple(blocks))
        end = token.end()
    if blocks:
        reason = f"unterminated block {blocks[-1]} in Groovy"
        raise ParseError(reason, text.count("\n") + 1)


def _unreadable(reason: str, text: str, offset: int) -> ParseError:
    return ParseError(reason, text.count("\n", 0, offset) + 1)


def _stage(blocks: tuple[str, ...]) -> tuple[str, ...]:
    """The stage that the blocks belong to; empty at the level of the pipeline."""
    inner = [block for block in blocks if block not in ("pipeline", "stages", "environment", "node")]
    return tuple(inner[:1])


def _assigned(whole: SpanText, string: _String, inner: SpanText, match: re.Match[str], scope: BindingScope) -> Binding:
    line, column = whole.at(string.start - len(string.before) + match.start("name"))
    stored = bool(match["call"])
    sources = (match["name"],) if stored else ()
    return Binding(match["name"], inner, BindingKind.ENVIRONMENT, scope, line, column, sources, dynamic=stored)


def _binding(whole: SpanText, match: re.Match[str]) -> Binding:
    name, stored = match["name"] or match["name2"], match["id"] or match["id2"]
    line, column = whole.at(match.start())
    text = piece(whole, match.start(), match.end(), "withCredentials")
    del stored  # an id in Jenkins' store, not a name that others know
    return Binding(name, text, BindingKind.ENVIRONMENT, BindingScope.STEP, line, column, (name,), dynamic=True)


def _step(kind: str, inner: SpanText, budget: WorkBudget, *, double: bool) -> Step:
    line, column = inner.at(0)
    value = _DOTTED.sub(lambda match: f"${{{match[1]}_{match[2]}}}", inner.value)
    given = [
        Binding(
            f"{match[1]}_{match[2]}",
            inner,
            BindingKind.ENVIRONMENT,
            BindingScope.STEP,
            line,
            column,
            (match[2],),
            dynamic=True,
        )
        for match in _DOTTED.finditer(inner.value)
    ]
    value = value if double else value.replace("\\'", " '")
    text = SpanText(value, inner.where or kind, inner.segments)
    if kind == "echo":
        segments = tuple((0 if not offset else offset + 6, at, start) for offset, at, start in inner.segments)
        text = SpanText(f'echo "{value}"', text.where, segments) if double else SpanText("", text.where, inner.segments)
    language = _LANGUAGES.get(kind, "bash")
    return Step(text.where, line, column, env=given, script=parse_script(text, budget, language))
