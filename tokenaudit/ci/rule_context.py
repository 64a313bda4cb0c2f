"""What a rule gets to look at, and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tokenaudit.ci.dataflow import DataFlow
from tokenaudit.ci.model import Pipeline
from tokenaudit.ci.names import Names
from tokenaudit.model import Problem, Rule, Severity

if TYPE_CHECKING:
    from tokenaudit.interfaces import Detection


@dataclass
class RuleContext:
    """One file under audit."""

    target: str
    pipeline: Pipeline
    names: Names
    project: ConfigurationSet
    literals: tuple[Detection, ...] = ()
    """Literal credentials that stand in the file."""

    @cached_property
    def flows(self) -> DataFlow:
        """The file's flows of credentials."""
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
        """A problem of this file, with the rule's own severity, confidence and remedy unless said otherwise."""
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
        """The text without any literal credential, which may stand in a key and so in a path."""
        for literal in self.literals:
            text = text.replace(literal.secret.reveal(), literal.secret.display)
        return text

    def place(self, line: int, column: int) -> str | None:
        """The dotted path of the scalar that stands at a position."""
        best = [where for start, where in self._places.get(line, ()) if start <= column]
        return best[-1] if best else None

    @cached_property
    def _places(self) -> dict[int, list[tuple[int, str]]]:
        """For each line the columns at which scalars stand, with their paths."""
        found: dict[int, list[tuple[int, str]]] = {}
        for text in self.pipeline.texts:
            for _, line, column in text.segments:
                found.setdefault(line, []).append((column, text.where))
        return found


Check = Callable[[RuleContext], Iterator[Problem]]
Checks = Mapping[str, tuple[Rule, Check]]


@dataclass
class ConfigurationSet:
    """All configuration of one target, for what one file says about another."""

    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    repository: str | None = None
    """`owner/name` where the target is hosted, as far as known."""

    def holds(self, flow_names: Names) -> str | None:
        """A Hugging Face secret that some workflow of the target takes from the secret store."""
        for pipeline in self.pipelines.values():
            for binding in pipeline.bindings():
                for source in binding.sources:
                    if flow_names.match(source):
                        return source
        return None
