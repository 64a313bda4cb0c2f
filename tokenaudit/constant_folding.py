"""Constant folding: the possible values of an expression in a Python module."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, TypeAlias

from tokenaudit.work_budget import WorkBudget

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_DEPTH = 12
_MOST = 32
_LONGEST = 4_096
"""Characters of a text put together from others; longer ones are no name and no URL."""
_MOST_BITS = 64
_STEPS = 20
"""Steps of the work budget per expression."""
_Scoped: TypeAlias = tuple["Function | None", str]
"""A name with the function it is used in."""
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv", "environ.get", "getenv"})


@dataclass(frozen=True)
class Constants:
    """The constants an expression can be. Without any it is unknown; `sure` means that it is all of them, always."""

    values: tuple[object, ...] = ()
    sure: bool = False

    def texts(self) -> tuple[str, ...]:
        """Those of the constants that are text."""
        return tuple(v for v in self.values if isinstance(v, str))


UNKNOWN = Constants()


@dataclass(frozen=True)
class _Parameter:
    """A parameter of a function; `position` is None for one that is only given by name."""

    name: str
    position: int | None
    default: ast.expr | None
    annotation: ast.expr | None


class ConstantFolder:
    """Follows names in one module to the constants behind them.

    Through assignments, f-strings, defaults, arguments of local calls, loops over literals, and defaults of options and
    environment variables (those never with certainty).
    """

    def __init__(self, module: ast.Module, budget: WorkBudget) -> None:
        self.budget = budget
        self.depth = _DEPTH
        self._scope: dict[ast.AST, Function | None] = {}
        self._assigned: dict[tuple[Function | None, str], list[ast.expr | None]] = defaultdict(list)
        self._looped: dict[tuple[Function | None, str], list[ast.expr]] = defaultdict(list)
        self._attributes: dict[str, list[ast.expr | None]] = defaultdict(list)
        self._options: dict[str, list[ast.expr]] = defaultdict(list)
        self._calls: dict[str, list[ast.Call]] = defaultdict(list)
        self._known: dict[ast.expr, Constants] = {}
        self._names: dict[_Scoped, Constants] = {}
        self._named_attributes: dict[str, Constants] = {}
        self._of_elements: dict[ast.expr, Constants] = {}
        self._entries: dict[ast.Dict, dict[object, list[ast.expr]]] = {}
        self._keywords: dict[ast.Call, dict[str | None, ast.expr]] = {}
        self._parameters: dict[Function, dict[str, _Parameter]] = {}
        self._follow: dict[type[ast.expr], Callable[[Any, int], Constants]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.JoinedStr: self._formatted,
            ast.BinOp: self._sum,
            ast.IfExp: lambda node, depth: self._either([node.body, node.orelse], depth),
            ast.BoolOp: self._or,
            ast.Subscript: self._item,
            ast.Call: self._call,
        }
        self._collect(module)

    def scope(self, node: ast.AST) -> Function | None:
        """The function that contains `node`."""
        return self._scope.get(node)

    def assignments(self, node: ast.AST, name: str) -> list[ast.expr | None]:
        """What is assigned to `name` as seen from `node`; None if it is not a constant expression."""
        scope = self._scope.get(node)
        return self._assigned.get((scope, name)) or self._assigned.get((None, name)) or []

    def attribute(self, name: str) -> list[ast.expr | None]:
        """What is assigned to an attribute of this name, anywhere in the module."""
        return self._attributes.get(name, [])

    def of(self, node: ast.expr | None, depth: int = 0) -> Constants:
        """The constants `node` can be."""
        if node is None or depth > self.depth:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            large = isinstance(node.value, int) and node.value.bit_length() > _MOST_BITS
            return UNKNOWN if large else Constants((node.value,), sure=True)
        self.budget.spend(_STEPS)
        follow = self._follow.get(type(node))
        if follow is None:
            return UNKNOWN
        if node not in self._known:
            self._known[node] = UNKNOWN  # circular references are unknown
            self._known[node] = follow(node, depth)
        return self._known[node]

    def beginning(self, node: ast.expr | None, depth: int = 0) -> str:
        """The constant text that `node` begins with; empty if it is unknown."""
        found = self.of(node)
        if len(found.texts()) == 1:
            return found.texts()[0]
        if depth > _DEPTH:
            return ""
        first: ast.expr | None = None
        if isinstance(node, ast.JoinedStr) and node.values:
            first = node.values[0].value if isinstance(node.values[0], ast.FormattedValue) else node.values[0]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            first = node.left
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return self.beginning(node.func.value, depth + 1).split("{", 1)[0]
        elif isinstance(node, ast.Name):
            assigned = self.assignments(node, node.id)
            first = assigned[0] if len(assigned) == 1 else None
        return self.beginning(first, depth + 1) if first is not None else ""

    def _collect(self, module: ast.Module) -> None:
        pending: list[tuple[ast.AST, Function | None]] = [(module, None)]
        while pending:
            node, scope = pending.pop()
            if node is not module:
                self._scope[node] = scope
                self._note(node, scope)
            inner = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
            pending.extend([(child, inner) for child in ast.iter_child_nodes(node)][::-1])

    def _note(self, node: ast.AST, scope: Function | None) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value, scope)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            self._assign(node.target, node.value, scope)
        elif isinstance(node, ast.AugAssign):
            self._assign(node.target, None, scope)
        elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
            self._looped[scope, node.target.id].append(node.iter)
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, item.context_expr, scope)
        elif isinstance(node, ast.Call):
            self._note_call(node)

    def _note_call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            self._calls[node.func.id].append(node)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        default = next((k.value for k in node.keywords if k.arg == "default"), None)
        if called in {"add_argument", "option"} and default is not None:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    self._options[argument.value.lstrip("-").replace("-", "_")].append(default)

    def _assign(self, target: ast.expr, value: ast.expr | None, scope: Function | None) -> None:
        if isinstance(target, ast.Name):
            self._assigned[scope, target.id].append(value)
            if scope is None:
                self._attributes[target.id].append(value)
        elif isinstance(target, ast.Attribute):
            self._attributes[target.attr].append(value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            known = len(values) == len(target.elts)
            for number, part in enumerate(target.elts):
                self._assign(part, values[number] if known else None, scope)

    def _name(self, node: ast.Name, depth: int) -> Constants:
        key = self._scope.get(node), node.id
        if key not in self._names:
            self._names[key] = UNKNOWN  # as in `of`
            self._names[key] = self._named(*key, depth)
        return self._names[key]

    def _named(self, scope: Function | None, name: str, depth: int) -> Constants:
        for where in dict.fromkeys((scope, None)):
            loops = self._looped.get((where, name))
            assigned = self._assigned.get((where, name))
            if loops and not assigned:
                return self._union((self._elements(e, depth + 1) for e in loops), sure=len(loops) == 1)
            if assigned:
                return self._union((self.of(e, depth + 1) for e in assigned), sure=len(assigned) == 1)
            if where is not None:
                found = self._parameter(where, name, depth)
                if found is not None:
                    return found
        return UNKNOWN

    def _parameter(self, function: Function, name: str, depth: int) -> Constants | None:
        parameter = self.parameters(function).get(name)
        if parameter is None:
            return None
        given = (self._argument(call, parameter) for call in self._calls.get(function.name, []))
        if function.name in self._calls:
            return self._union((self.of(e, depth + 1) for e in given), sure=True)
        option = self._options.get(name, [])
        default = [] if parameter.default is None else [parameter.default]
        return self._union((self.of(e, depth + 1) for e in (*option, *default)), sure=False)

    def parameters(self, function: Function) -> dict[str, _Parameter]:
        """The parameters of a function by their names."""
        if function not in self._parameters:
            arguments = function.args
            positional = [*arguments.posonlyargs, *arguments.args]
            defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
            found = {
                argument.arg: _Parameter(argument.arg, position, default, argument.annotation)
                for position, (argument, default) in enumerate(
                    zip(positional, [*defaults, *arguments.defaults], strict=True)
                )
            }
            for argument, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
                found[argument.arg] = _Parameter(argument.arg, None, given, argument.annotation)
            self._parameters[function] = found
        return self._parameters[function]

    def _argument(self, call: ast.Call, parameter: _Parameter) -> ast.expr | None:
        if call not in self._keywords:
            self._keywords[call] = {keyword.arg: keyword.value for keyword in reversed(call.keywords)}
        if parameter.name in self._keywords[call]:
            return self._keywords[call][parameter.name]
        if parameter.position is not None and parameter.position < len(call.args):
            found = call.args[parameter.position]
            return None if isinstance(found, ast.Starred) else found
        return parameter.default

    def _attribute(self, node: ast.Attribute, depth: int) -> Constants:
        name = node.attr
        if name not in self._named_attributes:
            self._named_attributes[name] = UNKNOWN  # as in `of`
            assigned = self._attributes.get(name)
            options = assigned or self._options.get(name) or []
            sure = len(options) == 1 if assigned else False
            self._named_attributes[name] = self._union((self.of(e, depth + 1) for e in options), sure=sure)
        return self._named_attributes[name]

    def _item(self, node: ast.Subscript, depth: int) -> Constants:
        keys = self.of(node.slice, depth + 1).values
        mapping: ast.expr | None = node.value
        if isinstance(mapping, ast.Name):
            assigned = self.assignments(mapping, mapping.id)
            mapping = assigned[0] if len(assigned) == 1 else None
        if not isinstance(mapping, ast.Dict) or not keys:
            return UNKNOWN
        if mapping not in self._entries:
            entries: dict[object, list[ast.expr]] = defaultdict(list)
            for key, value in zip(mapping.keys, mapping.values, strict=True):
                if isinstance(key, ast.Constant):
                    entries[key.value].append(value)
            self._entries[mapping] = entries
        chosen = (value for key in keys for value in self._entries[mapping].get(key, []))
        return self._union((self.of(e, depth + 1) for e in chosen), sure=True)

    def _call(self, node: ast.Call, depth: int) -> Constants:
        if spelled(node.func) in _ENVIRONMENT:
            default = node.args[1] if len(node.args) > 1 else None
            return Constants(self.of(default, depth + 1).values, sure=False)
        if isinstance(node.func, ast.Name) and node.func.id == "str" and len(node.args) == 1:
            return self.of(node.args[0], depth + 1)
        default = next((k.value for k in node.keywords if k.arg == "default"), None)
        if default is None and spelled(node.func) in {"typer.Option", "typer.Argument", "Field", "field"} and node.args:
            default = node.args[0]
        return Constants(self.of(default, depth + 1).values, sure=False)

    def _formatted(self, node: ast.JoinedStr, depth: int) -> Constants:
        return self._joined([p.value if isinstance(p, ast.FormattedValue) else p for p in node.values], depth)

    def _sum(self, node: ast.BinOp, depth: int) -> Constants:
        return self._joined([node.left, node.right], depth) if isinstance(node.op, ast.Add) else UNKNOWN

    def _or(self, node: ast.BoolOp, depth: int) -> Constants:
        return self._either(node.values, depth) if isinstance(node.op, ast.Or) else UNKNOWN

    def _joined(self, parts: list[ast.expr], depth: int) -> Constants:
        found = [self.of(p, depth + 1) for p in parts]
        longest = sum(max((len(str(v)) for v in f.values), default=0) for f in found)
        self.budget.spend(_STEPS * len(parts) + longest)
        if any(not f.values for f in found) or longest > _LONGEST:
            return UNKNOWN
        combinations = islice(product(*(f.values for f in found)), _MOST + 1)
        texts = tuple(dict.fromkeys("".join(str(v) for v in c) for c in combinations))
        return Constants(texts[:_MOST], len(texts) <= _MOST and all(f.sure for f in found))

    def _either(self, parts: list[ast.expr], depth: int) -> Constants:
        found = self._union((self.of(p, depth + 1) for p in parts), sure=False)
        return Constants(tuple(v for v in found.values if v is not None), sure=False)

    def _elements(self, node: ast.expr, depth: int) -> Constants:
        if isinstance(node, ast.Name):
            assigned = self.assignments(node, node.id)
            node = assigned[0] if len(assigned) == 1 and assigned[0] is not None else node
        if node not in self._of_elements:
            self._of_elements[node] = UNKNOWN  # as in `of`
            elements: Sequence[ast.expr | None] = ()
            if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
                elements = node.elts
            elif isinstance(node, ast.Dict):
                elements = node.keys
            self._of_elements[node] = self._union((self.of(e, depth + 1) for e in elements), sure=True)
        return self._of_elements[node]

    def _union(self, found: Iterator[Constants], *, sure: bool) -> Constants:
        """All that several expressions can be; of more than `_MOST` values the first, and then not surely."""
        values: dict[object, None] = {}
        count = 0
        for options in found:
            count += 1
            self.budget.spend(len(options.values) + 1)
            values.update(dict.fromkeys(options.values))
            sure = sure and options.sure
            if len(values) > _MOST:
                return Constants(tuple(values)[:_MOST], sure=False)
        return Constants(tuple(values), sure and count > 0)


def spelled(node: ast.expr) -> str:
    """A dotted name as written, `a.b.c`; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _DEPTH:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
