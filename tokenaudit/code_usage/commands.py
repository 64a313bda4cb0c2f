"""What one command needs, given its words: `hf`, `huggingface-cli`, git, curl, wget and training launchers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tokenaudit.code_usage import web
from tokenaudit.code_usage.arguments import is_local, is_repository
from tokenaudit.code_usage.command_line import Words
from tokenaudit.code_usage.hf_commands import hf_needs
from tokenaudit.code_usage.model import Need
from tokenaudit.model import Entity
from tokenaudit.remediate.permissions import ANY_TOKEN, READ, WRITE

_ASSIGNMENT = re.compile(r"\w+=")
_WRAPPERS = frozenset(
    {
        "sudo",
        "env",
        "time",
        "exec",
        "nohup",
        "command",
        "if",
        "then",
        "else",
        "elif",
        "do",
        "while",
        "until",
        "!",
        "{",
        "&&",
    }
)
_RUN = (("uv", "run"), ("uv", "tool", "run"), ("pipx", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"))
_SENDS = ("-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--json", "-F", "--form", "--post-data")
_GIT_READS = frozenset({"clone", "fetch", "pull", "ls-remote"})
_LAUNCHERS = frozenset(
    {"python", "python3", "accelerate", "torchrun", "deepspeed", "trl", "axolotl", "llamafactory-cli"}
)
_MODEL_OPTIONS = ("model_name_or_path", "model-name-or-path", "model_id", "model-id", "pretrained_model_name_or_path")


def command_needs(words: Sequence[str | None]) -> Iterator[Need]:
    """Needs of one command. None, or the replacement character within a word, stands for what can't be known."""
    plain = _unwrapped([w if w is not None else "\ufffd" for w in words])
    if not plain:
        return
    name = plain[0].rsplit("/", 1)[-1].removesuffix(".exe")
    rest = plain[1:]
    if name in {"hf", "huggingface-cli"}:
        yield from hf_needs(rest)
    elif name == "git":
        yield from _git(rest)
    elif name in {"curl", "wget", "http", "https", "xh"}:
        yield from _fetch(rest)
    elif name == "docker" and rest[:1] == ["login"] and any("hf.space" in w for w in rest):
        yield Need(ANY_TOKEN)
    elif name == "vllm" and rest[:1] == ["serve"] and len(rest) > 1:
        yield from _model(rest[1])
    elif name in {"text-generation-launcher", "text-embeddings-router"}:
        yield from _model(Words(rest).option("--model-id") or "")
    elif name in _LAUNCHERS:
        yield from _training(rest)
    elif name in {"pip", "pip3", "uv", "npm"}:
        yield from (Need(READ, e) for w in rest if w.startswith("git+") if (e := web.git_remote(w[4:].split("@")[0])))


def _unwrapped(words: list[str]) -> list[str]:
    while words:
        if words[0] in _WRAPPERS or _ASSIGNMENT.match(words[0]):
            words = words[1:]
            continue
        if words[0] in {"uvx", "pipx"} and len(words) > 1 and words[1] != "run":
            words = _after_options(words[1:])
            continue
        known = next((r for r in _RUN if tuple(words[: len(r)]) == r), None)
        if known is None:
            return words
        words = _after_options(words[len(known) :])
    return words


def _after_options(words: list[str]) -> list[str]:
    """The words from the first one that is neither an option nor the value of `--with`, `--from` and their like."""
    while words and words[0].startswith("-"):
        takes = words[0] in {"--with", "--from", "--python", "-p", "--extra", "--group", "--package"}
        words = words[2 if takes else 1 :]
    return words


def _git(words: list[str]) -> Iterator[Need]:
    while words and words[0] in {"-C", "-c"}:
        words = words[2:]
    verb = words[0] if words else ""
    if verb == "submodule":
        verb = "clone"
    entities = [e for w in words[1:] if (e := web.git_remote(w)) is not None]
    for entity in entities:
        if verb in _GIT_READS:
            yield Need(READ, entity)
        elif verb == "push":
            to_pull_request = any("refs/pr/" in w for w in words)
            yield Need("discussion.write" if to_pull_request else WRITE, entity)


def _fetch(words: list[str]) -> Iterator[Need]:
    found = Words(words)
    method = found.option("-X") or found.option("--request") or found.option("--method") or ""
    if not method:
        upload = any(w in {"-T", "--upload-file"} for w in words)
        sends = any(w.split("=")[0] in _SENDS for w in words)
        head = any(w in {"-I", "--head"} for w in words)
        method = "PUT" if upload else "POST" if sends else "HEAD" if head else "GET"
    for word in words:
        if word.startswith(("http://", "https://")):
            needs = list(web.request(word, method.upper()))
            if not needs and "\ufffd" in word and web.is_hub(word):
                yield Need(READ if method.upper() in {"GET", "HEAD"} else WRITE, None, "perhaps")
            yield from (n.doubted() if "\ufffd" in word and n.entity and n.entity.name else n for n in needs)


def _model(name: str) -> Iterator[Need]:
    if "\ufffd" in name:
        yield Need(READ, None, "perhaps")
    elif is_repository(name) and not is_local(name):
        yield Need(READ, Entity("model", name), "needed" if "/" in name else "perhaps")


def _training(words: list[str]) -> Iterator[Need]:
    found = Words(words)
    for option in _MODEL_OPTIONS:
        name = found.option(f"--{option}")
        if name:
            yield from _model(name)
    pushes = [w for w in words if w.split("=")[0] in {"--push_to_hub", "--push-to-hub"}]
    if not pushes or any(w.lower().endswith("=false") for w in pushes):
        return
    name = found.option("--hub_model_id") or found.option("--hub-model-id")
    folder = (found.option("--output_dir") or found.option("--output-dir") or "").rstrip("/").rsplit("/", 1)[-1]
    target = name or folder
    known = is_repository(target)
    yield Need(WRITE, Entity("model", target) if known else None, "needed" if known else "perhaps")
