"""Dependencies that a change adds: from git or a URL, another index, unpinned new names, look-alikes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tokenaudit.content.change import ContentFinding, FileChange, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.model import Rule, Severity
from tokenaudit.text import words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RULE = Rule(
    id="content-dependency",
    title="Suspicious dependency added",
    severity=Severity.HIGH,
    why="Packages of a Space, an endpoint or a custom pipeline run with its secrets, during the installation already.",
    remedy="Remove the requirement, or pin it to a version that you reviewed, with `--hash`.",
    bad="`transformerz` or `git+https://example.invalid/x.git` added to `requirements.txt`.",
    good="`transformers==5.24.0`",
    references=("https://pip.pypa.io/en/stable/topics/secure-installs/",),
)
RULES = (RULE,)

_REQUIREMENTS = re.compile(
    r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)|requirements/.*\.txt|pre-requirements\.txt",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"(?:.*[-_.])?(?:environment|conda)(?:[-_.].*)?\.ya?ml", re.IGNORECASE)
_DOCKER = re.compile(r"(?:dockerfile|containerfile)(?:\..*)?|.*\.dockerfile", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FROM_ELSEWHERE = re.compile(
    r"(?:git|hg|svn|bzr)\+|(?:https?|ftp|file|ssh)://|@\s*(?:https?|file|git)|\bgit@", re.IGNORECASE
)
_INDEX = re.compile(
    r"(?:^|\s)(?:--?(?:extra-)?index-url|-i|--find-links|-f|--trusted-host)(?:[=\s]+(?P<url>\S+)|$)|--(?P<pre>pre)\b",
    re.IGNORECASE,
)
_KNOWN_INDEX = re.compile(
    r"https?://(?:download\.pytorch\.org|pypi\.org|files\.pythonhosted\.org|pypi\.nvidia\.com|data\.pyg\.org|"
    r"huggingface\.github\.io|storage\.googleapis\.com/(?:jax|libtpu)-releases|flashinfer\.ai|wheels\.vllm\.ai|"
    r"aiinfra\.pkgs\.visualstudio\.com|packages\.nvidia\.com|pypi\.ngc\.nvidia\.com)(?:/|$)",
    re.IGNORECASE,
)
_KNOWN_SOURCE = re.compile(
    r"(?:git\+)?https://(?:www\.)?(?:github\.com/(?:huggingface|pytorch|facebookresearch|openai|microsoft|google|"
    r"google-research|"
    r"google-deepmind|nvidia|nvlabs|dao-ailab|state-spaces|vllm-project|gradio-app|modelscope|tatsu-lab|"
    r"bitsandbytes-foundation|"
    r"mistralai|qwenlm|deepseek-ai|thudm|zai-org|black-forest-labs|stability-ai|unslothai|ggml-org|ultralytics|"
    r"opencv)/|"
    r"huggingface\.co/|download\.pytorch\.org/|files\.pythonhosted\.org/)",
    re.IGNORECASE,
)
WELL_KNOWN = words(
    "accelerate aiohttp albumentations anthropic autoawq beautifulsoup4 bitsandbytes boto3 chromadb "
    "cohere ctransformers cython "
    "dataclasses datasets decord deepspeed diffusers einops elasticsearch evaluate faiss-cpu faiss-gpu fairscale "
    "fastapi fastai "
    "ffmpeg-python filelock flash-attn flask fsspec gradio gradio-client groq h5py hf-transfer httpx huggingface-hub "
    "imageio "
    "invisible-watermark jax jinja2 joblib keras kornia langchain librosa lightgbm lightning litellm llama-cpp-python "
    "llama-index "
    "llvmlite loguru lxml matplotlib mistralai mlflow moviepy msgpack networkx nltk numba numpy omegaconf onnx "
    "onnxruntime "
    "onnxruntime-gpu openai openai-whisper opencv-python opencv-python-headless optimum orjson pandas peft pillow "
    "pinecone-client "
    "plotly protobuf psutil psycopg2 pyannote-audio pydantic pydub pymongo pymupdf pypdf pypdf2 pytest python-dotenv "
    "python-multipart pytorch-lightning pyyaml qdrant-client redis regex requests rich rouge-score sacrebleu "
    "sacremoses "
    "safetensors scikit-image scikit-learn scipy seaborn selenium sentence-transformers sentencepiece setuptools shap "
    "simpletransformers "
    "six soundfile spaces spacy sqlalchemy starlette streamlit sympy tensorboard tensorboardx tensorflow tiktoken "
    "timm tokenizers "
    "toml torch torchaudio torchmetrics torchvision tqdm transformers triton trl typing-extensions ultralytics "
    "unstructured urllib3 "
    "uvicorn vllm wandb websockets wheel whisper xformers xgboost yt-dlp zstandard"
)
_SHORTEST_COMPARED = 4
_PIP_INSTALL = re.compile(r"(?:\bpip3?|\buv(?:\s+pip)?|\bpython3?\s+-m\s+pip)\s+(?:install|add)\s+(?P<rest>[^\n;&|#]+)")
_INSTALL_OPTIONS = frozenset(
    {
        "-r",
        "--requirement",
        "-c",
        "--constraint",
        "-e",
        "--editable",
        "-t",
        "--target",
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "--trusted-host",
        "--root",
        "--prefix",
        "--python",
    }
)
_ADD = re.compile(r"^\s*ADD\s+(?:--\S+\s+)*(?P<url>https?://\S+)", re.IGNORECASE)
_BASE = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class _Requirement:
    """A requirement, with its line."""

    text: str
    line: int
    name: str = ""

    @property
    def is_pinned(self) -> bool:
        return (
            bool(re.search(r"==\s*\d[\w.!+-]*(?!\.?\*)", self.text))
            or "--hash" in self.text
            or bool(_COMMIT.search(self.text))
        )


_COMMIT = re.compile(r"@[0-9a-f]{40}\b")


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Findings for new requirements of a file."""
    del repository
    if change.after is None or _reader(change.path) is None:
        return
    text = content.after_text
    if text is None:
        return
    before_text = content.before_text or ""
    after, before = _requirements(change.path, text, content), _requirements(change.path, before_text, None)
    lines = {" ".join(one.text.split()) for one in before}
    names = {one.name for one in before if one.name}
    for one in after:
        if " ".join(one.text.split()) not in lines:
            yield from _judged(one, names, is_new_file=change.before is None or _reader(change.path) == "packages")


def _reader(path: str) -> str | None:
    name = PurePosixPath(path).name
    if _REQUIREMENTS.fullmatch(name) or re.search(r"(?:^|/)requirements/[^/]+\.(?:txt|in)$", path):
        return "requirements"
    if name == "packages.txt":
        return "packages"
    if name in {"pyproject.toml", "Pipfile"}:
        return "toml"
    if name == "setup.cfg":
        return "cfg"
    if _ENVIRONMENT.fullmatch(name):
        return "environment"
    return "docker" if _DOCKER.fullmatch(name) else None


def _requirements(path: str, text: str, content: ChangedContent | None) -> list[_Requirement]:
    kind = _reader(path)
    if kind == "toml":
        return list(_from_toml(text, content))
    found: list[_Requirement] = []
    joined = re.sub(r"\\\r?\n[ \t]*", lambda _: " \0", text)
    number = 0
    for raw in joined.splitlines():
        number += 1
        line = re.sub(r"(?:^|\s)#.*", "", raw.replace("\0", "")).strip()
        if kind == "docker":
            found += _from_docker(line, number)
        elif kind == "environment":
            item = re.match(r"-\s*[\"']?([^\"']+?)[\"']?\s*$", line)
            if item and not item[1].endswith(":"):
                found.append(_made(item[1].rpartition("::")[2], number))
        elif kind == "cfg":
            if (raw[:1] in " \t" and line) or re.match(
                r"(?:install_requires|setup_requires|dependency_links)\s*=\s*\S", line
            ):
                found.append(
                    _made(
                        line.partition("=")[2].strip()
                        if line.startswith(("install_", "setup_", "dependency_"))
                        else line,
                        number,
                    )
                )
        elif line:
            found.append(_made(line, number))
        number += raw.count("\0")
    return found


def _made(text: str, line: int) -> _Requirement:
    match = _NAME.match(text)
    is_option = text.startswith("-")
    name = "" if is_option or match is None else re.sub(r"[-_.]+", "-", match[0].lower())
    return _Requirement(text, line, name)


def _from_docker(line: str, number: int) -> Iterator[_Requirement]:
    for match in _PIP_INSTALL.finditer(line):
        given = match["rest"].split()
        skip = False
        for at, word in enumerate(given):
            if skip:
                skip = False
            elif word in _INSTALL_OPTIONS:
                skip = True
                if word not in {"-r", "--requirement", "-c", "--constraint", "-t", "--target", "--python"}:
                    yield _Requirement(" ".join(given[at : at + 2]), number)
            elif word.startswith("-"):
                if _INDEX.search(word):
                    yield _Requirement(word, number)
            elif not word.startswith((".", "$", "/")):
                yield _made(word.strip("\"'"), number)
    added = _ADD.match(line)
    if added:
        yield _Requirement(added["url"], number)


def _from_toml(  # noqa: C901 - one branch a tool
    text: str, content: ChangedContent | None
) -> Iterator[_Requirement]:
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        if content is not None:
            content.skip("not valid TOML; its dependencies were not examined")
        return
    project = document.get("project")
    lists: list[object] = []
    if isinstance(project, dict):
        lists.append(project.get("dependencies"))
        optional = project.get("optional-dependencies")
        lists += list(optional.values()) if isinstance(optional, dict) else []
    system = document.get("build-system")
    lists.append(system.get("requires") if isinstance(system, dict) else None)
    groups = document.get("dependency-groups")
    lists += list(groups.values()) if isinstance(groups, dict) else []
    for one in lists:
        for requirement in one if isinstance(one, list) else ():
            if isinstance(requirement, str):
                yield _made(requirement, _line_of(text, requirement))
    tool = document.get("tool")
    tools: dict[str, Any] = tool if isinstance(tool, dict) else {}
    tables = [document.get("packages"), document.get("dev-packages")]
    for section in (tools.get(name) for name in ("poetry", "uv", "pdm")):
        if isinstance(section, dict):
            tables += [section.get("dependencies"), section.get("sources"), section.get("dev-dependencies")]
            for index in _dicts(section.get("index")) + _dicts(section.get("source")):
                yield _Requirement(f"--index-url {index.get('url')}", _line_of(text, str(index.get("url"))))
    for table in tables:
        for name, value in table.items() if isinstance(table, dict) else ():
            source = " ".join(str(v) for v in value.values()) if isinstance(value, dict) else str(value)
            prefix = "git+" if isinstance(value, dict) and "git" in value else ""
            if name != "python":
                yield _made(f"{name} {prefix}{source}", _line_of(text, name))


def _dicts(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _line_of(text: str, part: str) -> int:
    at = text.find(part)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _judged(one: _Requirement, known: set[str], *, is_new_file: bool) -> Iterator[ContentFinding]:
    index = _INDEX.search(one.text)
    if index is not None and index["url"] and not _KNOWN_INDEX.match(index["url"]):
        yield finding(RULE, "packages come from another index", risk="executes", line=one.line, evidence=one.text)
        return
    if _FROM_ELSEWHERE.search(one.text) and index is None:
        trusted = _KNOWN_SOURCE.search(one.text)
        if trusted and (is_new_file or one.is_pinned or one.name in known):
            return
        severity = Severity.LOW if trusted else Severity.MEDIUM if one.is_pinned else Severity.HIGH
        message = "a requirement comes from a URL or repository instead of the index"
        yield finding(
            RULE, message, risk="executes", severity=severity, line=one.line, names=_names(one), evidence=one.text
        )
        return
    if not one.name or one.name in known or one.name in WELL_KNOWN:
        return
    alike = look_alike(one.name)
    if alike is not None:
        message = f"{one.name} looks like {alike}, but is a different package"
        yield finding(RULE, message, risk="executes", line=one.line, names=_names(one), evidence=one.text)
    elif not is_new_file and not one.is_pinned and known:
        message = f"{one.name} is new and has no pinned version"
        severity = Severity.LOW
        yield finding(
            RULE, message, risk="weakens", severity=severity, line=one.line, names=_names(one), evidence=one.text
        )


def _names(one: _Requirement) -> tuple[str, ...]:
    return (one.name,) if one.name else ()


def is_known_source(address: str) -> bool:
    """Whether an index, repository or URL belongs to a well-known project."""
    return bool(_KNOWN_INDEX.match(address) or _KNOWN_SOURCE.match(address))


def look_alike(name: str) -> str | None:
    """The well-known package that `name` can be mistaken for; None if there is none or `name` is well known."""
    if name in WELL_KNOWN or name in _OTHERS or len(name) < _SHORTEST_COMPARED:
        return None
    folded = _BY_FOLDED.get(_folded(name))
    if folded is not None:
        return folded
    for known in _BY_LETTER.get(name[0], ()):
        if is_one_edit(name, known) and not _is_version(name, known):
            return known
    return None


_OTHERS = frozenset({"dataset", "tokenizer"})
"""Real packages that differ from a well-known one by one letter."""
_HOMOGLYPHS = str.maketrans("013457", "oleast")


def _folded(name: str) -> str:
    return name.translate(_HOMOGLYPHS).replace("-", "").replace("rn", "m").replace("vv", "w")


_BY_FOLDED = {_folded(name): name for name in sorted(WELL_KNOWN) if len(name) >= _SHORTEST_COMPARED}
_BY_LETTER: dict[str, list[str]] = {}
for _name in sorted(WELL_KNOWN):
    if len(_name) > _SHORTEST_COMPARED:
        _BY_LETTER.setdefault(_name[0], []).append(_name)


def _is_version(name: str, known: str) -> bool:
    """Whether only a digit at the end differs, which is another version, not a typo: `boto` and `boto3`."""
    return name.rstrip("0123456789") == known.rstrip("0123456789")


def is_one_edit(one: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbors turns one text into the other."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, rest_other = one[start:], other[start:]
    if rest[1:] == rest_other[1:] or rest[1:] == rest_other or rest == rest_other[1:]:
        return True
    return rest[:2] == rest_other[:2][::-1] and rest[2:] == rest_other[2:]
