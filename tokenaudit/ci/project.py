"""All configuration of one target together."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenaudit.ci.model import Pipeline
from tokenaudit.ci.names import Names


@dataclass
class Project:
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
