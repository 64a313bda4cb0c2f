"""Load detect-secrets plugins: the built-in ones and additional files. Inline ignore comments are off by default."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, GenericAlias, ModuleType
from typing import Any, NamedTuple, cast

from tokenaudit.detect.patterns import LONGEST_SHAPE, Shape
from tokenaudit.errors import ConfigurationError
from tokenaudit.file_access import read_argument
from tokenaudit.interfaces import Detection, Scanner, ScanResult
from tokenaudit.model import Likelihood
from tokenaudit.text import one_line


class Candidate(NamedTuple):
    """A plugin's match: `text[start:end] == value`."""

    kind: str
    start: int
    end: int
    likelihood: Likelihood
    value: str

    def __repr__(self) -> str:
        return f"{self.kind} at {self.start}"


Find = Callable[[str], Iterator[Candidate]]


class Plugin(NamedTuple):
    """One plugin class. `shape` is None if the plugin declares no literals; all data are then passed to it."""

    name: str
    kind: str
    secret_type: str
    path: Path
    shape: Shape | None

    @property
    def literals(self) -> tuple[str, ...]:
        """Strings, at least one of which occurs in every match; empty if the plugin declares none."""
        return self.shape.literals if self.shape else ()


def shipped() -> Path:
    """Return the path of the built-in plugin file: inside the package if installed, next to it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_plugins" / "huggingface.py"
    return installed if installed.is_file() else package.parent / "plugins" / "huggingface.py"


@cache
def shipped_plugins() -> tuple[Plugin, ...]:
    """Return the built-in plugins; the file is read once per process.

    Raises:
        ConfigurationError: the file can't be read or isn't Python.
    """
    return read_declarations(shipped())


def read_declarations(path: Path) -> tuple[Plugin, ...]:
    """Return the plugins of a file whose declarations are literals, without running the file.

    Importing detect-secrets takes longer than auditing a small repository, so it is delayed until there is evidence.

    Raises:
        ConfigurationError: the file can't be read or isn't Python.
    """
    tree: ast.Module = _compiled(path, ast.PyCF_ONLY_AST)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    found = []
    for node in classes:
        constants = {
            statement.targets[0].id: ast.literal_eval(statement.value)
            for statement in node.body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id in {"secret_type", "kind", "literals", "evidence", "surroundings"}
        }
        shape = Shape(constants["literals"], constants["evidence"], constants.get("surroundings"))
        found.append(Plugin(node.name, constants["kind"], constants["secret_type"], path, shape))
    return tuple(found)


def source(path: Path) -> bytes:
    """Return the content of a plugin file. The content of a pipe is cached, because it can be read only once.

    Raises:
        OSError: the file can't be read.
    """
    if path not in _FROM_PIPES:
        text = read_argument(path, _LARGEST)
        if path.is_file():
            return text
        _FROM_PIPES[path] = text
    return _FROM_PIPES[path]


_FROM_PIPES: dict[Path, bytes] = {}
_LARGEST = 16 << 20


class _Loader(SourceFileLoader):
    """Loader that runs the source that was checked, even if the file has changed since."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        super().__init__(name, _filename(path))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        return self._code


def _filename(path: Path) -> str:
    """Return the file name for a plugin's code. For a pipe it is not a path: a traceback would open it and block."""
    return str(path) if path.is_file() else f"<plugin {path.name}>"


def _compiled(path: Path, flags: int = 0) -> Any:  # noqa: ANN401 - a code object, or with `flags` a tree
    try:
        return compile(source(path), _filename(path), "exec", flags, dont_inherit=True)
    except OSError as error:
        message = f"plugin {path} can't be read ({error.strerror}); check the path"
        raise ConfigurationError(message) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"plugin {path} is not valid Python ({_one_line(error)}); fix the file"
        raise ConfigurationError(message) from None


def run(path: Path) -> tuple[tuple[Plugin, Find], ...]:
    """Run a plugin file and return its plugins, each with the function that finds candidates in a text.

    Raises:
        ConfigurationError: the file can't be read or run, or contains no plugin.
    """
    with _late("requests"):  # detect-secrets needs it only to verify secrets, and it is the slowest import
        from detect_secrets.plugins.base import BasePlugin  # noqa: PLC0415 - slow to import

    module = _module(path)
    classes = [
        value
        for name, value in sorted(vars(module).items())
        if not isinstance(value, GenericAlias)  # in Python 3.10 `isinstance(list[str], type)` is true
        and isinstance(value, type)
        and issubclass(value, BasePlugin)
        and not name.startswith("_")
        and isinstance(getattr(value, "secret_type", None), str)
        and getattr(value, "__module__", "") == module.__name__
    ]
    if not classes:
        message = f"{path} has no detect-secrets plugin; it needs a class derived from BasePlugin with a secret_type"
        raise ConfigurationError(message)
    return tuple(_loaded(each, path) for each in classes)


class _Late(ModuleType):
    """A module that is imported on first access to an attribute."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the module
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _late(name: str) -> Iterator[None]:
    """Make imports of the module `name` lazy inside the `with` statement."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _Late(name)
    try:
        yield
    finally:
        del sys.modules[name]  # later imports are ordinary


def _module(path: Path) -> Any:  # noqa: ANN401 - a module with unknown content
    code = _compiled(path)
    name = f"tokenaudit_plugin_{re.sub('[^a-z0-9]', '_', path.stem.lower())}"
    loader = _Loader(name, path, code)
    module = ModuleType(name)
    if path.is_file():
        module.__file__ = str(path)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin can raise anything and must not end the program
        message = f"plugin {path} can't be loaded ({_one_line(error)}); fix the file"
        raise ConfigurationError(message) from None
    return module


def _loaded(found: type, path: Path) -> tuple[Plugin, Find]:
    secret_type = cast("str", found.secret_type)  # type: ignore[attr-defined]  # checked by the caller
    try:
        instance = found()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - see `_module`
        message = f"plugin {found.__name__} of {path} can't be created without arguments ({_one_line(error)})"
        raise ConfigurationError(message) from None
    kind = getattr(found, "kind", "") or re.sub("[^a-z0-9]+", "_", secret_type.lower()).strip("_")
    plugin = Plugin(found.__name__, kind, secret_type, path, _shape(found, path))
    if hasattr(instance, "candidates"):
        return plugin, cast("Find", instance.candidates)
    return plugin, _by_analyze_string(kind, instance.analyze_string)


def _shape(found: type, path: Path) -> Shape | None:
    literals = tuple(getattr(found, "literals", ()))
    if not literals:
        return None
    declared = getattr(found, "evidence", "")
    expression = declared or "(?:" + "|".join(map(re.escape, literals)) + ")"
    if not all(isinstance(each, str) and each and len(each) <= LONGEST_SHAPE for each in literals):
        message = f"plugin {found.__name__} of {path}: literals must be strings of 1 to {LONGEST_SHAPE} characters"
        raise ConfigurationError(message)
    return Shape(literals, expression)


def _by_analyze_string(kind: str, analyze: Callable[[str], Iterator[str]]) -> Find:
    """Return a `Find` for a plugin that yields only values: each value is located in its line."""

    def find(text: str) -> Iterator[Candidate]:
        at = 0
        for line in text.splitlines(keepends=True):
            seen: set[str] = set()
            # A Python loop, because a loop in C (such as `list()`) can't be interrupted.
            for value in analyze(line.rstrip("\r\n")):
                start = -1 if value in seen else line.find(value)
                seen.add(value)
                while value and start >= 0:
                    yield Candidate(kind, at + start, at + start + len(value), "credential", value)
                    start = line.find(value, start + len(value))
            at += len(line)

    return find


def _one_line(error: BaseException) -> str:
    return one_line(f"{type(error).__name__}: {error}", 200)


_ON_THE_LINE = re.compile(
    rb"pragma:[ \t]*(?:allow|white)list[ \t]+secret"  # detect-secrets
    rb"|gitleaks:allow|betterleaks:allow|trufflehog:ignore|kingfisher:ignore|ggignore|ggshield-ignore"
    rb"|secretlint-disable-line|tokenaudit:allow",
    re.IGNORECASE,
)
_ON_THE_LINE_BEFORE = re.compile(
    rb"pragma:[ \t]*(?:allow|white)list[ \t]+nextline[ \t]+secret|secretlint-disable-next-line", re.IGNORECASE
)


@dataclass(frozen=True)
class AllowlistFilter:
    """A detector that marks detections on lines with an ignore comment of a scanner as ignored.

    Not used by default: a scanned repository must not be able to suppress findings.
    """

    scanner: Scanner

    def may_contain(self, data: bytes) -> bool:
        """Return the result of the wrapped detector."""
        return self.scanner.may_contain(data)

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        """Return the result of the wrapped detector; `Detection.ignored` for lines with an ignore comment."""
        examined = self.scanner.scan(data, name)
        if not examined.detections:
            return examined
        lines = data.split(b"\n")
        marked = tuple(replace(each, ignored=True) if _allowed(each, lines) else each for each in examined.detections)
        return examined._replace(detections=marked)


def _allowed(detection: Detection, lines: list[bytes]) -> bool:
    if detection.line is None or detection.member is not None or detection.line > len(lines):
        return False
    before = lines[detection.line - 2] if detection.line > 1 else b""
    return bool(_ON_THE_LINE.search(lines[detection.line - 1]) or _ON_THE_LINE_BEFORE.search(before))
