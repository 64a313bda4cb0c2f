"""Input of a rule, and helpers to report problems."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tokenaudit.ci.dataflow import DataFlow
from tokenaudit.ci.model import Names, Pipeline
from tokenaudit.model import Problem, Rule, Severity

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection


_BEGINNING = 3
"""Characters that every credential has."""


@dataclass
class RuleContext:
    """One file under audit."""

    target: str
    pipeline: Pipeline
    names: Names
    project: ConfigurationSet
    literals: tuple[Detection, ...] = ()
    """Literal credentials in the file."""

    @cached_property
    def flows(self) -> DataFlow:
        """The data flow of credentials in the file."""
        return DataFlow(self.pipeline, self.names)

    def problem(
        self,
        rule: Rule,
        position: tuple[int, int],
        where: str | None,
        credential: str | None,
        message: str,
        *,
        severity: Severity | None = None,
        confidence: Literal["high", "medium", "low"] | None = None,
        remedy: str | None = None,
        patch: str | None = None,
    ) -> Problem:
        """A problem of this file, with severity, confidence and remedy of the rule by default."""
        return Problem(
            rule=rule.id,
            severity=severity or rule.severity,
            target=self.target,
            path=self.pipeline.path,
            line=position[0],
            column=position[1],
            where=None if where is None else self._shown(where),
            credential_name=None if credential is None else self._shown(credential),
            message=self._shown(message),
            remedy=remedy or rule.remedy,
            confidence=confidence or rule.confidence,
            patch=patch,
        )

    def _shown(self, text: str) -> str:
        """The text without literal credentials, which can be part of a key and so of a path."""
        for literal in self._in(text):
            text = text.replace(literal.secret.reveal(), literal.secret.display)
        return text

    def _in(self, text: str) -> Iterator[Detection]:
        """The literals in a text, found by their first characters instead of one by one."""
        for beginning, (lengths, found) in self._beginnings.items():
            at = text.find(beginning)
            while at >= 0:
                self.pipeline.budget.spend(len(lengths))
                yield from (found[value] for size in lengths if (value := text[at : at + size]) in found)
                at = text.find(beginning, at + 1)

    @cached_property
    def _beginnings(self) -> dict[str, tuple[set[int], dict[str, Detection]]]:
        """The literals by their first characters, with their lengths."""
        known: dict[str, tuple[set[int], dict[str, Detection]]] = {}
        for literal in self.literals:
            value = literal.secret.reveal()
            lengths, found = known.setdefault(value[:_BEGINNING], (set(), {}))
            lengths.add(len(value))
            found[value] = literal
        return known

    def place(self, line: int, column: int) -> str | None:
        """The dotted path of the scalar at a position."""
        columns, paths = self._places.get(line, ([], []))
        index = bisect_right(columns, column) - 1
        return paths[index] if index >= 0 else None

    @cached_property
    def _places(self) -> dict[int, tuple[list[int], list[str]]]:
        """For each line the columns at which scalars begin, in order, and their paths."""
        found: dict[int, list[tuple[int, str]]] = {}
        for text in self.pipeline.texts:
            for _, line, column in text.segments:
                found.setdefault(line, []).append((column, text.where))
        for places in found.values():
            places.sort(key=lambda place: place[0])
        return {line: ([c for c, _ in places], [w for _, w in places]) for line, places in found.items()}


Check = Callable[[RuleContext], Iterator[Problem]]
Checks = Mapping[str, tuple[Rule, Check]]


_BUILD_ARGUMENT = re.compile(r"--build-arg[ =]([A-Za-z_]\w*)")


@dataclass
class ConfigurationSet:
    """All configuration of one target, for references between files."""

    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    repository: str | None = None
    """`owner/name` of the hosted repository, if known."""

    _held: list[str | None] = field(default_factory=list)
    _build_arguments: set[str] | None = None

    def holds(self, flow_names: Names) -> str | None:
        """A Hugging Face secret that any workflow of the target reads from the secret store."""
        if not self._held:
            bindings = (binding for pipeline in self.pipelines.values() for binding in pipeline.bindings())
            sources = (source for binding in bindings for source in binding.sources)
            self._held.append(next((source for source in sources if flow_names.match(source)), None))
        return self._held[0]

    def build_arguments(self) -> set[str]:
        """The names that any file of the target passes to a build with `--build-arg NAME`."""
        if self._build_arguments is None:
            sources = (pipeline.source for pipeline in self.pipelines.values())
            self._build_arguments = {match[1] for source in sources for match in _BUILD_ARGUMENT.finditer(source)}
        return self._build_arguments
