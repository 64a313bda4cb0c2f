"""Resolves names in a Python module through imports, aliases, instances and annotations."""

from __future__ import annotations

import ast

from tokenaudit.constant_folding import ConstantFolder, Function

_DEPTH = 10


class ImportResolver:
    """Resolves expressions to full dotted names, with `()` for the return value of a call.

    `api.upload_file` after `from huggingface_hub import HfApi as A; api = A()` is
    `huggingface_hub.HfApi().upload_file`.
    """

    def __init__(self, module: ast.Module, values: ConstantFolder) -> None:
        self._values = values
        self._known: dict[ast.expr, str] = {}
        self._names: dict[tuple[Function | None, str], str] = {}
        self._attributes: dict[str, str] = {}
        self._imports: dict[str, str] = {}
        self.stars: list[str] = []
        self.libraries: set[str] = set()
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                self._plain(node)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self._from(node, node.module)

    def of(self, node: ast.expr | None, depth: int = 0) -> str:
        """The dotted name; empty if it is unknown."""
        if node is None or depth > _DEPTH:
            return ""
        if node not in self._known:
            self._known[node] = ""  # circular references are unknown
            self._known[node] = self._follow(node, depth)
        return self._known[node]

    def _follow(self, node: ast.expr, depth: int) -> str:
        if isinstance(node, ast.Name):
            return self._name(node, depth)
        if isinstance(node, ast.Attribute):
            before = self.of(node.value, depth + 1)
            return f"{before}.{node.attr}" if before else self._attribute(node.attr, depth)
        if isinstance(node, ast.Call):
            called = self.of(node.func, depth + 1)
            return f"{called}()" if called else ""
        return self.of(node.value, depth + 1) if isinstance(node, (ast.Await, ast.Subscript)) else ""

    def _plain(self, node: ast.Import) -> None:
        for alias in node.names:
            self.libraries.add(alias.name.partition(".")[0])
            top = alias.name.partition(".")[0]
            self._imports[alias.asname or top] = alias.name if alias.asname else top

    def _from(self, node: ast.ImportFrom, module: str) -> None:
        self.libraries.add(module.split(".", maxsplit=1)[0])
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self._imports[alias.asname or alias.name] = f"{module}.{alias.name}"

    def _attribute(self, name: str, depth: int) -> str:
        if name not in self._attributes:
            self._attributes[name] = ""  # as in `of`
            self._attributes[name] = self._first(self._values.attribute(name), depth)
        return self._attributes[name]

    def _name(self, node: ast.Name, depth: int) -> str:
        key = self._values.scope(node), node.id
        if key not in self._names:
            self._names[key] = ""  # as in `of`
            self._names[key] = self._named(node, depth)
        return self._names[key]

    def _named(self, node: ast.Name, depth: int) -> str:
        found = self._imports.get(node.id) or self._first(self._values.assignments(node, node.id), depth)
        if found:
            return found
        function = self._values.scope(node)
        parameter = self._values.parameters(function).get(node.id) if function else None
        kind = self.of(parameter.annotation, depth + 1) if parameter else ""
        return f"{kind}()" if kind else ""

    def _first(self, candidates: list[ast.expr | None], depth: int) -> str:
        self._values.budget.spend(len(candidates))
        for candidate in candidates:
            found = self.of(candidate, depth + 1) if candidate is not None else ""
            if found:
                return found
        return ""
