"""What one command needs, given its words: `hf`, `huggingface-cli`, git, curl, wget and training launchers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from tokenaudit.code_usage import web
from tokenaudit.code_usage.calls import is_local, is_repository
from tokenaudit.code_usage.command_line import CommandLine
from tokenaudit.code_usage.model import Need
from tokenaudit.model import Certainty, Entity
from tokenaudit.permissions import ANY_TOKEN, NO_TOKEN, READ, WRITE

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
    """Needs of one command. None, or the replacement character within a word, is a part that can't be known."""
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
        yield from _model(CommandLine(rest).option("--model-id") or "")
    elif name in _LAUNCHERS:
        yield from _training(rest)
    elif name in {"pip", "pip3", "uv", "npm"}:
        yield from (Need(READ, e) for w in rest if w.startswith("git+") if (e := web.git_remote(w[4:].split("@")[0])))


def _unwrapped(words: list[str]) -> list[str]:
    at = 0
    while at < len(words):
        if words[at] in _WRAPPERS or _ASSIGNMENT.match(words[at]):
            at += 1
            continue
        if words[at] in {"uvx", "pipx"} and words[at + 1 : at + 2] not in ([], ["run"]):
            at = _after_options(words, at + 1)
            continue
        known = next((r for r in _RUN if tuple(words[at : at + len(r)]) == r), None)
        if known is None:
            break
        at = _after_options(words, at + len(known))
    return words[at:]


def _after_options(words: list[str], at: int) -> int:
    """Where, from `at` on, the first word is that is neither an option nor the value of `--with`, `--from` and such."""
    while at < len(words) and words[at].startswith("-"):
        takes = words[at] in {"--with", "--from", "--python", "-p", "--extra", "--group", "--package"}
        at += 2 if takes else 1
    return at


def _git(words: list[str]) -> Iterator[Need]:
    at = 0
    while at < len(words) and words[at] in {"-C", "-c"}:
        at += 2
    words = words[at:]
    verb = words[0] if words else ""
    if verb == "submodule":
        verb = "clone"
    to_pull_request = any("refs/pr/" in w for w in words)
    entities = [e for w in words[1:] if (e := web.git_remote(w)) is not None]
    for entity in entities:
        if verb in _GIT_READS:
            yield Need(READ, entity)
        elif verb == "push":
            yield Need("discussion.write" if to_pull_request else WRITE, entity)


def _fetch(words: list[str]) -> Iterator[Need]:
    found = CommandLine(words)
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
    found = CommandLine(words)
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


_TYPES = ("--type", "--repo-type")


def hf_needs(words: Sequence[str]) -> Iterator[Need]:
    """Needs of `hf <words>`; nothing for a subcommand that stays on this machine."""
    found = CommandLine(words)
    if not found.operands:
        return
    handler = _HANDLERS.get(found.operands[0])
    if handler:
        yield from handler(found, found.operands[1:])


def _repository(words: CommandLine, name: str | None, kind: str | None = None) -> tuple[Entity | None, Certainty]:
    kind = kind or words.option(*_TYPES) or "model"
    if name is None or not is_repository(name):
        return None, "perhaps"
    if not kind.isalpha():
        return Entity("repository", name), "perhaps"
    return Entity(kind.removesuffix("s"), name), "needed"


def _on(words: CommandLine, name: str | None, permission: str, kind: str | None = None) -> Need:
    entity, certainty = _repository(words, name, kind)
    return Need(permission, entity, certainty)


def _owner(name: str | None, *, certain: bool = True) -> Need:
    if name is None or not is_repository(name):
        return Need(WRITE, None, "perhaps")
    entity = Entity("namespace", name.split("/")[0]) if "/" in name else Entity("user")
    return Need(WRITE, entity, "needed" if certain else "perhaps")


def _namespace(words: CommandLine) -> Entity:
    name = words.option("--namespace")
    return Entity("namespace", name) if name else Entity("user")


def _first(operands: Sequence[str], position: int = 0) -> str | None:
    return operands[position] if len(operands) > position else None


def _download(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    yield _on(words, _first(rest), READ)


def _upload(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    yield _on(words, _first(rest), "discussion.write" if words.has("--create-pr") else WRITE)


def _repos(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    verb, names = _first(rest), rest[1:]
    if verb == "create":
        yield _owner(_first(names), certain=not words.has("--exist-ok"))
    elif verb == "delete":
        yield _owner(_first(names))
    elif verb == "move":
        yield _owner(_first(names))
        yield _owner(_first(names, 1))
    elif verb == "duplicate":
        yield _on(words, _first(names), READ)
        yield _owner(_first(names, 1)) if len(names) > 1 else Need(WRITE, Entity("user"))
    elif verb in {"settings", "delete-files"}:
        yield _on(words, _first(names), WRITE)
    elif verb in {"tag", "branch"}:
        yield _on(words, _first(names, 1), READ if _first(names) in {"list", "ls"} else WRITE)
    elif verb in {"list", "ls"}:
        yield Need(READ, _namespace(words))
    elif verb == "cp":
        yield from _copy(words, names)


def _auth(_: CommandLine, rest: list[str]) -> Iterator[Need]:
    if not rest or rest[0] in {"login", "whoami", "token", "switch"}:
        yield Need(ANY_TOKEN)


def _spaces(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    verb = _first(rest)
    if verb in {"secrets", "variables", "volumes"}:
        reads = _first(rest, 1) in {"list", "ls"}
        entity, certainty = _repository(words, _first(rest, 2), "space")
        yield Need(WRITE, entity, "perhaps" if reads else certainty)
    elif verb in {"restart", "pause", "settings", "dev-mode", "hot-reload", "ssh"}:
        yield _on(words, _first(rest, 1), WRITE, "space")
    elif verb == "logs":
        yield _on(words, _first(rest, 1), WRITE, "space").doubted()
    elif verb in {"info", "card", "wait"}:
        yield _on(words, _first(rest, 1), READ, "space")
    elif verb in {"list", "ls", "search"}:
        yield Need(NO_TOKEN)


def _listing(kind: str) -> Callable[[CommandLine, list[str]], Iterator[Need]]:
    def read(words: CommandLine, rest: list[str]) -> Iterator[Need]:
        if _first(rest) in {"list", "ls"}:
            yield Need(NO_TOKEN)
        elif rest[1:]:
            yield _on(words, rest[1], READ, kind)

    return read


def _jobs(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    if rest and rest[0] != "hardware":
        yield Need("job.write", _namespace(words))


def _endpoints(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    verb = _first(rest)
    if verb in {"list", "ls", "describe"}:
        yield Need("inference.endpoints.write", _namespace(words), "perhaps")
    elif verb == "catalog" and _first(rest, 1) != "deploy":
        yield Need(NO_TOKEN)
    elif verb and verb != "hardware":
        yield Need("inference.endpoints.write", _namespace(words))


def _webhooks(_: CommandLine, rest: list[str]) -> Iterator[Need]:
    if rest:
        reads = rest[0] in {"list", "ls", "info"}
        yield Need("user.webhooks.read" if reads else "user.webhooks.write", Entity("user"))


def _collections(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    verb, slug = _first(rest), _first(rest, 1)
    if verb in {"list", "ls"}:
        yield Need(NO_TOKEN)
    elif verb == "create":
        yield Need("collection.write", _namespace(words))
    elif verb:
        permission = "collection.read" if verb == "info" else "collection.write"
        known = slug is not None and is_repository(slug) and "/" in slug
        entity = Entity("namespace", slug.split("/")[0]) if known and slug else None
        yield Need(permission, entity, "needed" if known else "perhaps")


def _discussions(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    verb = _first(rest)
    if verb in {"list", "ls", "info", "diff"}:
        yield _on(words, _first(rest, 1), READ)
    elif verb:
        yield _on(words, _first(rest, 1), WRITE if verb == "merge" else "discussion.write")


def _buckets(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    verb, name = _first(rest), _first(rest, 1)
    if verb in {"sync", "cp"}:
        yield from _copy(words, rest[1:])
    elif verb in {"create", "delete", "move"}:
        yield _owner(name)
    elif verb in {"list", "ls", "info"}:
        bucket = "/".join((name or "").removeprefix("hf://buckets/").split("/")[:2])
        yield _on(words, bucket, READ, "bucket") if name else Need(READ, _namespace(words))
    elif verb in {"remove", "rm", "settings"}:
        bucket = "/".join((name or "").removeprefix("hf://buckets/").split("/")[:2])
        yield _on(words, bucket, WRITE, "bucket")


def _copy(_: CommandLine, places: list[str]) -> Iterator[Need]:
    for number, place in enumerate(places[:2]):
        entity = web.hf_url(place)
        if entity:
            yield Need(WRITE if number else READ, entity)
        elif place.startswith("hf://"):
            yield Need(WRITE if number else READ, None, "perhaps")


def _login(_: CommandLine, __: list[str]) -> Iterator[Need]:
    yield Need(ANY_TOKEN)


def _sandbox(words: CommandLine, _: list[str]) -> Iterator[Need]:
    yield Need("job.write", _namespace(words))


def _repo_files(words: CommandLine, rest: list[str]) -> Iterator[Need]:
    yield _on(words, _first(rest, 1) if _first(rest) == "delete" else _first(rest), WRITE)


_HANDLERS: dict[str, Callable[[CommandLine, list[str]], Iterator[Need]]] = {
    "download": _download,
    "upload": _upload,
    "upload-large-folder": _upload,
    "repo": _repos,
    "repos": _repos,
    "repo-files": _repo_files,
    "tag": lambda words, rest: iter([_on(words, _first(rest), WRITE)]),
    "auth": _auth,
    "login": _login,
    "whoami": _login,
    "spaces": _spaces,
    "models": _listing("model"),
    "datasets": _listing("dataset"),
    "jobs": _jobs,
    "sandbox": _sandbox,
    "endpoints": _endpoints,
    "webhooks": _webhooks,
    "collections": _collections,
    "discussions": _discussions,
    "buckets": _buckets,
    "cp": _copy,
    "sync": _copy,
}
