"""Where a name in a Python module comes from: through imports, aliases, instances and annotations."""

from __future__ import annotations

import ast

from tokenaudit.code_usage.constant_folding import ConstantFolder

_DEPTH = 10


class ImportResolver:
    """Gives expressions their full dotted name, with `()` for whatever a call returned.

    `api.upload_file` after `from huggingface_hub import HfApi as A; api = A()` is
    `huggingface_hub.HfApi().upload_file`.
    """

    def __init__(self, module: ast.Module, values: ConstantFolder) -> None:
        self._values = values
        self._known: dict[ast.expr, str] = {}
        self._imports: dict[str, str] = {}
        self.stars: list[str] = []
        self.libraries: set[str] = set()
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                self._plain(node)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self._from(node, node.module)

    def of(self, node: ast.expr | None, depth: int = 0) -> str:
        """The dotted name; empty where it is unknown."""
        if node is None or depth > _DEPTH:
            return ""
        if node not in self._known:
            self._known[node] = ""  # whatever leads back here while it is being followed is unknown
            self._known[node] = self._follow(node, depth)
        return self._known[node]

    def _follow(self, node: ast.expr, depth: int) -> str:
        if isinstance(node, ast.Name):
            return self._name(node, depth)
        if isinstance(node, ast.Attribute):
            before = self.of(node.value, depth + 1)
            return f"{before}.{node.attr}" if before else self._first(self._values.attribute(node.attr), depth)
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

    def _name(self, node: ast.Name, depth: int) -> str:
        found = self._imports.get(node.id) or self._first(self._values.assignments(node, node.id), depth)
        if found:
            return found
        function = self._values.scope(node)
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs] if function else []
        annotation = next((a.annotation for a in arguments if a.arg == node.id), None)
        kind = self.of(annotation, depth + 1)
        return f"{kind}()" if kind else ""

    def _first(self, candidates: list[ast.expr | None], depth: int) -> str:
        for candidate in candidates:
            found = self.of(candidate, depth + 1) if candidate is not None else ""
            if found:
                return found
        return ""
