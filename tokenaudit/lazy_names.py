"""Names of a package whose modules are loaded when the name is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of `package`: each name with the module that defines it, relative as in `.module`.

    The package imports the same names under `TYPE_CHECKING`, so that types stay known. No name is that of a module of
    the package: that one would hide it once it is loaded.
    """

    def get(name: str) -> object:
        if name not in modules:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        found: object = getattr(importlib.import_module(modules[name], package), name)
        return found

    return get
