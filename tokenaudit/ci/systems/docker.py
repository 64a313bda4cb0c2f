"""Dockerfile and Containerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Job, Pipeline, Step
from tokenaudit.ci.shell import Segment, SpanText
from tokenaudit.ci.systems.common import language_of, parse_script
from tokenaudit.work_budget import WorkBudget

NAME = "docker"
_INSTRUCTION = re.compile(r"\s*(?P<word>[A-Za-z]+)(?=\s)")
_FLAG = re.compile(r"\s*--[a-z]+=(?:\"[^\"]*\"|\S)+")
_PAIR = re.compile(r"(?<![\w.-])([\w.-]+)=((?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.|[^\s\"'\\])*)")
_OLD_ENV = re.compile(r"\s*([\w.-]+)[ \t]+(.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_SECRET_MOUNT = re.compile(r"--mount=type=secret\S*")


def parse(path: str, text: str, budget: WorkBudget) -> Pipeline:
    """Reads a Dockerfile; unknown instructions are ignored, never an error."""
    pipeline = Pipeline(path, NAME, "image", text, budget)
    stage = Job("stage0", "stage0", 1, 1)
    pipeline.jobs.append(stage)
    given: list[Binding] = []
    stage.shared, shell = given, "bash"
    for number, instruction in enumerate(_instructions(text)):
        if instruction.word == "FROM" and number:
            index = len(pipeline.jobs)
            stage = Job(f"stage{index}", f"stage{index}", *instruction.body.at(0))
            pipeline.jobs.append(stage)
            given = []
            stage.shared, shell = given, "bash"
        where = f"{stage.id}.{instruction.word}"
        if instruction.word in ("ARG", "ENV"):
            for binding in _pairs(instruction, where):
                reaches = binding.value.value == "" or binding.dynamic
                (given if reaches else stage.others).append(binding)
        elif instruction.word == "SHELL":
            shell = language_of(
                instruction.body.value.strip(" [").split('"')[1:2][0] if '"' in instruction.body.value else ""
            )
        elif instruction.word == "RUN":
            line, column = instruction.body.at(0)
            body = SpanText(_without_flags(instruction.body.value), where, instruction.body.segments)
            stage.steps.append(
                Step(where, line, column, preceding=len(given), script=parse_script(body, budget, shell))
            )
        pipeline.texts.append(SpanText(instruction.body.value, where, instruction.body.segments))
    return pipeline


def _without_flags(body: str) -> str:
    """The body with its leading `--mount=…` blanked, which preserves offsets."""
    end = 0
    while (flag := _FLAG.match(body, end)) is not None:
        end = flag.end()
    return " " * end + body[end:]


@dataclass(frozen=True)
class _Instruction:
    word: str
    body: SpanText


def _instructions(text: str) -> Iterator[_Instruction]:
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        first = number
        head = _INSTRUCTION.match(lines[number])
        number += 1
        if head is None or lines[first].lstrip().startswith("#"):
            continue
        start = head.end()
        parts = [lines[first][start:].rstrip("\r")]
        segments: list[Segment] = [(0, first + 1, start + 1)]
        length = len(parts[0]) + 1
        while parts[-1].rstrip().endswith("\\") and number < len(lines):
            line = lines[number].rstrip("\r")
            number += 1
            if line.lstrip().startswith("#"):
                line = "\\"
            segments.append((length, number, 1))
            parts.append(line)
            length += len(line) + 1
        document = _HEREDOC.search("\n".join(parts)) if head["word"].upper() in ("RUN", "COPY") else None
        while document is not None and number < len(lines):
            line = lines[number].rstrip("\r")
            number += 1
            segments.append((length, number, 1))
            parts.append(line)
            length += len(line) + 1
            if line.strip() == document[2]:
                break
        yield _Instruction(head["word"].upper(), SpanText("\n".join(parts), "", tuple(segments)))


def _pairs(instruction: _Instruction, where: str) -> Iterator[Binding]:
    way = BindingKind.BUILD_ARGUMENT if instruction.word == "ARG" else BindingKind.IMAGE_ENVIRONMENT
    body = instruction.body
    old = _OLD_ENV.match(body.value)
    if instruction.word == "ENV" and old is not None:
        yield _binding(body, old.start(1), old[1], old[2], old.start(2), way, where)
        return
    found = [(m.start(), m[1], m[2], m.start(2)) for m in _PAIR.finditer(body.value)]
    if instruction.word == "ARG":
        taken = {name for _, name, _, _ in found}
        bare = re.finditer(r"(?<![\w.=\"'$/{:-])([A-Za-z_]\w*)(?=\s|$)", body.value)
        found += [(m.start(), m[1], "", m.end()) for m in bare if m[1] not in taken]
    for start, name, value, at in found:
        yield _binding(body, start, name, value, at, way, where)


def _binding(body: SpanText, start: int, name: str, value: str, at: int, way: BindingKind, where: str) -> Binding:
    line, column = body.at(start)
    inner = value.strip().strip("\"'")
    offset = at + value.find(inner) if inner else at
    text = SpanText(inner, f"{where}.{name}", ((0, *body.at(offset)),))
    sources = tuple(m[1] for m in _VARIABLE.finditer(inner))
    # `ARG NAME` without a value gets it from the build command
    given = way is BindingKind.BUILD_ARGUMENT and not value
    return Binding(name, text, way, BindingScope.IMAGE, line, column, sources, dynamic=bool(sources) or given)
