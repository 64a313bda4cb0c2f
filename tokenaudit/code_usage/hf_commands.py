"""What the subcommands of `hf` (formerly `huggingface-cli`) need. Command names as of huggingface_hub 2.4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tokenaudit.code_usage import web
from tokenaudit.code_usage.arguments import is_repository
from tokenaudit.code_usage.command_line import Words
from tokenaudit.code_usage.model import Need
from tokenaudit.model import Certainty, Entity
from tokenaudit.remediate.permissions import ANY_TOKEN, NO_TOKEN, READ, WRITE

_TYPES = ("--type", "--repo-type")


def hf_needs(words: Sequence[str]) -> Iterator[Need]:
    """Needs of `hf <words>`; nothing for a subcommand that stays on this machine."""
    found = Words(words)
    if not found.operands:
        return
    handler = _HANDLERS.get(found.operands[0])
    if handler:
        yield from handler(found, found.operands[1:])


def _repository(words: Words, name: str | None, kind: str | None = None) -> tuple[Entity | None, Certainty]:
    kind = kind or words.option(*_TYPES) or "model"
    if name is None or not is_repository(name):
        return None, "perhaps"
    if not kind.isalpha():
        return Entity("repository", name), "perhaps"
    return Entity(kind.removesuffix("s"), name), "needed"


def _on(words: Words, name: str | None, permission: str, kind: str | None = None) -> Need:
    entity, certainty = _repository(words, name, kind)
    return Need(permission, entity, certainty)


def _owner(name: str | None, *, certain: bool = True) -> Need:
    if name is None or not is_repository(name):
        return Need(WRITE, None, "perhaps")
    entity = Entity("namespace", name.split("/")[0]) if "/" in name else Entity("user")
    return Need(WRITE, entity, "needed" if certain else "perhaps")


def _namespace(words: Words) -> Entity:
    name = words.option("--namespace")
    return Entity("namespace", name) if name else Entity("user")


def _first(operands: Sequence[str], position: int = 0) -> str | None:
    return operands[position] if len(operands) > position else None


def _download(words: Words, rest: list[str]) -> Iterator[Need]:
    yield _on(words, _first(rest), READ)


def _upload(words: Words, rest: list[str]) -> Iterator[Need]:
    yield _on(words, _first(rest), "discussion.write" if words.has("--create-pr") else WRITE)


def _repos(words: Words, rest: list[str]) -> Iterator[Need]:
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


def _auth(_: Words, rest: list[str]) -> Iterator[Need]:
    if not rest or rest[0] in {"login", "whoami", "token", "switch"}:
        yield Need(ANY_TOKEN)


def _spaces(words: Words, rest: list[str]) -> Iterator[Need]:
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


def _listing(kind: str) -> Callable[[Words, list[str]], Iterator[Need]]:
    def read(words: Words, rest: list[str]) -> Iterator[Need]:
        if _first(rest) in {"list", "ls"}:
            yield Need(NO_TOKEN)
        elif rest[1:]:
            yield _on(words, rest[1], READ, kind)

    return read


def _jobs(words: Words, rest: list[str]) -> Iterator[Need]:
    if rest and rest[0] != "hardware":
        yield Need("job.write", _namespace(words))


def _endpoints(words: Words, rest: list[str]) -> Iterator[Need]:
    verb = _first(rest)
    if verb in {"list", "ls", "describe"}:
        yield Need("inference.endpoints.write", _namespace(words), "perhaps")
    elif verb == "catalog" and _first(rest, 1) != "deploy":
        yield Need(NO_TOKEN)
    elif verb and verb != "hardware":
        yield Need("inference.endpoints.write", _namespace(words))


def _webhooks(_: Words, rest: list[str]) -> Iterator[Need]:
    if rest:
        reads = rest[0] in {"list", "ls", "info"}
        yield Need("user.webhooks.read" if reads else "user.webhooks.write", Entity("user"))


def _collections(words: Words, rest: list[str]) -> Iterator[Need]:
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


def _discussions(words: Words, rest: list[str]) -> Iterator[Need]:
    verb = _first(rest)
    if verb in {"list", "ls", "info", "diff"}:
        yield _on(words, _first(rest, 1), READ)
    elif verb:
        yield _on(words, _first(rest, 1), WRITE if verb == "merge" else "discussion.write")


def _buckets(words: Words, rest: list[str]) -> Iterator[Need]:
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


def _copy(_: Words, places: list[str]) -> Iterator[Need]:
    for number, place in enumerate(places[:2]):
        entity = web.hf_url(place)
        if entity:
            yield Need(WRITE if number else READ, entity)
        elif place.startswith("hf://"):
            yield Need(WRITE if number else READ, None, "perhaps")


def _login(_: Words, __: list[str]) -> Iterator[Need]:
    yield Need(ANY_TOKEN)


def _sandbox(words: Words, _: list[str]) -> Iterator[Need]:
    yield Need("job.write", _namespace(words))


def _repo_files(words: Words, rest: list[str]) -> Iterator[Need]:
    yield _on(words, _first(rest, 1) if _first(rest) == "delete" else _first(rest), WRITE)


_HANDLERS: dict[str, Callable[[Words, list[str]], Iterator[Need]]] = {
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
