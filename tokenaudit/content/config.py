"""New or changed configuration keys that run code, read local files or lead to another repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts, Risk
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.structured_text import (
    Entry,
    UnreadableTextError,
    front_matter,
    is_python_tag,
    json_entries,
    new_entries,
    yaml_entries,
)
from tokenaudit.model import Rule, Severity
from tokenaudit.text import words

RULE = Rule(
    id="content-config-code",
    title="Configuration that runs code",
    severity=Severity.HIGH,
    why="These keys name the code that libraries import, the repository it comes from and local files to open. "
    "Some versions ran the code without `trust_remote_code` (CVE-2026-4372, CVE-2026-5241).",
    remedy="Revert the key. Load with `revision=` set to the last good commit; `code_revision=` pins code that is in "
    "another repository.",
    bad='`"auto_map": {"AutoModel": "other/repo--modeling.Model"}` added to `config.json`.',
    good="The keys as they were before the exposure.",
    references=("https://huggingface.co/docs/transformers/main/en/custom_models",),
)
RULES = (RULE,)

_CONFIG_NAMES = re.compile(
    r"(?:.*[_.-])?config\.json|.*_config\.json|model_index\.json|modules\.json|config_sentence_transformers\.json|"
    r"params\.json|chat_template\.json",
    re.IGNORECASE,
)
_LARGEST_OTHER = 1 << 20
"""Bytes of a JSON file with another name; larger ones are data, vocabularies and indexes, and are not read."""
_REPOSITORY = re.compile(r"[\w][\w.-]*/[\w.-]+(?:[:@][\w.:/-]+)?\Z")
_INTERNAL = frozenset({"_attn_implementation_internal", "_experts_implementation_internal"})
_KERNELS = frozenset(
    {"attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation"}
)
_FILE_KEY = re.compile(r".*_files?\Z|.*_filename\Z|tokenizer_path\Z|spm_path\Z", re.IGNORECASE)
_OUTSIDE = re.compile(r"(?:[/\\~]|[A-Za-z]:[/\\]|file:|\$\{?\w|%\w+%)|(?:.*[/\\])?\.\.(?:[/\\]|\Z)")
_CACHE = re.compile(
    r"\.cache/(?:huggingface|torch)/(?:transformers|hub|tokenizers|sentence_transformers|modules)?/?.*[0-9a-f]{32}"
)
"""Libraries wrote paths of their cache into configurations for years. They contain a hash and open nothing else."""
_LIBRARIES = words(
    "diffusers transformers null onnxruntime optimum sentence_transformers peft stable_diffusion "
    "stable_diffusion_xl "
    "latent_diffusion kandinsky kandinsky2_2 kandinsky3 wuerstchen stable_cascade audioldm audioldm2 musicldm "
    "unidiffuser paint_by_example versatile_diffusion controlnet deepfloyd_if flux pixart_alpha pag "
    "semantic_stable_diffusion "
    "shap_e text_to_video_synthesis vq_diffusion t2i_adapter stable_audio alt_diffusion blip_diffusion ppdiffusers "
    "paddlenlp flax tokenizers timm safetensors spectrogram_diffusion stable_diffusion_safe dance_diffusion onnx true "
    "false"
)
_SAFE_TARGET = re.compile(
    r"(?:torch\.(?:nn|optim|utils\.data)|nemo\.(?:collections|core)|(?:pytorch_)?lightning(?:\.pytorch)?\.(?:callbacks"
    r"|loggers|trainer|strategies)|"
    r"torchvision\.transforms|torchmetrics|transformers\.(?:Auto|models\.))[\w.]*\Z"
)
_DANGEROUS_TARGET = re.compile(
    r"(?:os|posix|nt|subprocess|sys|builtins|__builtin__|importlib|pickle|marshal|runpy|pty|shutil|socket|ctypes|code|"
    r"pip|webbrowser|urllib|requests|functools|operator|hydra\.utils|eval|exec)(?:\.|\Z)|\.(?:exec|eval|system|popen|"
    r"load_module)\Z"
)
_OBJECT_KEYS = frozenset(
    {
        "__reduce__",
        "__reduce_ex__",
        "__setstate__",
        "py/object",
        "py/reduce",
        "py/function",
        "py/type",
        "py/object/apply",
        "py/object/new",
        "__py_module__",
    }
)
_KNOWN_HOST = re.compile(
    r"https?://(?:[\w-]+\.)*(?:huggingface\.co|hf\.co|github\.com|github\.io|arxiv\.org|doi\.org|w3\.org|"
    r"json-schema\.org|apache\.org|"
    r"opensource\.org|creativecommons\.org|pytorch\.org|wikipedia\.org|gnu\.org|schema\.org|google\.com|openai\.com|"
    r"nvidia\.com|"
    r"microsoft\.com|mlcommons\.org|aclanthology\.org|paperswithcode\.com|kaggle\.com)(?:[:/?#]|\Z)",
    re.IGNORECASE,
)
_URL = re.compile(r"\s*(?:https?|hf|s3|gs|ftp|file|git\+\w+|ssh)://\S+\s*\Z", re.IGNORECASE)
_TEXT_KEYS = frozenset(
    {"chat_template", "template", "description", "license_link", "citation", "homepage", "license", "$schema", "readme"}
)


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Findings for new values in a configuration file, or in the settings at the beginning of a Space's card."""
    if change.after is None:
        return
    name = PurePosixPath(change.path).name
    if name.lower() == "readme.md" and repository.type == "space" and change.path.lower() == "readme.md":
        yield from _space_settings(content)
        return
    read = _reader(name, change.after)
    if read is None:
        return
    text = content.after_text
    if text is None:
        return
    try:
        after = read(text)
    except UnreadableTextError as error:
        content.skip(str(error))
        return
    before = _before(read, content.before_text)
    yield from _judged(name, new_entries(after, before), before, after, repository)


def _reader(name: str, version: FileVersion) -> Callable[[str], list[Entry]] | None:
    lower = name.lower()
    if lower.endswith((".yaml", ".yml")) or name == "MLmodel":
        return yaml_entries
    if _CONFIG_NAMES.fullmatch(name) or (lower.endswith(".json") and version.size <= _LARGEST_OTHER):
        return json_entries
    return None


def _before(read: Callable[[str], list[Entry]], text: str | None) -> list[Entry]:
    """The entries before; none if they could not be read, so all entries now count as new."""
    try:
        return [] if text is None else read(text)
    except UnreadableTextError:
        return []


@dataclass(frozen=True)
class _Place:
    """Where an entry is, and what was there before."""

    file: str
    repository: RepositoryFacts
    before: dict[tuple[str, ...], list[str]]

    def earlier(self, entry: Entry) -> list[str]:
        return self.before.get(entry.path, [])

    def is_foreign(self, reference: str) -> bool:
        return reference.partition("/")[0].lower() != self.repository.owner.lower()


def _judged(
    name: str, new: Iterable[Entry], before: Sequence[Entry], after: Sequence[Entry], repository: RepositoryFacts
) -> Iterator[ContentFinding]:
    values: dict[tuple[str, ...], list[str]] = {}
    for entry in before:
        values.setdefault(entry.path, []).append(entry.value)
    place = _Place(name, repository, values)
    for entry in new:
        for judge in _JUDGES:
            found = judge(entry, place)
            if found is not None:
                severity, risk, message = found
                yield finding(
                    RULE,
                    message,
                    risk=risk,
                    severity=severity,
                    line=entry.line,
                    names=(".".join(entry.path),) if entry.path else (),
                    evidence=entry.value or entry.tag,
                )
                break
    if name == "model_index.json":
        yield from _model_index(before, after)


_Judged = tuple[Severity, Risk, str]


def _auto_map(entry: Entry, place: _Place) -> _Judged | None:
    if "auto_map" not in entry.path or entry.value == "null":
        return None
    repository, separator, module = entry.value.partition("--")
    if separator and place.is_foreign(repository):
        return Severity.CRITICAL, "executes", f"auto_map loads the code {module} from the repository {repository}"
    return Severity.HIGH, "executes", f"auto_map names code to load: {entry.value}"


def _implementation(entry: Entry, place: _Place) -> _Judged | None:
    del place
    if entry.value in {"null", "", "none"}:
        return None
    is_repository = "/" in entry.value
    if entry.key in _INTERNAL:
        severity = Severity.CRITICAL if is_repository else Severity.HIGH
        return severity, "executes", f"{entry.key} is set, but no library writes this key (CVE-2026-4372)"
    if entry.key in _KERNELS and is_repository:
        return Severity.HIGH, "executes", f"{entry.key} loads a kernel from the repository {entry.value}"
    if any("kernel" in part for part in entry.path) and _REPOSITORY.match(entry.value):
        return Severity.HIGH, "executes", f"{entry.key} loads a kernel from {entry.value}"
    return None


def _trust(entry: Entry, place: _Place) -> _Judged | None:
    del place
    if entry.key.lower().replace("-", "_") != "trust_remote_code" or entry.value.lower() in {
        "false",
        "null",
        "no",
        "0",
        "",
    }:
        return None
    return Severity.CRITICAL, "executes", "the configuration itself sets trust_remote_code (CVE-2026-5241)"


def _custom(entry: Entry, place: _Place) -> _Judged | None:
    if entry.value in {"null", "", "false"}:
        return None
    if "custom_pipelines" in entry.path:
        if entry.key != "impl":
            return None
        repository, separator, _ = entry.value.partition("--")
        severity = Severity.CRITICAL if separator and place.is_foreign(repository) else Severity.HIGH
        return severity, "executes", f"custom_pipelines names code to load: {entry.value}"
    if entry.key in {"custom_pipeline", "custom_generate", "custom_model", "remote_code"}:
        return Severity.HIGH, "executes", f"{entry.key} names code to load: {entry.value}"
    return None


def _module_type(entry: Entry, place: _Place) -> _Judged | None:
    if place.file == "modules.json" and entry.key == "type" and not entry.value.startswith("sentence_transformers."):
        return Severity.HIGH, "executes", f"a module of another package is imported: {entry.value}"
    is_name = re.fullmatch(r"[A-Za-z_]\w*(?:\.\w+)+", entry.value) is not None
    if "activation" in entry.key and is_name and not entry.value.startswith(("torch.nn.", "sentence_transformers.")):
        return Severity.HIGH, "executes", f"{entry.key} is imported by name: {entry.value}"
    if entry.key == "loader_module" and not entry.value.startswith("mlflow."):
        return Severity.HIGH, "executes", f"loader_module imports {entry.value}"
    return None


_ADAPTED = frozenset({"transformers", "diffusers", "null", "peft", "sentence_transformers", "timm", "torch"})
"""Libraries whose models PEFT adapts; PEFT imports the module in `parent_library`."""


def _redirect(entry: Entry, place: _Place) -> _Judged | None:
    if entry.key == "parent_library" and entry.value.partition(".")[0] not in _ADAPTED:
        return Severity.HIGH, "executes", f"parent_library imports {entry.value}"
    if not entry.key.endswith(("name_or_path", "base_model", "repo_id", "model_id")) or entry.key == "_name_or_path":
        return None
    earlier = place.earlier(entry)
    if not earlier or not _REPOSITORY.match(entry.value):
        return None
    owners = {one.partition("/")[0].lower() for one in earlier}
    if entry.value.partition("/")[0].lower() in owners:
        return None
    return Severity.HIGH, "misleads", f"{entry.key} leads to {entry.value} instead of {earlier[0]}"


def _local_file(entry: Entry, place: _Place) -> _Judged | None:
    del place
    if not _FILE_KEY.match(entry.key) or not _OUTSIDE.match(entry.value) or len(entry.value) > _LONGEST_PATH:
        return None
    if _CACHE.search(entry.value) and ".." not in entry.value:
        return None
    return Severity.HIGH, "executes", f"{entry.key} opens a file outside the repository, and the next push uploads it"


_LONGEST_PATH = 1_000


def _target(entry: Entry, place: _Place) -> _Judged | None:
    del place
    if is_python_tag(entry.tag):
        return Severity.CRITICAL, "executes", f"a YAML tag constructs a Python object: {entry.tag}"
    if entry.key in _OBJECT_KEYS or any(part in _OBJECT_KEYS for part in entry.path):
        return Severity.HIGH, "executes", f"{entry.key} constructs an object when it is decoded"
    if entry.key == "_target_" or (
        entry.key in {"class_path", "_partial_target_"} and _DANGEROUS_TARGET.search(entry.value)
    ):
        if _DANGEROUS_TARGET.search(entry.value):
            return Severity.CRITICAL, "executes", f"{entry.key} calls {entry.value}"
        if not _SAFE_TARGET.match(entry.value):
            return Severity.HIGH, "executes", f"{entry.key} calls {entry.value}"
    return None


def _address(entry: Entry, place: _Place) -> _Judged | None:
    if not _CONFIG_NAMES.fullmatch(place.file) or entry.key in _TEXT_KEYS or not _URL.match(entry.value):
        return None
    if any(_URL.match(one) for one in place.earlier(entry)) and not entry.value.startswith(
        ("http://", "git+", "file:")
    ):
        same = {_host(one) for one in place.earlier(entry)}
        if _host(entry.value) in same:
            return None
    if _KNOWN_HOST.match(entry.value):
        return None
    return Severity.MEDIUM, "misleads", f"{entry.key} contains a new address: {_host(entry.value)}"


def _host(url: str) -> str:
    return url.strip().partition("://")[2].partition("/")[0].lower()


_JUDGES: tuple[Callable[[Entry, _Place], _Judged | None], ...] = (
    _auto_map,
    _implementation,
    _trust,
    _custom,
    _module_type,
    _redirect,
    _local_file,
    _target,
    _address,
)


def _model_index(before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[ContentFinding]:
    """Findings for model_index.json: pairs of library and class, and a class that is a list (a repository module)."""
    old = _pairs(before)
    for key, values in _pairs(after).items():
        if old.get(key) == values:
            continue
        if key == "_class_name" and len(values) > 1:
            message = f"_class_name names a module of the repository: {values[0]}"
            yield finding(RULE, message, risk="executes", names=(key,), evidence=", ".join(values))
        elif not key.startswith("_") and len(values) == 2 and values[0] not in _LIBRARIES:  # noqa: PLR2004 - a pair
            message = f"component {key} is loaded from {values[0]}, not from a known library"
            yield finding(RULE, message, risk="executes", names=(key,), evidence=", ".join(values))


def _pairs(entries: Sequence[Entry]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        if len(entry.path) == 1:
            found.setdefault(entry.key, []).append(entry.value)
    return found


_SPACE_KEYS: dict[str, tuple[Severity, str]] = {
    "app_file": (Severity.HIGH, "another file runs as the app"),
    "app_build_command": (Severity.HIGH, "a command runs when the Space is built"),
    "sdk": (Severity.MEDIUM, "the Space is built differently"),
    "base_path": (Severity.LOW, "the Space opens on another path"),
    "preload_from_hub": (Severity.MEDIUM, "the image includes files of another repository"),
}


def _space_settings(content: ChangedContent) -> Iterator[ContentFinding]:
    text = content.after_text
    matter = front_matter(text) if text is not None else None
    if matter is None:
        return
    try:
        after = yaml_entries(*matter)
    except UnreadableTextError:
        return  # the rules on cards say so
    earlier = front_matter(content.before_text or "")
    try:
        before = yaml_entries(*earlier) if earlier is not None else []
    except UnreadableTextError:
        before = []
    if not before and content.change.before is None:
        return  # a new Space: nothing was turned
    for entry in new_entries(after, before):
        top = entry.path[0] if entry.path else ""
        if top == "hf_oauth_scopes":
            message = f"the Space asks visitors for the OAuth scope {entry.value}"
            yield finding(RULE, message, risk="weakens", line=entry.line, names=(top,), evidence=entry.value)
        elif top == "custom_headers":
            message = f"the header {entry.key} of the Space was set"
            yield finding(
                RULE,
                message,
                risk="weakens",
                severity=Severity.MEDIUM,
                line=entry.line,
                names=(top,),
                evidence=entry.value,
            )
        elif top in _SPACE_KEYS:
            severity, what = _SPACE_KEYS[top]
            yield finding(
                RULE,
                f"{top} of the Space changed: {what}",
                risk="executes",
                severity=severity,
                line=entry.line,
                names=(top,),
                evidence=entry.value,
            )
