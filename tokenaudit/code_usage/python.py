"""Needs of a Python module, from its syntax tree. No code is run or imported."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

from tokenaudit.code_usage.calls import (
    DATASET_LIBRARIES,
    DATASETS,
    HUB,
    MODEL_LIBRARIES,
    Arguments,
    CallNeeds,
    entities,
    is_repository,
)
from tokenaudit.code_usage.libraries import library_needs
from tokenaudit.code_usage.model import Need, Needs, unique
from tokenaudit.code_usage.shell import shell_needs
from tokenaudit.constant_folding import ConstantFolder, Constants
from tokenaudit.import_resolution import ImportResolver
from tokenaudit.model import Certainty, Entity, Evidence
from tokenaudit.permissions import WRITE
from tokenaudit.work_budget import WorkBudget

_TARGETS = ("repo_id", "repo_path_or_name", "hub_model_id", "push_to_hub_model_id")
_METHODS = frozenset(
    {"push_to_hub", "push_to_hub_merged", "push_to_hub_gguf", "push_to_hub_fastai", "push_to_hub_keras", "save_to_hub"}
)
_MOST = 32
"""Targets of trainers that a `push_to_hub` without arguments is taken for."""
_OF_DATASETS = ("split", "config_name", "num_shards", "data_dir", "max_shard_size", "embed_external_files")


class PushReader:
    """Reads pushes of one module."""

    def __init__(self, values: ConstantFolder, origins: ImportResolver) -> None:
        self._values = values
        self._origins = origins
        self._trained: dict[Need, None] = {}

    def needs(self, origin: str, name: str, arguments: Arguments) -> Iterator[Need]:
        """What a call needs if it pushes, nothing otherwise."""
        if name in _METHODS and not isinstance(arguments.call.func, ast.Call):
            yield from self._pushed(origin, name, arguments)
        elif arguments.has("push_to_hub") and arguments.may_be_true("push_to_hub"):
            certain = arguments.is_true("push_to_hub")
            found = [n if certain else n.doubted() for n in self._training(arguments)]
            self._trained.update(dict.fromkeys(found[: _MOST - len(self._trained)]))
            yield from found

    def _pushed(self, origin: str, name: str, arguments: Arguments) -> Iterator[Need]:
        if self._is_trainer(origin, arguments):
            # The trainer's own arguments, read where they stand, name the repository.
            yield from self._trained or [Need(WRITE, None, "perhaps")]
            return
        position = 1 if name in {"push_to_hub_fastai", "push_to_hub_keras"} else 0
        found = self._target(arguments, position)
        kind, certain = self._kind(origin, arguments)
        yield from _to(found, kind, "needed" if certain else "perhaps", arguments)

    def _training(self, arguments: Arguments) -> Iterator[Need]:
        found = self._target(arguments, None)
        organization = arguments.options("push_to_hub_organization").texts()
        if not any(arguments.has(t) for t in _TARGETS):
            folder = arguments.options("output_dir", 0)
            if not folder.values:
                folder = arguments.options("save_directory", 0)
            owner = f"{organization[0]}/" if len(organization) == 1 else ""
            names = tuple(owner + t.rstrip("/").rsplit("/", 1)[-1] for t in folder.texts())
            found = Constants(names, folder.sure)
        yield from _to(found, "model", "needed", arguments)

    @staticmethod
    def _target(arguments: Arguments, position: int | None) -> Constants:
        for name in _TARGETS:
            if arguments.has(name):
                return arguments.options(name)
        return arguments.options("repo_id", position)

    def _is_trainer(self, origin: str, arguments: Arguments) -> bool:
        receiver = arguments.call.func.value if isinstance(arguments.call.func, ast.Attribute) else None
        if isinstance(receiver, ast.Name) and receiver.id.lower().endswith("trainer"):
            return True
        return "Trainer()" in origin

    def _kind(self, origin: str, arguments: Arguments) -> tuple[str, bool]:
        library = origin.split(".", 1)[0]
        if library in DATASET_LIBRARIES:
            return "dataset", True
        if library in MODEL_LIBRARIES or library == "huggingface_hub":
            return "model", True
        if any(arguments.has(n) for n in _OF_DATASETS[:3]):
            return "dataset", True
        data = bool(self._origins.libraries & DATASET_LIBRARIES)
        models = bool(self._origins.libraries & MODEL_LIBRARIES)
        if data and not models:
            return "dataset", True
        return "model", models and not data


def _to(found: Constants, kind: str, certainty: Certainty, arguments: Arguments) -> Iterator[Need]:
    permission = "discussion.write" if arguments.is_true("create_pr") else WRITE
    names = [n for n in found.texts() if is_repository(n)]
    if not names:
        yield Need(permission, None, "perhaps")
    for name in names:
        yield Need(permission, Entity(kind, name), certainty if found.sure else "perhaps")


_WORTH_PARSING = re.compile(
    rb"hugging|from_pretrained|push_to_hub|load_dataset|\bhf\b|hf_hub|hf-hub|SentenceTransformer|CrossEncoder|"
    rb"\bvllm\b|gradio_client|WhisperModel|transformers|smolagents"
)
_TELLING = frozenset(
    {"upload_folder", "upload_file", "upload_large_folder", "create_commit", "hf_hub_download", "snapshot_download"}
)
"""Names that mean the Hub even on an object of unknown origin."""


def python_needs(path: str, data: bytes, budget: WorkBudget) -> Needs:
    """What a `.py` file needs.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    if not _WORTH_PARSING.search(data):
        return Needs()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            module = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = f"{path}: not valid Python{line}; required permissions unknown"
        return Needs(unparsed=(reason,)) if isinstance(error, (SyntaxError, ValueError)) else Needs(skipped=(reason,))
    reader = _Reader(path, module, budget)
    evidence = unique(reader.evidence())
    return Needs(evidence, unparsed=tuple(reader.unparsed))


class _Reader:
    def __init__(self, path: str, module: ast.Module, budget: WorkBudget) -> None:
        self._path = path
        self._calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
        self._values = ConstantFolder(module, budget)
        self._origins = ImportResolver(module, self._values)
        self._pushes = PushReader(self._values, self._origins)
        self._hub_names = any(star.startswith("huggingface_hub") for star in self._origins.stars)
        self.unparsed: list[str] = []

    def evidence(self) -> Iterator[Evidence]:
        for call in self._calls:
            origin, name = self._called(call)
            arguments = Arguments(call, self._values, self._origins)
            for need in self._needs(origin, name, arguments):
                yield need.at(self._path, call.lineno, _shown(name or origin, need))

    def _called(self, call: ast.Call) -> tuple[str, str]:
        """The full name of what is called, as far as known, and its last part."""
        origin = self._origins.of(call.func)
        if isinstance(call.func, ast.Attribute):
            return origin, call.func.attr
        if not isinstance(call.func, ast.Name):
            return origin, ""
        if not origin and self._hub_names:
            origin = f"huggingface_hub.{call.func.id}" if call.func.id in HUB else ""
        return origin, origin.rsplit(".", 1)[-1] if origin and not origin.endswith("()") else call.func.id

    def _needs(self, origin: str, name: str, arguments: Arguments) -> Iterator[Need]:
        library = origin.split(".", 1)[0]
        if name == "getattr" and self._is_hub(arguments.call):
            where = f"{self._path}:{arguments.call.lineno}"
            self.unparsed.append(f"{where}: huggingface_hub is used through getattr; called functions unknown")
        elif library == "huggingface_hub" and name in HUB and "HfFileSystem" not in origin:
            yield from _from_table(HUB[name], name, arguments)
        elif not origin and name in _TELLING and (arguments.has("repo_id") or name.endswith("download")):
            yield from (n.doubted() for n in _from_table(HUB[name], name, arguments))
        elif library == "datasets" and name in DATASETS:
            yield from _from_table(DATASETS[name], name, arguments, readable=True)
        yield from self._pushes.needs(origin, name, arguments)
        yield from library_needs(origin, name, arguments)

    def _is_hub(self, call: ast.Call) -> bool:
        return (
            len(call.args) > 1
            and not isinstance(call.args[1], ast.Constant)
            and self._origins.of(call.args[0]).startswith("huggingface_hub")
        )


def _from_table(
    rows: tuple[CallNeeds, ...], name: str, arguments: Arguments, *, readable: bool = False
) -> Iterator[Need]:
    for row in rows:
        need = row.need
        if need == WRITE and arguments.is_true("create_pr"):
            need = "discussion.write"
        sure = row.sure and not (name.startswith(("create_repo", "create_bucket")) and arguments.is_true("exist_ok"))
        for entity, certain in entities(row, arguments, skip_local=readable):
            yield Need(need, entity, "needed" if certain and sure else "perhaps")


def _shown(name: str, need: Need) -> str:
    """The call in short. Arguments are never quoted: one of them may be a credential."""
    return f'{name}("{need.entity.name}")' if need.entity and need.entity.name else f"{name}(…)"


_SHELL_CELL = re.compile(r"%%(?:bash|sh|script)\b")
_MAGIC = re.compile(r"(\s*)[!%]")


def notebook_needs(path: str, data: bytes, budget: WorkBudget) -> Needs:
    """What a notebook needs. Lines count in its code, cell after cell, because the lines of the file are JSON.

    All cells are parsed as one module, because names persist between cells; a cell that can't be parsed is left out and
    reported.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    try:
        notebook: Any = json.loads(data)
        cells = [_source(c) for c in notebook["cells"] if c.get("cell_type") == "code"]
    except RecursionError:
        return Needs(skipped=(f"{path}: nested too deeply; required permissions unknown",))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Needs(unparsed=(f"{path}: not a valid notebook; required permissions unknown",))
    shell: list[tuple[int, str]] = []
    python: list[str] = []
    unparsed: list[str] = []
    start = 0
    for number, cell in enumerate(cells, start=1):
        code = _blank(cell) if _SHELL_CELL.match(cell) else _without_magics(cell)
        shell += [(start + at, text) for at, text in _shell_lines(cell)]
        if not _parses(code):
            unparsed.append(f"{path}: cell {number} is not valid Python; required permissions unknown")
            code = _blank(cell)
        python.append(code)
        start += code.count("\n") + 1
    found = python_needs(path, "\n".join(python).encode("utf-8", "surrogatepass"), budget)
    evidence: list[Evidence] = list(found.evidence)
    skipped = list(found.skipped)
    for at, text in shell:
        run = shell_needs(path, text, budget, first_line=at + 1, python=python_needs)
        evidence += run.evidence
        skipped += run.skipped
    return Needs(unique(evidence), tuple(skipped), (*unparsed, *found.unparsed))


def _source(cell: Any) -> str:  # noqa: ANN401 - a node of a JSON document
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _blank(cell: str) -> str:
    return "\n" * cell.count("\n")


def _without_magics(cell: str) -> str:
    return "\n".join(
        _MAGIC.sub(r"\1pass  #", line, count=1) if _MAGIC.match(line) else line for line in cell.split("\n")
    )


def _shell_lines(cell: str) -> list[tuple[int, str]]:
    if _SHELL_CELL.match(cell):
        return [(1, cell.partition("\n")[2])]
    found = []
    for number, line in enumerate(cell.split("\n")):
        stripped = line.strip()
        if stripped.startswith("!"):
            found.append((number, re.sub(r"\{(\w+)\}", r"$\1", stripped.lstrip("!"))))
        elif stripped.startswith(("%sx ", "%system ")):
            found.append((number, stripped.partition(" ")[2]))
    return found


def _parses(code: str) -> bool:
    try:
        compile(code, "cell", "exec", flags=0x400 | 0x2000, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
