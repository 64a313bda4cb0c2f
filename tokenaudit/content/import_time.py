"""Which parts of a Python module run when it is imported: what a loader with `trust_remote_code` runs at least."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tokenaudit.content.python_names import PythonNames


class ImportTime:
    """The functions of `module` that importing it calls. What is below `if __name__ == "__main__"` does not run."""

    def __init__(self, module: ast.Module, names: PythonNames) -> None:
        self._names = names
        self._main: set[ast.AST] = set()
        self._called = self._calls(module)

    def runs(self, node: ast.AST) -> bool:
        """Whether importing the module runs `node`, as far as names show."""
        scope = self._names.scope(node)
        while scope is not None:
            if not isinstance(scope, ast.ClassDef) and scope not in self._called:
                return False
            scope = self._names.scope(scope)
        return not self._below_main(node)

    def _below_main(self, node: ast.AST) -> bool:
        current: ast.AST | None = node
        while current is not None:
            if current in self._main:
                return True
            current = self._names.parents.get(current)
        return False

    def _calls(self, module: ast.Module) -> set[ast.AST]:
        calls: dict[ast.AST | None, list[ast.AST]] = {}
        for node in ast.walk(module):
            if (
                isinstance(node, ast.If)
                and "__name__" in ast.unparse(node.test)
                and "__main__" in ast.unparse(node.test)
            ):
                self._main.update(node.body)
            scope = self._names.scope(node)
            while isinstance(scope, ast.ClassDef):
                scope = self._names.scope(scope)
            calls.setdefault(scope, []).append(node)
        called: set[ast.AST] = set()
        pending: list[ast.AST | None] = [None]
        while pending:
            current = pending.pop()
            for node in calls.get(current, []):
                if current is None and self._below_main(node):
                    continue
                for function in self._targets(node):
                    if function not in called:
                        called.add(function)
                        pending.append(function)
        return called

    def _targets(self, node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for decorator in node.decorator_list:
                yield from self._defined(decorator)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Lambda):
                yield node.func
            yield from self._defined(node.func)
            for argument in node.args:
                if isinstance(argument, ast.Name):
                    yield from self._defined(argument)
                elif isinstance(argument, ast.Lambda):
                    yield argument

    def _defined(self, node: ast.expr) -> Iterator[ast.AST]:
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        for definition in self._names.functions.get(name, []):
            if isinstance(definition, ast.ClassDef):
                yield from (m for m in definition.body if isinstance(m, ast.FunctionDef) and m.name.startswith("__"))
            else:
                yield definition
