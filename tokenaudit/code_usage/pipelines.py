"""Needs of CI configuration, job by job: GitHub Actions, composite actions, GitLab CI, CircleCI, Bitbucket."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tokenaudit.ci.yaml_document import Mapping as YamlMapping
from tokenaudit.ci.yaml_document import Node, ParseError, Scalar, Sequence, documents
from tokenaudit.code_usage.calls import is_repository
from tokenaudit.code_usage.model import Need, Needs, unique
from tokenaudit.code_usage.python import python_needs
from tokenaudit.code_usage.shell import shell_needs
from tokenaudit.model import Entity, Evidence
from tokenaudit.permissions import WRITE
from tokenaudit.work_budget import WorkBudget

_SCRIPTS = frozenset({"run", "script", "before_script", "after_script", "command"})
_VARIABLES = ("env", "variables", "environment")
_ENVIRONMENT = re.compile(r"\$\{\{\s*env\.(\w+)\s*\}\}")
_LONGEST_VALUE = 1_000
"""Characters of a variable's value; longer ones are no name, path or URL."""

_Known = ChainMap[str, str]


def pipeline_needs(path: str, text: str, budget: WorkBudget) -> Needs:
    """What each job of a CI configuration needs.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    try:
        found = documents(text, budget)
    except ParseError as error:
        return Needs(skipped=(f"{path}: {error.reason}; required permissions unknown",))
    if not found or not isinstance(found[0].root, YamlMapping):
        return Needs()
    reader = _Pipeline(path, budget)
    return Needs(unique(reader.read(found[0].root)), tuple(reader.skipped))


class _Pipeline:
    def __init__(self, path: str, budget: WorkBudget) -> None:
        self._path = path
        self._budget = budget
        self.skipped: list[str] = []

    def read(self, root: YamlMapping) -> Iterator[Evidence]:
        known = self._variables(root, ChainMap())
        jobs = root.map("jobs")
        prefix = "jobs." if jobs is not None else ""
        for key, job in (jobs or root).entries:
            for found in self._walk(job, known):
                yield replace(found, job=f"{prefix}{key.value}")

    def _walk(self, root: Node, around: _Known) -> Iterator[Evidence]:
        pending: list[tuple[Node, _Known]] = [(root, around)]
        while pending:
            node, known = pending.pop()
            if isinstance(node, Sequence):
                pending.extend((item, known) for item in reversed(node.items))
            elif isinstance(node, YamlMapping):
                known = self._variables(node, known)
                uses = node.scalar("uses")
                if uses is not None:
                    yield from self._action(node, uses, known)
                for key, value in node.entries:
                    if key.value in _SCRIPTS and isinstance(value, Scalar):
                        yield from self._script(value, known, node.string("shell") or "")
                    elif key.value in _SCRIPTS and isinstance(value, Sequence):
                        yield from self._scripts(value, known)
                inner = [value for key, value in node.entries if _goes_on(key, value)]
                pending.extend((value, known) for value in reversed(inner))

    def _scripts(self, node: Sequence, known: Mapping[str, str]) -> Iterator[Evidence]:
        """The lines of one list share their variables and remotes, as the shell that runs them does."""
        lines: list[str] = []
        first = node.line
        for item in node.items:
            if isinstance(item, Scalar):
                lines += [""] * (item.text.line - first - len(lines))
                lines += item.value.splitlines()
        found = shell_needs(
            self._path, "\n".join(lines), self._budget, first_line=first, known=known, python=python_needs
        )
        self.skipped += found.skipped
        yield from found.evidence

    def _script(self, node: Scalar, known: Mapping[str, str], shell: str) -> Iterator[Evidence]:
        first = node.text.line
        if shell.startswith("python"):
            found = python_needs(self._path, node.value.encode("utf-8", "surrogatepass"), self._budget)
            moved = tuple(replace(e, line=(e.line or 1) + first - 1) for e in found.evidence)
            found = found._replace(evidence=moved)
        else:
            found = shell_needs(
                self._path, node.value, self._budget, first_line=first, known=known, python=python_needs
            )
        self.skipped += found.skipped
        yield from found.evidence

    def _action(self, node: YamlMapping, uses: Scalar, known: Mapping[str, str]) -> Iterator[Evidence]:
        given = node.map("with")
        inputs = dict(_texts(given, known)) if given else {}
        for need in action_needs(uses.value, inputs):
            yield need.at(self._path, uses.line, f"uses: {uses.value.split('@', maxsplit=1)[0]}")

    def _variables(self, node: YamlMapping, known: _Known) -> _Known:
        """Constant variables of this level and the levels around it; one with an expression is not constant."""
        found: dict[str, str] = {}
        for word in _VARIABLES:
            given = node.map(word)
            for name, value in _texts(given, known) if given else ():
                found[name] = "" if "$" in value or len(value) > _LONGEST_VALUE else value
        self._budget.spend(len(found))
        return known.new_child(found) if found else known


def _goes_on(key: Scalar, value: Node) -> bool:
    """Whether there can be steps below a value; the text of scripts is read in place."""
    return isinstance(value, YamlMapping) or (isinstance(value, Sequence) and key.value not in _SCRIPTS)


def _texts(node: YamlMapping, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in node.entries:
        if isinstance(value, Scalar):
            yield key.value, _ENVIRONMENT.sub(lambda m: known.get(m[1]) or m[0], value.value)


_SYNCING = frozenset({"huggingface/hub-sync", "nateraw/huggingface-sync-action", "nateraw/spaces-action"})
_TOKEN_INPUTS = ("hf_token", "hf-token", "huggingface_token", "huggingface-token", "huggingface_hub_token")


def action_needs(uses: str, inputs: Mapping[str, str]) -> Iterator[Need]:
    """What a `uses:` step needs; `perhaps` for an unknown action that gets a token."""
    name = uses.split("@", 1)[0].split("/.github/", 1)[0].strip()
    if name in _SYNCING:
        yield from _sync(inputs.get("huggingface_repo_id", ""), inputs.get("repo_type") or "space")
    elif name == "JacobLinCool/huggingface-sync":
        yield from _sync(f"{inputs.get('user', '')}/{inputs.get('space', '')}", "space")
    elif any(i in inputs for i in _TOKEN_INPUTS):
        yield Need(WRITE, None, "perhaps")


def _sync(name: str, kind: str) -> Iterator[Need]:
    """Creates the repository if it is missing, then mirrors it (huggingface/hub-sync action.yml)."""
    if not is_repository(name) or not kind.isalpha():
        yield Need(WRITE, None, "perhaps")
        return
    yield Need(WRITE, Entity(kind, name))
    yield Need(WRITE, Entity("namespace", name.split("/", maxsplit=1)[0]) if "/" in name else Entity("user"), "perhaps")
