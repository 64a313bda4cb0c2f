"""Measures of the package's structure, read from the imports: `python -m tests.structure.measure` prints them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "tokenaudit"
GROUND = "ground"
"""The package that the top-level modules belong to: they know none of the others."""

ABOVE = frozenset({"tokenaudit", "tokenaudit.__main__", "tokenaudit.rule_index"})
"""Top-level modules that bring the packages together, and are therefore not part of the ground."""


@dataclass(frozen=True)
class Structure:
    """Modules by dotted name, the modules and libraries each one imports, and the public types each one defines."""

    modules: Mapping[str, Path]
    imports: Mapping[str, frozenset[str]]
    libraries: Mapping[str, frozenset[str]]
    types: Mapping[str, tuple[str, ...]]
    lazy_imports: int

    @property
    def packages(self) -> dict[str, set[str]]:
        """The packages that each package imports; packages are the folders directly below `tokenaudit/`."""
        edges: dict[str, set[str]] = defaultdict(set)
        for module, imported in self.imports.items():
            if module in ABOVE:
                continue
            edges[package_of(module)] |= {package_of(name) for name in imported if name not in ABOVE}
        return {name: targets - {name} for name, targets in edges.items()}

    @property
    def package_edges(self) -> int:
        """How many pairs of packages there are in which one imports the other."""
        return sum(len(targets) for targets in self.packages.values())

    @property
    def levels(self) -> int:
        """The number of packages on the longest chain of imports."""
        return 1 + max(level(name, self.packages) for name in self.packages)

    def cycles(self) -> list[tuple[str, ...]]:
        """Groups of modules that import each other, in whatever roundabout way."""
        return [tuple(sorted(group)) for group in _components(self.imports) if len(group) > 1]

    def shared_names(self) -> dict[str, list[str]]:
        """Public types whose name more than one module defines, with those modules."""
        found = defaultdict(list)
        for module, names in self.types.items():
            for name in names:
                found[name].append(module)
        return {name: modules for name, modules in found.items() if len(modules) > 1}


def package_of(module: str) -> str:
    """The package that a module belongs to."""
    parts = module.split(".")
    is_package = len(parts) > 1 and (ROOT / PACKAGE / parts[1]).is_dir()
    return parts[1] if is_package else GROUND


def read_structure(root: Path = ROOT) -> Structure:
    """Reads every module below `tokenaudit/`; nothing is imported."""
    modules = dict(sorted(_modules(root)))
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in modules.items()}
    return Structure(
        modules=modules,
        imports={name: frozenset(_imported(tree, modules)) - {name} for name, tree in trees.items()},
        libraries={name: frozenset(_libraries(tree)) for name, tree in trees.items()},
        types={name: tuple(_public_types(tree)) for name, tree in trees.items()},
        lazy_imports=sum(len(re.findall(r"noqa:[^\n]*PLC0415", path.read_text("utf-8"))) for path in modules.values()),
    )


def level(name: str, packages: Mapping[str, set[str]]) -> int:
    """How many packages lie below this one, on the longest chain of imports."""
    return max((1 + level(each, packages) for each in packages.get(name, ())), default=0)


def _modules(root: Path) -> Iterator[tuple[str, Path]]:
    for path in (root / PACKAGE).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imported(tree: ast.Module, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module


def _libraries(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _public_types(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
            name = ast.unparse(node.target)
            if not name.startswith("_"):
                yield name


def _components(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for each in graph.get(name, ()):
            if each not in index:
                visit(each)
                low[name] = min(low[name], low[each])
            elif each in stack:
                low[name] = min(low[name], index[each])
        if low[name] == index[name]:
            at = stack.index(name)
            found.append(stack[at:])
            del stack[at:]

    for name in graph:
        if name not in index:
            visit(name)
    return found


if __name__ == "__main__":
    from tests.structure.follow import files_of_finding

    structure = read_structure()
    print(f"modules {len(structure.modules)}, levels {structure.levels}, edges {structure.package_edges}")  # noqa: T201 - prints
    print(f"lazy imports {structure.lazy_imports}, cycles {structure.cycles()}")  # noqa: T201 - as above
    print(f"shared names {structure.shared_names()}")  # noqa: T201 - as above
    with TemporaryDirectory() as folder:
        print(f"files of a finding {len(files_of_finding(Path(folder) / 'repository'))}")  # noqa: T201 - as above
    for package, below in sorted(structure.packages.items()):
        print(f"{package}: {' '.join(sorted(below))}")  # noqa: T201 - as above
