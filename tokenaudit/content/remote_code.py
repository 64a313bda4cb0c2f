"""Which code of a repository runs on load, and whether it changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.model import Rule, Severity

CHANGED = Rule(
    id="content-remote-code-changed",
    title="Code that runs on load changed",
    severity=Severity.MEDIUM,
    why="Everyone who loads the repository with `trust_remote_code=True` and without a pinned revision runs the new "
    "code, with their token in its environment.",
    remedy="Review the change line by line. Load with `revision=` set to the last good commit until then.",
    bad="`modeling_acme.py`, named by `auto_map`, modified since the exposure.",
    good="The same file, unchanged since before the exposure.",
    references=("https://huggingface.co/docs/transformers/main/en/custom_models",),
)
RULES = (CHANGED,)

_CONFIGS = frozenset(
    {
        "config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json",
        "video_preprocessor_config.json", "generation_config.json", "image_processor_config.json",
        "feature_extractor_config.json", "adapter_config.json",
    }
)  # fmt: skip
"""Files in which `auto_map` or `custom_pipelines` names code; source: transformers' `dynamic_module_utils`."""
_RELATIVE = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<dots>\.+)(?P<module>[\w.]*)[ \t]+import[ \t]+(?P<names>[\w, ()*]+)|"
    r"import[ \t]+\.(?P<plain>\w+))",
    re.MULTILINE,
)
"""Relative imports as transformers finds them: with a regular expression, not by parsing."""
_LARGEST = 1 << 20
_MOST_FILES = 200


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """A finding for a changed, added or deleted file that runs on load. Deleting one can't run anything."""
    del content
    if change.after is None or not change.path.endswith(".py") or repository.type == "space":
        return
    why = runs_on_load(change.path, repository)
    if why is None:
        return
    verb = "added" if change.before is None else "changed"
    yield finding(CHANGED, f"code was {verb} that {why.removeprefix('it ')}", risk="executes")


def runs_on_load(path: str, repository: RepositoryFacts) -> str | None:  # noqa: PLR0911 - one a kind of code
    """What runs the file when the repository is used; None if nothing does.

    Reads the configuration files and the Python files of the version after.
    """
    name = PurePosixPath(path).name
    if repository.type == "space":
        return (
            "it runs in the Space" if path.endswith((".py", ".sh")) or name.lower().startswith("dockerfile") else None
        )
    if not path.endswith(".py"):
        return None
    if path == "handler.py":
        return "it runs in every Inference Endpoint of the model"
    if path == "custom_generate/generate.py":
        return "it runs when the model generates with trust_remote_code"
    if repository.type == "kernel":
        return "it runs when the kernel is loaded"
    if repository.type == "dataset" and "/" not in path and name == f"{repository.id.rpartition('/')[2]}.py":
        return "it runs in `load_dataset` of datasets before 4.0"
    if path == "pipeline.py" and "model_index.json" in repository.after:
        return "it runs as a custom pipeline of diffusers"
    return _loaded(repository).get(path)


def _loaded(repository: RepositoryFacts) -> Mapping[str, str]:
    """Files that run on load, and what runs them."""
    key = tuple(sorted((path, v.content_id) for path, v in repository.after.items() if _matters(path)))
    return _loaded_by_content(key, _Files(repository.after))


class _Files:
    """The files of a repository. All instances are equal, because the cache's key is the content."""

    def __init__(self, files: Mapping[str, FileVersion]) -> None:
        self.files = files

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Files)

    def text(self, path: str) -> str:
        version = self.files.get(path)
        if version is None or version.size > _LARGEST:
            return ""
        with version.open() as file:
            return file.read(_LARGEST).decode("utf-8", "replace")


@lru_cache(maxsize=16)
def _loaded_by_content(key: tuple[tuple[str, str | None], ...], files: _Files) -> Mapping[str, str]:
    paths = {path for path, _ in key}
    found: dict[str, str] = {}
    pending: list[tuple[str, str]] = []
    for path in sorted(paths):
        if path.endswith(".json"):
            pending += [
                (module, f"it runs on load with trust_remote_code ({path})")
                for module in _modules(path, files.text(path))
            ]
    while pending and len(found) < _MOST_FILES:
        path, why = pending.pop()
        if path in found or path not in paths:
            continue
        found[path] = why
        pending += [(imported, why) for imported in _relative_imports(path, files.text(path))]
    return found


def _matters(path: str) -> bool:
    return path.endswith(".py") or PurePosixPath(path).name in {*_CONFIGS, "model_index.json", "modules.json"}


def _modules(path: str, text: str) -> Iterator[str]:
    """Python files that a configuration names as code to load."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return
    folder = path.rpartition("/")[0]
    for reference in code_references(PurePosixPath(path).name, config):
        if "--" not in reference:
            module = reference.rpartition(".")[0] or reference
            yield f"{folder}/{module.replace('.', '/')}.py".lstrip("/")


def code_references(name: str, config: object) -> Iterator[str]:  # noqa: C901 - one branch a key
    """The values in a configuration that name code of a repository: `module.Class` or `owner/repo--module.Class`."""
    if name == "modules.json" and isinstance(config, list):
        for module in config:
            kind = module.get("type") if isinstance(module, dict) else None
            if isinstance(kind, str) and not kind.startswith("sentence_transformers."):
                yield kind
    if not isinstance(config, dict):
        return
    auto_map = config.get("auto_map")
    for value in auto_map.values() if isinstance(auto_map, dict) else ():
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))
    pipelines = config.get("custom_pipelines")
    for value in pipelines.values() if isinstance(pipelines, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("impl"), str):
            yield value["impl"]
    if name == "model_index.json":
        for key, value in config.items():
            if isinstance(value, list) and len(value) > 1 and all(isinstance(v, str) for v in value[:2]):
                module = value[0] if key == "_class_name" else f"{key}/{value[0]}"
                yield f"{module}.{value[1]}"


def _relative_imports(path: str, text: str) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    for match in _RELATIVE.finditer(text):
        module, names, plain = match["module"], match["names"] or "", match["plain"]
        base = PurePosixPath(folder, *[".."] * (len(match["dots"] or ".") - 1))
        targets = [plain or module]
        if not targets[0]:
            targets = [words[0] for name in names.strip("() ").split(",") if (words := name.split())]
        for target in targets:
            inner = _normal(f"{base}/{target.replace('.', '/')}")
            yield f"{inner}.py"
            yield f"{inner}/__init__.py"


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
