"""Full names that expressions of a Python module can refer to."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from tokenaudit.content.text_folding import TextFolder
from tokenaudit.text import words
from tokenaudit.work_budget import WorkBudget

PythonScope: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | None"
"""The scope where a name is looked up; None is the module."""
_Names: TypeAlias = "frozenset[str]"

_NONE: frozenset[str] = frozenset()
_DEPTH = 40
_MOST = 16
"""Maximum number of names for one expression; more are dropped."""
_LONGEST = 200
_STEPS = 5
"""Steps of the work budget for one function call."""
_MOST_ELEMENTS = 256
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)

SENSITIVE_MODULES = words("builtins codecs ctypes importlib marshal nt os posix pty runpy shutil socket subprocess sys")
"""Modules that are recognized as attributes of anything: `transformers.utils.os` is `os`."""

_SAME = {"__builtins__": "builtins", "nt": "os", "posix": "os", "__builtin__": "builtins"}
_IMPORTS = frozenset(
    {
        "builtins.__import__", "importlib.import_module", "importlib.__import__", "importlib.reload",
        "importlib._bootstrap._gcd_import", "pydoc.locate", "pkgutil.resolve_name", "imp.load_module",
    }
)  # fmt: skip
_GETTERS = frozenset(
    {"builtins.getattr", "inspect.getattr_static", "object.__getattribute__", "builtins.object.__getattribute__"}
)
_WRAPPERS = words(
    "functools.partial builtins.staticmethod builtins.classmethod builtins.vars builtins.iter builtins.next "
    "builtins.list "
    "builtins.tuple builtins.sorted builtins.reversed contextlib.nullcontext copy.copy copy.deepcopy "
    "functools.lru_cache "
    "functools.cache builtins.max builtins.min itertools.chain itertools.cycle"
)
"""Functions that return their argument, or an element of it."""


class PythonNames:
    """Resolves expressions to all the names that they can refer to.

    Follows imports, aliases, arguments of local functions, returned values, containers, attributes, and access by text:
    `getattr`, `__import__`, `globals()`, `sys.modules`, `__dict__`. The order of assignments is ignored, so a name can
    be one that the expression never has. A name without a definition is one of `builtins` or of a star import.
    """

    def __init__(self, module: ast.Module, budget: WorkBudget) -> None:
        self.texts = TextFolder(module, budget)
        self.texts.names = self.of
        self.parents: dict[ast.AST, ast.AST] = {}
        self.functions: dict[str, list[ast.AST]] = defaultdict(list)
        self.imported: list[tuple[ast.alias, str]] = []
        """Every name that is imported from a module, by its full name."""
        self._budget = budget
        self._scopes: dict[ast.AST, PythonScope] = {}
        self._bound: dict[tuple[PythonScope, str], list[ast.expr | str]] = defaultdict(list)
        self._attributes: dict[str, list[ast.expr | str]] = defaultdict(list)
        self._calls: dict[str, list[ast.Call]] = defaultdict(list)
        self._returns: dict[ast.AST, list[ast.expr]] = defaultdict(list)
        self._stars: list[str] = []
        self._given: dict[ast.Call, dict[str, ast.expr]] = {}
        self._known: dict[ast.expr, _Names] = {}
        self._named: dict[tuple[PythonScope, str], _Names] = {}
        self._attributed: dict[str, _Names] = {}
        self._follow: dict[type[ast.expr], Callable[[Any, int], _Names]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Subscript: self._item,
            ast.IfExp: lambda node, depth: self._union((node.body, node.orelse), depth),
            ast.BoolOp: lambda node, depth: self._union(node.values, depth),
            ast.NamedExpr: lambda node, depth: self.of(node.value, depth + 1),
            ast.Await: lambda node, depth: self.of(node.value, depth + 1),
            ast.Starred: lambda node, depth: self.of(node.value, depth + 1),
        }
        self._collect(module)

    def of(self, node: ast.expr, depth: int = 0) -> frozenset[str]:
        """The full names; `()` after a name stands for its returned value. Empty if nothing is known."""
        if depth > _DEPTH:
            return _NONE
        found = self._known.get(node)
        if found is None:
            follow = self._follow.get(type(node))
            self._known[node] = _NONE  # circular references are unknown
            found = _NONE if follow is None else self._limited(follow(node, depth))
            self._known[node] = found
        return found

    def scope(self, node: ast.AST) -> PythonScope:
        """The function or class that contains a node."""
        return self._scopes.get(node)

    def _limited(self, names: Iterable[str]) -> frozenset[str]:
        found = {canonical_name(name) for name in names if 0 < len(name) <= _LONGEST}
        return frozenset(sorted(found, key=_least_interesting)[:_MOST])

    def _collect(self, module: ast.Module) -> None:
        pending: list[tuple[ast.AST, PythonScope]] = [(module, None)]
        while pending:
            node, scope = pending.pop()
            self._scopes[node] = scope
            self._note(node, scope)
            inner = node if isinstance(node, _SCOPES) else scope
            outer = self._scopes[self.parents[node]] if isinstance(node, ast.arguments) else scope
            outside = _evaluated_outside(node)
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
                pending.append((child, outer if child in outside else inner))

    def _note(self, node: ast.AST, scope: PythonScope) -> None:  # noqa: C901, PLR0912 - one branch a kind of node
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._bind(alias.asname or alias.name.partition(".")[0], _imported(alias), scope)
        elif isinstance(node, ast.ImportFrom):
            self._from(node, scope)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value, scope)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
            if node.value is not None:
                self._assign(node.target, node.value, scope)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._assign_elements(node.target, node.iter, scope)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, item.context_expr, scope)
        elif isinstance(node, (ast.Return, ast.Yield)):
            if node.value is not None and scope is not None:
                self._returns[scope].append(node.value)
        elif isinstance(node, ast.Match):
            self._match(node, scope)
        elif isinstance(node, ast.Call):
            called = node.func
            name = (
                called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
            )
            self._calls[name].append(node)
            for keyword in node.keywords:
                if keyword.arg and isinstance(keyword.value, (ast.Name, ast.Attribute)):
                    self._attributes[keyword.arg].append(keyword.value)  # such as those of SimpleNamespace
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.functions[node.name].append(node)
            self._bind(node.name, "", scope)
        elif isinstance(node, ast.arg) and scope is not None:
            self._bound[scope, node.arg]  # a parameter is bound to the arguments of the calls

    def _from(self, node: ast.ImportFrom, scope: PythonScope) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self._stars.append(module)
            else:
                full = f"{module}.{alias.name}" if not module.endswith(".") else module + alias.name
                self.imported.append((alias, canonical_name(full)))
                self._bind(alias.asname or alias.name, full, scope)

    def _match(self, node: ast.Match, scope: PythonScope) -> None:
        for case in node.cases:
            for pattern in ast.walk(case.pattern):
                if isinstance(pattern, (ast.MatchAs, ast.MatchStar)) and pattern.name:
                    self._bind(pattern.name, node.subject, scope)

    def _bind(self, name: str, value: ast.expr | str, scope: PythonScope) -> None:
        self._bound[scope, name].append(value)
        if isinstance(scope, ast.ClassDef):
            self._attributes[name].append(value)

    def _assign(self, target: ast.expr, value: ast.expr, scope: PythonScope) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value, scope)
        elif isinstance(target, ast.Attribute):
            self._attributes[target.attr].append(value)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            elements = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            for number, part in enumerate(target.elts):
                one = elements[number] if len(elements) == len(target.elts) else value
                self._assign(part, one, scope)

    def _assign_elements(self, target: ast.expr, values: ast.expr, scope: PythonScope) -> None:
        elements = values.elts if isinstance(values, (ast.Tuple, ast.List, ast.Set)) else [values]
        for element in elements[:_MOST_ELEMENTS]:
            self._assign(target, element, scope)

    def _name(self, node: ast.Name, depth: int) -> _Names:
        scope: PythonScope = self._scopes.get(node)
        first = True
        while True:
            # functions don't see the names of the class body that contains them
            if (scope, node.id) in self._bound and (first or not isinstance(scope, ast.ClassDef)):
                return self._in_scope(scope, node.id, depth)
            if scope is None:
                break
            scope = self._scopes.get(scope)
            first = False
        if node.id in _SAME:
            return frozenset({_SAME[node.id]})
        return frozenset({f"builtins.{node.id}", *(f"{star}.{node.id}" for star in self._stars)})

    def _in_scope(self, scope: PythonScope, name: str, depth: int) -> _Names:
        key = scope, name
        if key not in self._named:
            self._named[key] = _NONE  # as in `of`
            found = set(self._values(self._bound[key], depth))
            if isinstance(scope, _FUNCTIONS):
                found |= self._argument(scope, name, depth)
            self._named[key] = self._limited(found)
        return self._named[key]

    def _values(self, values: list[ast.expr | str], depth: int) -> Iterator[str]:
        self._budget.spend(len(values))
        for value in values:
            if isinstance(value, str):
                yield value
            else:
                yield from self.of(value, depth + 1)
                yield from self._elements(value, depth)

    def _argument(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, depth: int
    ) -> set[str]:
        arguments = function.args
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        defaults = dict(zip(reversed(names), reversed(arguments.defaults), strict=False))
        defaults |= {
            a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
        }
        found = set(self.of(defaults[name], depth + 1)) if name in defaults else set()
        method = names[:1] in (["self"], ["cls"])
        position = names.index(name) if name in names else None
        for call in self._calls_of(function):
            self._budget.spend(_STEPS)
            given = self._keywords(call).get(name)
            if given is None and position is not None:
                at = position - (method and isinstance(call.func, ast.Attribute))
                given = call.args[at] if 0 <= at < len(call.args) else None
            if given is not None:
                found |= self.of(given, depth + 1)
        return found

    def _keywords(self, call: ast.Call) -> dict[str, ast.expr]:
        if call not in self._given:
            self._given[call] = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        return self._given[call]

    def _calls_of(self, function: ast.AST) -> list[ast.Call]:
        if not isinstance(function, ast.Lambda):
            return self._calls[function.name] if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
        parent = self.parents.get(function)
        if isinstance(parent, ast.Call) and parent.func is function:
            return [parent]
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            return self._calls[parent.targets[0].id]
        return []

    def _attribute(self, node: ast.Attribute, depth: int) -> _Names:
        before = self.of(node.value, depth + 1)
        found = {f"{name}.{node.attr}" for name in before if name.endswith(")") or not name.startswith("builtins.")}
        found |= {f"{name}.{node.attr}" for name in before if name == "builtins"}
        if node.attr in {"__dict__", "__globals__", "__builtins__"}:
            found |= before if node.attr == "__dict__" else set()
        if node.attr in SENSITIVE_MODULES:
            found.add(f"?.{node.attr}")
        if not before or all(name.startswith("builtins.") for name in before) or node.attr in self._attributes:
            found |= self._assigned_attribute(node.attr, depth)
        return frozenset(found)

    def _assigned_attribute(self, name: str, depth: int) -> _Names:
        if name not in self._attributed:
            self._attributed[name] = _NONE  # as in `of`
            self._attributed[name] = self._limited(self._values(self._attributes.get(name, []), depth))
        return self._attributed[name]

    def _call(self, node: ast.Call, depth: int) -> _Names:
        called = self.of(node.func, depth + 1)
        found = {f"{name}()" for name in called if not name.endswith("()()")}
        if called & _GETTERS and len(node.args) > 1:
            found |= self._got(node.args[0], node.args[1], depth)
        imported = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "name"), None)
        if called & _IMPORTS and imported is not None:
            for text in self.texts.of(imported).texts():
                found |= {text.replace(":", "."), text.partition(".")[0]}
        if called & _WRAPPERS and node.args:
            found |= self.of(node.args[0], depth + 1) | self._elements_of(node.args[0], depth)
        if "functools.reduce" in called and len(node.args) > 2 and self.of(node.args[0], depth + 1) & _GETTERS:  # noqa: PLR2004 - of three arguments
            found |= {
                f"{one}.{text}" for one in self.of(node.args[2], depth + 1) for text in self._texts_in(node.args[1])
            }
        if isinstance(node.func, ast.Attribute):
            found |= self._method(node, node.func, depth)
        if isinstance(node.func, ast.Call):
            found |= self._operator(node, node.func, depth)
        return frozenset(found | self._returned(node.func, depth))

    def _got(self, owner: ast.expr, name: ast.expr, depth: int) -> set[str]:
        owners = self.of(owner, depth + 1) or self._elements_of(owner, depth)
        texts = self.texts.of(name).texts()
        attributes = set(self._limited(f"?.{text}" for text in texts if text in SENSITIVE_MODULES))
        return attributes | {f"{one}.{text}" for one in owners for text in texts}

    def _method(self, node: ast.Call, function: ast.Attribute, depth: int) -> set[str]:
        """`globals().get("os")`, `os.__dict__.get("system")`, `os.__getattribute__("system")`."""
        name = node.args[0] if node.args else None
        if name is None:
            return set()
        if function.attr == "__getattribute__":
            return self._got(function.value, name, depth)
        if function.attr in {"get", "__getitem__", "pop", "setdefault"}:
            return self._by_key(function.value, name, depth) | self._elements_of(function.value, depth)
        return set()

    def _texts_in(self, node: ast.expr) -> list[str]:
        """The texts of a list, joined as a dotted name."""
        values = self.texts.of(node).values[:1]
        parts = values[0] if values and isinstance(values[0], tuple) else ()
        return [".".join(part for part in parts if isinstance(part, str))]

    def _operator(self, node: ast.Call, inner: ast.Call, depth: int) -> set[str]:
        """`operator.attrgetter("system")(os)` and `operator.methodcaller("system", "…")(os)`."""
        made = self.of(inner.func, depth + 1)
        if not node.args or not inner.args or not made & {"operator.attrgetter", "operator.methodcaller"}:
            return set()
        return self._got(node.args[0], inner.args[0], depth)

    def _returned(self, function: ast.expr, depth: int) -> set[str]:
        found: set[str] = set()
        if isinstance(function, ast.Lambda):
            return set(self.of(function.body, depth + 1))
        name = (
            function.id
            if isinstance(function, ast.Name)
            else function.attr
            if isinstance(function, ast.Attribute)
            else ""
        )
        for definition in self.functions.get(name, [])[:_MOST]:
            for value in self._returns.get(definition, [])[:_MOST]:
                found |= self.of(value, depth + 1)
        return found

    def _item(self, node: ast.Subscript, depth: int) -> _Names:
        found = self._by_key(node.value, node.slice, depth)
        return frozenset(found) | self._elements_of(node.value, depth)

    def _by_key(self, mapping: ast.expr, key: ast.expr, depth: int) -> set[str]:
        texts = self.texts.of(key).texts()
        if not texts:
            return set()
        owners = self.of(mapping, depth + 1)
        found: set[str] = set()
        if (
            owners & {"builtins.globals()", "builtins.locals()", "builtins.vars()"}
            or any(owner.endswith((".__globals__", ".f_globals")) for owner in owners)
            or (isinstance(mapping, ast.Attribute) and mapping.attr in {"__globals__", "f_globals", "f_builtins"})
        ):
            for text in texts:
                found |= {_SAME.get(text, text), f"builtins.{text}"}
                if (None, text) in self._bound:
                    found |= self._in_scope(None, text, depth)
        if "sys.modules" in owners:
            found |= set(texts)
        by_attribute = isinstance(mapping, ast.Attribute) and mapping.attr == "__dict__"
        if isinstance(mapping, ast.Call) and mapping.args:
            by_attribute = "builtins.vars" in self.of(mapping.func, depth + 1)
        for owner in owners:
            if owner == "builtins" or by_attribute:
                found |= {f"{owner}.{text}" for text in texts}
        return found

    def _elements_of(self, node: ast.expr, depth: int) -> _Names:
        return self._limited(self._elements(node, depth))

    def _elements(self, node: ast.expr, depth: int) -> Iterator[str]:
        """Names of the elements of a literal container."""
        parts: Iterable[ast.expr | None] = ()
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            parts = node.elts
        elif isinstance(node, ast.Dict):
            parts = node.values
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            parts = [node.elt]
        elif isinstance(node, ast.DictComp):
            parts = [node.value]
        elif isinstance(node, ast.Name):
            yield from self._name(node, depth)
        for part in list(parts)[:_MOST_ELEMENTS]:
            if part is not None:
                yield from self.of(part, depth + 1)

    def _union(self, nodes: Iterable[ast.expr], depth: int) -> _Names:
        return frozenset(name for node in nodes for name in self.of(node, depth + 1))


def _imported(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _evaluated_outside(node: ast.AST) -> set[ast.AST]:
    """Children of a definition that are evaluated in its own scope: decorators, defaults, bases, annotations."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {*node.decorator_list, *([node.returns] if node.returns else [])}
    if isinstance(node, ast.arguments):
        return {*node.defaults, *(default for default in node.kw_defaults if default is not None)}
    if isinstance(node, ast.ClassDef):
        return {*node.decorator_list, *node.bases, *node.keywords}
    return set()


def _least_interesting(name: str) -> tuple[bool, str]:
    return name.partition(".")[0] not in SENSITIVE_MODULES, name


def canonical_name(name: str) -> str:
    """One spelling of a full name: `posix.system`, `transformers.utils.os.system` and `os.system` are the last."""
    if name.startswith("."):
        return name
    parts = name.split(".")
    start = 0
    for number, part in enumerate(parts[:-1] if len(parts) > 1 else parts):
        if part in SENSITIVE_MODULES and number > 0 and (parts[number - 1] not in {"torch", "tf", "", "asyncio"}):
            start = number
    if start == 0 and parts[0] == "?":
        start = 1
    parts = parts[start:]
    parts[0] = _SAME.get(parts[0], parts[0])
    return ".".join(parts)
