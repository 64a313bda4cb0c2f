"""The arguments of one Python call, and the entity they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tokenaudit.code_usage.calls import BUILDERS, Call
from tokenaudit.code_usage.constant_folding import UNKNOWN, Options, Values
from tokenaudit.code_usage.import_resolution import Origins
from tokenaudit.model import Entity

_REPOSITORY = re.compile(r"[\w.-]{1,96}(?:/[\w.-]{1,96})?")
_LOCAL = re.compile(
    r"[./~]|.*\\|.*/.*/|.*\.(?:pt|pth|bin|json|jsonl|safetensors|gguf|csv|parquet|py|onnx|ckpt)$", re.DOTALL
)
_LIKE_A_TOKEN = re.compile(r"(?:hf_|api_)[A-Za-z_]{20,}")


class Arguments:
    """The arguments of a call by name or position, with constants followed."""

    def __init__(self, call: ast.Call, values: Values, origins: Origins) -> None:
        self.call = call
        self.values = values
        self._origins = origins
        self._keywords = {k.arg: k.value for k in call.keywords if k.arg}

    def has(self, name: str) -> bool:
        """Whether it is given by name."""
        return name in self._keywords

    def node(self, name: str, position: int | None = None) -> ast.expr | None:
        """The expression given for a parameter."""
        if name in self._keywords:
            return self._keywords[name]
        if position is None or position >= len(self.call.args):
            return None
        given = self.call.args[position]
        return None if isinstance(given, ast.Starred) else given

    def options(self, name: str, position: int | None = None) -> Options:
        """What a parameter can be."""
        node = self.node(name, position)
        if isinstance(node, ast.Attribute) and node.attr in {"repo_id", "repo_name"}:
            created = self._created(node.value)
            if created is not None:
                return Arguments(created, self.values, self._origins).options("repo_id", 0)
        return self.values.of(node)

    def is_true(self, name: str) -> bool:
        """Whether a flag is certainly set."""
        return self.options(name) == Options((True,), sure=True)

    def may_be_true(self, name: str) -> bool:
        """Whether a flag is set or can't be known."""
        found = self.options(name)
        return self.has(name) and (not found.sure or True in found.values)

    def spread(self) -> bool:
        """Whether `**something` may hold more arguments than can be seen."""
        return any(k.arg is None for k in self.call.keywords)

    def texts(self) -> Iterator[str]:
        """Every constant text among the arguments."""
        for node in (*self.call.args, *(k.value for k in self.call.keywords)):
            parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
            for part in parts:
                yield from self.values.of(part).texts()

    def _created(self, node: ast.expr) -> ast.Call | None:
        """The `create_repo` call whose result `node` is."""
        if isinstance(node, ast.Name):
            assigned = self.values.assignments(node, node.id)
            node = assigned[0] if len(assigned) == 1 and assigned[0] is not None else node
        if isinstance(node, ast.Call) and self._origins.of(node.func).endswith("create_repo"):
            return node
        return None


def entities(row: Call, arguments: Arguments, *, skip_local: bool = False) -> Iterator[tuple[Entity | None, bool]]:
    """What a call is about and whether that is certain: a pair for each possibility, one without entity if unknown."""
    if row.on in {"nothing", "user"}:
        yield (Entity("user") if row.on == "user" else None), True
        return
    if row.on == "namespace" and arguments.node(row.parameter, row.position) is None:
        yield Entity("user"), not arguments.spread()
        return
    found = arguments.options(row.parameter, row.position)
    names = [n for n in found.texts() if not (skip_local and is_local(n))]
    if found.values and not names:
        return
    if not names:
        yield None, False
    for name in names:
        yield from _named(row, name, arguments, found.sure)


def is_local(name: str) -> bool:
    """Whether a name given to a loader is a path or a generic builder instead of a repository."""
    return bool(_LOCAL.match(name)) or name in BUILDERS or not name


def is_repository(name: str) -> bool:
    """Whether `name` can be a repository's; a credential that stands in its place is none."""
    return bool(_REPOSITORY.fullmatch(name)) and not _LIKE_A_TOKEN.match(name)


def _named(row: Call, name: str, arguments: Arguments, sure: bool) -> Iterator[tuple[Entity | None, bool]]:  # noqa: FBT001 - the certainty travels as data
    if not is_repository(name):
        yield None, False
    elif row.on == "owner":
        yield (Entity("namespace", name.partition("/")[0]) if "/" in name else Entity("user")), sure
    elif row.on == "slug":
        yield Entity("namespace", name.partition("/")[0]), sure
    elif row.on == "namespace":
        yield Entity("namespace", name), sure
    elif row.on == "repo":
        kinds = arguments.options("repo_type") if arguments.has("repo_type") else Options((None,), sure=True)
        for kind in kinds.values or UNKNOWN.values or ("repository",):
            yield Entity(str(kind or "model"), name), sure and kinds.sure
    else:
        yield Entity(row.on, name), sure
