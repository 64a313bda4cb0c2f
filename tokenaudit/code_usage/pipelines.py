"""Needs of CI configuration, job by job: GitHub Actions, composite actions, GitLab CI, CircleCI, Bitbucket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import yaml

from tokenaudit.code_usage.calls import is_repository
from tokenaudit.code_usage.model import Need, Needs, unique
from tokenaudit.code_usage.python import python_needs
from tokenaudit.code_usage.shell import shell_needs
from tokenaudit.model import Entity, Evidence
from tokenaudit.permissions import WRITE

_SCRIPTS = frozenset({"run", "script", "before_script", "after_script", "command"})
_VARIABLES = ("env", "variables", "environment")


def pipeline_needs(path: str, text: str) -> Needs:
    """What each job of a CI configuration needs."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return Needs(skipped=(f"{path}: no YAML that could be read, so its needs are unknown",))
    if not isinstance(root, yaml.MappingNode):
        return Needs()
    reader = _Pipeline(path, text.splitlines())
    try:
        evidence = unique(reader.read(root))
    except RecursionError:
        return Needs(skipped=(f"{path}: nested too deeply to be read, so its needs are unknown",))
    return Needs(evidence, tuple(reader.skipped))


class _Pipeline:
    def __init__(self, path: str, lines: list[str]) -> None:
        self._path = path
        self._lines = lines
        self.skipped: list[str] = []

    def read(self, root: yaml.MappingNode) -> Iterator[Evidence]:
        known = _variables(root, {})
        jobs = _child(root, "jobs")
        if isinstance(jobs, yaml.MappingNode):
            for name, job in _pairs(jobs):
                yield from self._job(f"jobs.{name}", job, known)
            return
        for name, job in _pairs(root):
            yield from self._job(name, job, known)

    def _job(self, name: str, job: yaml.Node, known: Mapping[str, str]) -> Iterator[Evidence]:
        for found in self._walk(job, known):
            yield replace(found, job=name)

    def _walk(self, node: yaml.Node, known: Mapping[str, str]) -> Iterator[Evidence]:
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from self._walk(item, known)
            return
        if not isinstance(node, yaml.MappingNode):
            return
        known = _variables(node, known)
        uses = _child(node, "uses")
        if isinstance(uses, yaml.ScalarNode):
            yield from self._action(node, uses, known)
        for name, value in _pairs(node):
            if name not in _SCRIPTS:
                yield from self._walk(value, known)
            elif isinstance(value, yaml.ScalarNode):
                yield from self._script(value, known, _shell_of(node))
            elif isinstance(value, yaml.SequenceNode):
                yield from self._scripts(value, known)
            else:
                yield from self._walk(value, known)

    def _scripts(self, node: yaml.SequenceNode, known: Mapping[str, str]) -> Iterator[Evidence]:
        """The lines of one list share their variables and remotes, as the shell that runs them does."""
        lines: list[str] = []
        first = node.start_mark.line
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                lines += [""] * (self._first_line(item) - first - len(lines))
                lines += str(item.value).splitlines()
        found = shell_needs(self._path, "\n".join(lines), first_line=first + 1, known=known, python=python_needs)
        self.skipped += found.skipped
        yield from found.evidence

    def _script(self, node: yaml.ScalarNode, known: Mapping[str, str], shell: str) -> Iterator[Evidence]:
        first = self._first_line(node)
        if shell.startswith("python"):
            found = python_needs(self._path, str(node.value).encode())
            found = Needs(tuple(replace(e, line=(e.line or 1) + first) for e in found.evidence), found.skipped)
        else:
            found = shell_needs(self._path, str(node.value), first_line=first + 1, known=known, python=python_needs)
        self.skipped += found.skipped
        yield from found.evidence

    @staticmethod
    def _first_line(node: yaml.ScalarNode) -> int:
        """The line, from 0, on which the text of a scalar begins."""
        return int(node.start_mark.line) + (1 if node.style in {"|", ">"} else 0)

    def _action(self, node: yaml.MappingNode, uses: yaml.ScalarNode, known: Mapping[str, str]) -> Iterator[Evidence]:
        given = _child(node, "with")
        inputs = dict(_texts(given, known)) if isinstance(given, yaml.MappingNode) else {}
        for need in action_needs(str(uses.value), inputs):
            yield need.at(
                self._path, int(uses.start_mark.line) + 1, f"uses: {str(uses.value).split('@', maxsplit=1)[0]}"
            )


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield str(key.value), value


def _child(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((v for k, v in _pairs(node) if k == name), None)


def _texts(node: yaml.MappingNode, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in _pairs(node):
        if isinstance(value, yaml.ScalarNode):
            yield name, re.sub(r"\$\{\{\s*env\.(\w+)\s*\}\}", lambda m: known.get(m[1], m[0]), str(value.value))


def _variables(node: yaml.MappingNode, known: Mapping[str, str]) -> dict[str, str]:
    """Constant variables of this level over those around it; one with an expression in it is no constant."""
    found = dict(known)
    for word in _VARIABLES:
        given = _child(node, word)
        if isinstance(given, yaml.MappingNode):
            for name, value in _texts(given, known):
                found.pop(name, None)
                if "$" not in value:
                    found[name] = value
    return found


def _shell_of(node: yaml.MappingNode) -> str:
    shell = _child(node, "shell")
    return str(shell.value) if isinstance(shell, yaml.ScalarNode) else ""


_SYNCING = frozenset({"huggingface/hub-sync", "nateraw/huggingface-sync-action", "nateraw/spaces-action"})
_TOKEN_INPUTS = ("hf_token", "hf-token", "huggingface_token", "huggingface-token", "huggingface_hub_token")


def action_needs(uses: str, inputs: Mapping[str, str]) -> Iterator[Need]:
    """What a `uses:` step needs; a "perhaps" for an action not known here that is handed a token."""
    name = uses.split("@", 1)[0].split("/.github/", 1)[0].strip()
    if name in _SYNCING:
        yield from _sync(inputs.get("huggingface_repo_id", ""), inputs.get("repo_type") or "space")
    elif name == "JacobLinCool/huggingface-sync":
        yield from _sync(f"{inputs.get('user', '')}/{inputs.get('space', '')}", "space")
    elif any(i in inputs for i in _TOKEN_INPUTS):
        yield Need(WRITE, None, "perhaps")


def _sync(name: str, kind: str) -> Iterator[Need]:
    """The repository is created where it is missing, then mirrored (huggingface/hub-sync action.yml)."""
    if not is_repository(name) or not kind.isalpha():
        yield Need(WRITE, None, "perhaps")
        return
    yield Need(WRITE, Entity(kind, name))
    yield Need(WRITE, Entity("namespace", name.split("/", maxsplit=1)[0]) if "/" in name else Entity("user"), "perhaps")
