"""How code loads what others can change: without a pinned revision, with trust in remote code, as pickles.

Python and notebooks are parsed; commands are read line by line. Plain loads of weights are found by their text, without
docstrings, because a large repository has thousands of them.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokenaudit.constant_folding import spelled
from tokenaudit.content.load_rules import (
    COMMAND_MENTION,
    LARGEST,
    MENTIONS,
    UNPINNED_CODE,
    UNPINNED_PICKLE,
    UNSAFE_PICKLE,
)
from tokenaudit.content.python_names import PythonNames
from tokenaudit.model import Problem, Rule, Severity, Skipped
from tokenaudit.text import listed, one_line
from tokenaudit.work_budget import WorkBudget, WorkLimitError

_FOLLOWED = re.compile(
    r"trust_remote_code[\"']?\s*[=:]\s*(?!False\b|None\b|bool\b)|hub\.load\(|from torch\.hub|get_kernel|"
    r"custom_pipeline\s*=|"
    r"custom_generate\s*=|weights_only\s*=\s*False|attn_implementation\s*=\s*f?[\"'][\w.-]+/"
)
_DOWNLOAD = re.compile(r"hf_hub_download|snapshot_download")
_UNPICKLES = re.compile(
    r"\b(?:torch|joblib|pickle|dill|cloudpickle|paddle)\.load|allow_pickle\s*=\s*True|read_pickle|import load\b"
)
_DOCUMENTATION = re.compile(r"(?:\"\"\"|''')(?s:.*?)(?:\"\"\"|''')|^[ \t]*#[^\n]*", re.MULTILINE)
_OFFLINE = re.compile(r"(?:HF_HUB_OFFLINE|TRANSFORMERS_OFFLINE)[\"']?\s*\]?\s*[=,]\s*[\"']?(?:1|True|true|yes|on)\b")
_USES_TOKEN = re.compile(
    r"\bHF_TOKEN\b|\bHUGGING_?FACE(?:_HUB)?_(?:API_)?TOKEN\b|\bget_token\(|\blogin\(|\buse_auth_token\s*=|"
    r"\btoken\s*=\s*(?!None|False)"
)
_SHA = re.compile(r"[0-9a-f]{40}\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w][\w.-]*\Z")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z")
_LOCAL = re.compile(
    r"[./~\\$]|[A-Za-z]:[\\/]|(?:out|outputs?|checkpoints?|models?|data|results?|tmp|cache|weights)/", re.IGNORECASE
)
_LOADERS = re.compile(
    r"(?:.*\.)?(?:from_pretrained|SentenceTransformer|CrossEncoder|SparseEncoder|pipeline|load_model_and_tokenizer|LLM|"
    r"AsyncLLMEngine|EngineArgs|FastLanguageModel|load_dataset|snapshot_download|hf_hub_download|AutoModel\w*)\Z"
)
_FIRST = (
    "pretrained_model_name_or_path",
    "model_name_or_path",
    "model_name",
    "model",
    "model_id",
    "repo_id",
    "path",
    "repo_or_dir",
)
_PLAIN = re.compile(
    r"(?:\.from_pretrained|\b(?:SentenceTransformer|CrossEncoder))\(\s*(?:(?:pretrained_)?model_name_or_path\s*=\s*)?"
    r"(?:[\"'](?P<name>[\w.-]+/[\w.-]+)[\"']|(?P<variable>[A-Za-z_]\w*))(?P<rest>[^()]{0,1000})"
)
_CLASS = re.compile(r"\w+\Z")
_ASSIGNED = re.compile(
    r"^[ \t]*(\w+)(?:\s*:\s*str)?\s*=\s*[\"']([A-Za-z0-9][\w.-]*/[\w.-]+)[\"']\s*(?:#[^\n]*)?$", re.MULTILINE
)
_NO_WEIGHTS = re.compile(r"Tokenizer|Processor|Config|FeatureExtractor|Scheduler|Vocab")
_DOWNLOADS = frozenset(
    {
        "huggingface_hub.hf_hub_download()",
        "huggingface_hub.snapshot_download()",
        "huggingface_hub.HfApi().hf_hub_download()",
        "huggingface_hub.HfApi().snapshot_download()",
        "huggingface_hub.cached_download()",
    }
)
_PICKLES = frozenset(
    {
        "torch.load",
        "joblib.load",
        "pickle.load",
        "pickle.loads",
        "dill.load",
        "cloudpickle.load",
        "numpy.load",
        "pandas.read_pickle",
        "paddle.load",
    }
)


_LONGEST_MESSAGE = 600


@dataclass(frozen=True)
class _Load:
    """One load that breaks a rule."""

    rule: Rule
    severity: Severity
    line: int
    message: str
    repository: str | None = None


def load_problems(
    target: str, path: str, data: bytes, credentials: Mapping[str, str] | None = None
) -> Iterator[Problem | Skipped]:
    """Problems with the loads of a Python file or notebook.

    `credentials` are the credentials in the environment of scripts, by path of the script; a file that reads a token
    has one too.
    """
    if not MENTIONS.search(data) or len(data) > LARGEST:
        return
    try:
        source = _notebook(data) if path.endswith(".ipynb") else data.decode("utf-8", "replace").removeprefix("\ufeff")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield Skipped(f"{target}: {path}", "not a valid notebook; its loads were not examined")
        return
    code = _DOCUMENTATION.sub(lambda found: "\n" * found[0].count("\n"), source)
    if _OFFLINE.search(code):
        return
    loads: list[_Load] = []
    credential = (credentials or {}).get(path)
    if _FOLLOWED.search(code) or (_DOWNLOAD.search(code) and _UNPICKLES.search(code)):
        credential = credential or ("a token" if _USES_TOKEN.search(code) else None)
        try:
            loads += _Reader(source, credential).found()
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            yield Skipped(f"{target}: {path}", "not valid Python; its loads were not examined")
        except WorkLimitError as error:
            yield Skipped(f"{target}: {path}", f"{error.reason}; its loads were not examined")
    lines = {load.line for load in loads}
    plain = [(line, name) for line, name in _plain(code) if line not in lines]
    for load in loads:
        yield _problem(target, path, load, credential)
    if plain:
        names = listed(list(dict.fromkeys(name for _, name in plain)), 3)
        message = f"loads weights without a pinned revision, and a pickle where there are no safetensors: {names}"
        yield _problem(target, path, _Load(UNPINNED_PICKLE, Severity.INFO, plain[0][0], message, plain[0][1]), None)


def _problem(target: str, path: str, load: _Load, credential: str | None) -> Problem:
    remedy = load.rule.remedy
    if load.repository is not None:
        remedy = remedy.replace("OWNER/NAME", load.repository)
    held = f", with {credential} in its environment" if credential and load.severity.rank > Severity.INFO.rank else ""
    return Problem(
        rule=load.rule.id,
        severity=load.severity,
        target=target,
        path=path,
        line=load.line,
        column=1,
        where=None,
        credential_name=credential if held and credential != "a token" else None,
        message=one_line(f"{load.message}{held}", _LONGEST_MESSAGE),
        remedy=one_line(remedy, _LONGEST_MESSAGE),
    )


def _plain(code: str) -> Iterator[tuple[int, str]]:
    """Line and repository of loads of weights without a revision and without `use_safetensors=True`."""
    found = list(_PLAIN.finditer(code))
    known = {match[1]: match[2] for match in _ASSIGNED.finditer(code)} if any(m["variable"] for m in found) else {}
    for match in found:
        name = match["name"] or known.get(match["variable"] or "")
        owner = _CLASS.search(code, max(match.start() - _LONGEST_CLASS, 0), match.start())
        if not name or _LOCAL.match(name) or (owner is not None and _NO_WEIGHTS.search(owner[0])):
            continue
        before = code[code.rfind("\n", 0, match.start()) + 1 : match.start()]
        in_text = before.count('"') % 2 or before.count("'") % 2
        if not _SETTLED.search(match["rest"]) and not in_text:
            yield code.count("\n", 0, match.start()) + 1, name


_LONGEST_CLASS = 80
_SETTLED = re.compile(r"revision\s*=|(?:local_files_only|use_safetensors|trust_remote_code)\s*=\s*True|\*\*")


class _Reader:
    def __init__(self, source: str, credential: str | None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._module = ast.parse(source)
        self._names = PythonNames(self._module, WorkBudget(len(source)))
        self._texts = self._names.texts
        self._severe = Severity.HIGH if credential else Severity.MEDIUM

    def found(self) -> Iterator[_Load]:
        """The loads that break a rule, in the order of the file."""
        calls = [node for node in ast.walk(self._module) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
            yield from self._load(call)

    def _load(self, call: ast.Call) -> Iterator[_Load]:
        names = self._names.of(call.func)
        called = (
            call.func.attr
            if isinstance(call.func, ast.Attribute)
            else call.func.id
            if isinstance(call.func, ast.Name)
            else ""
        )
        options = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        if names & _PICKLES:
            yield from self._pickle(call, names, options)
        elif "torch.hub.load" in names:
            yield from self._torch_hub(call, options)
        elif called == "get_kernel" or any(name.endswith("kernels.get_kernel") for name in names):
            yield from self._kernel(call, options)
        else:
            yield from self._trusting(call, spelled(call.func) or called, options)

    def _trusting(self, call: ast.Call, called: str, options: dict[str, ast.expr]) -> Iterator[_Load]:
        if self._is_true(options.get("local_files_only")):
            return
        for name, revision in (("custom_pipeline", "custom_revision"), ("custom_generate", "revision")):
            value = self._text(options.get(name))
            if value and not _LOCAL.match(value) and self._is_unpinned(options.get(revision), call):
                yield self._code(call, f"{name} runs code of {value} without a pinned {revision}", value)
                return
        loads = _LOADERS.match(called) or called.endswith("from_config")
        kernel = self._text(options.get("attn_implementation")) if loads else ""
        if kernel and _REPOSITORY.match(kernel.partition("@")[0].partition(":")[0]) and not _SHA.search(kernel):
            yield self._code(call, f"attn_implementation loads a kernel of {kernel} without a pinned revision", kernel)
        if not self._is_true(options.get("trust_remote_code")):
            return
        repository = self._repository(call, options)
        if repository == "" or not self._is_unpinned(options.get("revision"), call):
            return
        if not _LOADERS.match(called) and repository is None:
            return
        if repository is None:
            message = f"{called} runs code of an unresolved repository without a pinned revision"
            yield _Load(UNPINNED_CODE, Severity.INFO, call.lineno, message)
        else:
            yield self._code(call, f"{called} runs code of {repository} without a pinned revision", repository)

    def _code(self, call: ast.Call, message: str, repository: str) -> _Load:
        known = repository if _REPOSITORY.match(repository) else None
        return _Load(UNPINNED_CODE, self._severe, call.lineno, message, known)

    def _repository(self, call: ast.Call, options: dict[str, ast.expr]) -> str | None:
        """The repository that a call loads; empty for a local folder, None where it can't be resolved."""
        node = next((options[name] for name in _FIRST if name in options), None)
        for argument in (node, *call.args[:2]):
            if argument is None or isinstance(argument, ast.Starred):
                continue
            if self._is_downloaded(argument):
                return ""
            for text in self._texts.of(argument).texts():
                if _LOCAL.match(text) or text.startswith("/"):
                    return ""
                if _REPOSITORY.match(text):
                    return text
                if argument is node or (argument is call.args[0] and _NAME.match(text) and call.func is not None):
                    return text if "-" in text else None
        return None

    def _is_downloaded(self, node: ast.expr) -> bool:
        """Whether a value is the path of a download, which has its own revision."""
        return bool(self._names.of(node) & _DOWNLOADS)

    def _is_unpinned(self, revision: ast.expr | None, call: ast.Call) -> bool:
        """Whether the revision is not a full commit id. An unresolved value counts as pinned."""
        if revision is None:
            return not any(keyword.arg is None for keyword in call.keywords)
        found = self._texts.of(revision)
        if None in found.values and len(found.values) == 1:
            return True
        texts = found.texts()
        return bool(texts) and not all(_SHA.match(text) for text in texts)

    def _torch_hub(self, call: ast.Call, options: dict[str, ast.expr]) -> Iterator[_Load]:
        if self._text(options.get("source")) == "local":
            return
        repository = self._repository(call, options)
        texts = self._texts.of(call.args[0] if call.args else options.get("repo_or_dir")).texts()
        name = next(iter(texts), repository)
        if not name or _LOCAL.match(name) or _SHA.search(name.rpartition(":")[2]):
            return
        yield _Load(UNPINNED_CODE, self._severe, call.lineno, f"torch.hub.load runs code of {name} without a commit id")

    def _kernel(self, call: ast.Call, options: dict[str, ast.expr]) -> Iterator[_Load]:
        repository = self._repository(call, options)
        if repository and "version" not in options and self._is_unpinned(options.get("revision"), call):
            yield self._code(
                call, f"get_kernel loads native code of {repository} without a revision or version", repository
            )

    def _pickle(self, call: ast.Call, names: frozenset[str], options: dict[str, ast.expr]) -> Iterator[_Load]:
        name = min(names & _PICKLES)
        only_weights = options.get("weights_only")
        if self._is_true(only_weights) or (name == "numpy.load" and not self._is_true(options.get("allow_pickle"))):
            return
        argument = call.args[0] if call.args else next(iter(options.values()), None)
        download = self._download(argument) if argument is not None else None
        off = only_weights is not None and self._texts.of(only_weights).values == (False,)
        if download is None:
            if off and argument is not None and not self._texts.of(argument).texts():
                message = f"{name} with weights_only=False loads an unresolved path"
                yield _Load(UNSAFE_PICKLE, Severity.INFO, call.lineno, message)
            return
        options_of_download = {keyword.arg: keyword.value for keyword in download.keywords if keyword.arg}
        pinned = not self._is_unpinned(options_of_download.get("revision"), download)
        if pinned and not off and name == "torch.load":
            return
        severity = Severity.LOW if pinned else Severity.HIGH if off else Severity.MEDIUM
        how = f"{name} with weights_only=False" if off else name
        where = "a file from the Hub" if not pinned else "a pinned file from the Hub"
        yield _Load(UNSAFE_PICKLE, severity, call.lineno, f"{how} loads {where} as a pickle")

    def _download(self, node: ast.expr) -> ast.Call | None:
        """The call that a value is the result of: directly, joined to a path, or opened."""
        for inner in ast.walk(node):
            if not isinstance(inner, ast.expr) or not self._names.of(inner) & _DOWNLOADS:
                continue
            return next((one for one in self._calls() if self._same(one, inner)), None)
        names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        for item in ast.walk(self._module):
            if (
                isinstance(item, ast.withitem)
                and isinstance(item.optional_vars, ast.Name)
                and item.optional_vars.id in names
            ):
                return self._download(item.context_expr)
        return None

    def _calls(self) -> list[ast.Call]:
        return [n for n in ast.walk(self._module) if isinstance(n, ast.Call) and self._names.of(n) & _DOWNLOADS]

    def _same(self, call: ast.Call, value: ast.expr) -> bool:
        if value is call or isinstance(value, ast.Call):
            return value is call
        return isinstance(value, (ast.Name, ast.Attribute)) and call in self._assigned(value)

    def _assigned(self, value: ast.Name | ast.Attribute) -> list[ast.expr | None]:
        name = value.id if isinstance(value, ast.Name) else value.attr
        return self._texts.assignments(value, name) or self._texts.attribute(name)

    def _is_true(self, node: ast.expr | None) -> bool:
        return node is not None and self._texts.of(node).values == (True,)

    def _text(self, node: ast.expr | None) -> str:
        return next(iter(self._texts.of(node).texts()), "") if node is not None else ""


_MAGIC = re.compile(r"(\s*)[!%]")


def _notebook(data: bytes) -> str:
    """The code of a notebook, cell by cell; cells that can't be parsed are omitted."""
    notebook: Any = json.loads(data)
    cells = [one for one in notebook["cells"] if one.get("cell_type") == "code"]
    found = []
    for cell in cells:
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        text = "\n".join(_MAGIC.sub(r"\1pass  #", line, count=1) for line in text.split("\n"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            text = "\n" * text.count("\n")
        found.append(text)
    return "\n".join(found)


_FLAG = re.compile(r"--trust[-_]remote[-_]code\b(?!\s*[= ]\s*[\"']?(?:false|0|no)\b)", re.IGNORECASE)
_PINNED = re.compile(r"--(?:code[-_])?revision[=\s\"',-]+(?:[0-9a-f]{40}\b|\$|\{\{)")
_MODEL = re.compile(r"(?:\bserve\s+|--model(?:[-_](?:id|name[-_]or[-_]path|path))?[=\s\"',]+)([^\s\"',]+)")
_CONTINUED = re.compile(r"\\\r?\n")
_AROUND = 12
"""Lines before and after a flag that belong to its command in YAML, where each argument has its own line."""


def command_problems(target: str, path: str, data: bytes) -> Iterator[Problem]:
    """Problems of commands in scripts, Dockerfiles and configuration that trust code without a pinned revision."""
    if COMMAND_MENTION not in data or len(data) > LARGEST:
        return
    lines = data.decode("utf-8", "replace").splitlines()
    is_yaml = path.endswith((".yml", ".yaml", ".json"))
    for number, line in enumerate(lines):
        if not _FLAG.search(line) or line.lstrip().startswith("#"):
            continue
        whole = "\n".join(lines[max(number - _AROUND, 0) : number + _AROUND]) if is_yaml else _command(lines, number)
        model = _MODEL.search(whole)
        name = model[1] if model else None
        if _PINNED.search(whole) or (name is not None and _LOCAL.match(name)):
            continue
        shown = name if name is not None and _REPOSITORY.match(name) else None
        message = f"--trust-remote-code runs code of {shown or 'a repository'} without a pinned --revision"
        yield _problem(target, path, _Load(UNPINNED_CODE, Severity.MEDIUM, number + 1, message, shown), None)


def _command(lines: list[str], number: int) -> str:
    """A command with its continuation lines."""
    start = end = number
    while start > 0 and lines[start - 1].rstrip().endswith(("\\", "`", "^")):
        start -= 1
    while end < len(lines) - 1 and lines[end].rstrip().endswith(("\\", "`", "^")):
        end += 1
    return " ".join(lines[start : end + 1])
