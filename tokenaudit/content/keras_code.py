"""Keras models as zip, HDF5 and JSON: layers that contain a function, and classes from outside Keras."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import Any

from tokenaudit.content.byte_range import ContentBudget, FileRange, LimitReachedError
from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts, Risk
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.detect_format import ZIP_STARTS
from tokenaudit.content.hdf5 import MAGIC, MOST, json_texts
from tokenaudit.content.zip_reader import open_member, read_directory
from tokenaudit.model import Rule, Severity

RULE = Rule(
    id="content-keras-code",
    title="Keras model that runs code when it is loaded",
    severity=Severity.HIGH,
    why="A Lambda layer contains a function as bytecode, and classes and functions outside Keras are imported by name. "
    "`safe_mode` did not stop all of them (CVE-2025-1550, CVE-2025-9905, CVE-2026-1462).",
    remedy="Do not load the model. Pin the last good revision, and replace the layer with a class in your code.",
    bad='`{"class_name": "Lambda", "config": {"function": ["4wEAAAA…"]}}` in `model_config` of model.h5',
    good='`{"module": "keras.layers", "class_name": "Dense", "config": {"units": 8}}`',
    references=("https://keras.io/api/models/model_saving_apis/model_saving_and_loading/",),
)
RULES = (RULE,)

_KERAS = re.compile(
    r"(?:keras|tf_keras|keras_hub|keras_nlp|keras_cv|keras_core|tensorflow\.keras|tensorflow\.python\.keras)(?:\.|\Z)"
)
_FUNCTIONS = re.compile(
    r"(?:keras|tf_keras|tensorflow\.keras)(?:\.src)?\.(?:activations|losses|metrics|initializers|regularizers"
    r"|constraints|ops|optimizers)(?:\.\w+)*"
)
_LOADERS = frozenset({"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
_LOOKUPS = frozenset({"StringLookup", "IntegerLookup", "TextVectorization"})
_OWN_TYPES = frozenset(
    {"__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__tuple__", "__slice__", "__typespec__"}
)
_MEMBERS = ("config.json", "metadata.json")


@dataclass(frozen=True)
class _Part:
    """What a part of a model does. `detail` distinguishes parts with the same reason."""

    risk: Risk
    reason: str
    severity: Severity
    name: str
    detail: str


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Judges the layers that the version before does not have."""
    del repository
    version = change.after
    if version is None:
        return
    texts = list(_texts(version, content))
    if not texts:
        return
    before = {part for text in _texts(change.before, content) for part in _parts(text)} if change.before else set()
    seen: set[str] = set()
    for text in texts:
        for part in _parts(text):
            if part not in before and part.reason not in seen:
                seen.add(part.reason)
                yield finding(
                    RULE,
                    part.reason,
                    risk=part.risk,
                    severity=part.severity,
                    names=(part.name,),
                )


def _texts(version: FileVersion, content: ChangedContent) -> Iterator[str]:
    """The JSON texts that describe the layers of a version."""
    head = content.head(version)
    suffix = PurePosixPath(version.path).suffix.lower()
    if head.startswith(ZIP_STARTS) and suffix in {".keras", ".zip", ""}:
        yield from _zipped(version, content)
    elif head.startswith(MAGIC):
        if version.size > MOST:
            content.skip(f"only the first {MOST:,} bytes of an HDF5 file are examined")
        yield from json_texts(content.read(version, 0, MOST))
    elif PurePosixPath(version.path).name == "keras_metadata.pb":
        yield from json_texts(content.read(version, 0, MOST))
    elif suffix == ".json" and version.size <= content.limits.text_bytes:
        text = content.text(version)
        if text is not None and '"class_name"' in text:
            yield text


def _zipped(version: FileVersion, content: ChangedContent) -> Iterator[str]:
    budget = ContentBudget(content.limits)
    source = FileRange(content.open(version), budget, 0, version.size)
    try:
        found = read_directory(source, budget)
        for member in found.members:
            if member.name in _MEMBERS or (member.name.endswith(".json") and version.path.endswith(".keras")):
                if member.name == "metadata.json":
                    content.refine("keras")
                opened = open_member(source, member, found, budget)
                if opened is not None:
                    yield opened.read(0, content.limits.text_bytes).decode("utf-8", "replace")
    except LimitReachedError as error:
        content.skip(str(error))


def _parts(text: str) -> Iterator[_Part]:
    """What the layers in a JSON text do, in order."""
    collected: list[dict[str, Any]] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Readers disagree on which value of a repeated key counts: all are judged.
        last = dict(pairs)
        collected.append(last)
        if len(last) < len(pairs):
            collected.append(dict(reversed(pairs)))
        return last

    try:
        json.loads(text, object_pairs_hook=collect)
    except ValueError:
        return
    named = (each for each in collected if isinstance(each.get("class_name"), str))
    yield from islice(chain.from_iterable(_part(each, each["class_name"]) for each in named), _MOST_PARTS)


def _part(layer: dict[str, Any], kind: str) -> Iterator[_Part]:
    module = layer.get("module")
    config = layer.get("config")
    if kind in {"Lambda", "__lambda__"} or kind.endswith(">Lambda"):
        yield _Part(
            "executes",
            f"a {kind} layer runs a function that the model contains",
            Severity.CRITICAL,
            kind,
            _detail(config),
        )
    elif kind in _LOADERS:
        yield _Part("executes", f"a {kind} layer loads another program", Severity.HIGH, kind, _detail(config))
    elif kind in _LOOKUPS and isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
        path = config["vocabulary"]
        yield _Part("misleads", f"a {kind} layer reads the file {path}", Severity.HIGH, kind, path)
    elif isinstance(module, str) and module and kind not in _OWN_TYPES:
        name = f"{module}.{config if kind == 'function' and isinstance(config, str) else kind}"
        if kind == "function":
            if not _is_known_function(layer, module, config):
                reason = f"the function {name} is imported when the model is loaded"
                yield _Part("executes", reason, Severity.CRITICAL, name, _detail(config))
        elif not _KERAS.match(module):
            yield _Part(
                "executes",
                f"the class {name} is imported when the model is loaded",
                Severity.HIGH,
                name,
                _detail(config),
            )


_MOST_PARTS = 50


def _detail(config: object) -> str:
    """A digest of the function that a part contains, or of its whole description."""
    function = config.get("function", config) if isinstance(config, dict) else config
    return hashlib.sha256(json.dumps(function, sort_keys=True, default=str).encode()).hexdigest()


_NO_ACTIVATIONS = frozenset(
    ["__import__", "breakpoint", "compile", "eval", "exec", "getattr", "input", "open", "setattr", "vars"]
)
"""Built-in functions of Python."""


def _is_known_function(layer: dict[str, Any], module: str, config: object) -> bool:
    if not isinstance(config, str) or re.fullmatch(r"\w+", config) is None:
        return False
    if module == "builtins":  # the names under which Keras writes its functions
        return layer.get("registered_name") == "function" and config not in _NO_ACTIVATIONS
    return bool(_FUNCTIONS.fullmatch(module))
