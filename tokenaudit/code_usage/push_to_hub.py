"""`push_to_hub`, in its many forms: methods of models and datasets, trainers and their arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tokenaudit.code_usage.calls import DATASET_LIBRARIES, MODEL_LIBRARIES, Arguments, is_repository
from tokenaudit.code_usage.constant_folding import ConstantFolder, Constants
from tokenaudit.code_usage.import_resolution import ImportResolver
from tokenaudit.code_usage.model import Need
from tokenaudit.model import Certainty, Entity
from tokenaudit.permissions import WRITE

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
