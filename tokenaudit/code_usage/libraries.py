"""Needs of calls outside huggingface_hub: model loaders, inference clients, HTTP, file systems, commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from tokenaudit.code_usage import web
from tokenaudit.code_usage.calls import (
    FROM_PRETRAINED,
    INFERENCE,
    MODEL_MAKERS,
    OPENAI,
    Arguments,
    is_local,
    is_repository,
)
from tokenaudit.code_usage.commands import command_needs
from tokenaudit.code_usage.model import Need
from tokenaudit.code_usage.shell import line_needs
from tokenaudit.constant_folding import Constants
from tokenaudit.model import Entity
from tokenaudit.permissions import NO_TOKEN, READ, WRITE

_HTTP = frozenset({"requests", "httpx", "urllib", "aiohttp", "urllib3"})
_METHODS = frozenset({"get", "post", "put", "delete", "head", "patch"})
_REQUESTS = frozenset({"request", "urlopen", "urlretrieve", "Request", "stream"})
_HF_URL = re.compile(r"hf://[^\s'\"]+")
_TIMM = re.compile(r"hf[-_]hub:([\w.-]+/[\w.-]+)")
_WRITERS = ("to_", "write", "save", "sink", "put", "rm", "mv", "copy", "upload", "touch")


def library_needs(origin: str, name: str, arguments: Arguments) -> Iterator[Need]:
    """Needs of a call to a supported function, otherwise nothing."""
    library = origin.split(".", 1)[0]
    if name == "from_pretrained":
        yield from _loaded(arguments, FROM_PRETRAINED)
    elif origin in MODEL_MAKERS:
        yield from _loaded(arguments, (MODEL_MAKERS[origin],))
    elif origin in INFERENCE:
        yield from _inference(arguments, INFERENCE[origin])
    elif origin in _BY_NAME:
        yield from _BY_NAME[origin](arguments)
    elif library in _HTTP and (name in _METHODS or name in _REQUESTS):
        yield from _requested(name, arguments)
    elif origin.startswith("huggingface_hub.HfFileSystem()"):
        yield from _file_system(name, arguments)
    yield from _addresses(name, arguments)


def _loaded(arguments: Arguments, names: tuple[str, ...]) -> Iterator[Need]:
    given = next((n for n in names if arguments.has(n)), names[0])
    yield from _repositories(arguments.options(given, 0), "model")


def _repositories(found: Constants, kind: str) -> Iterator[Need]:
    if not found.values:
        yield Need(READ, None, "perhaps")
    for text in found.texts():
        if not is_local(text) and is_repository(text):
            # One word may as well be a folder beside the script as one of the Hub's oldest repositories.
            yield Need(READ, Entity(kind, text), "needed" if found.sure and "/" in text else "perhaps")


def _pipeline(arguments: Arguments) -> Iterator[Need]:
    if arguments.node("model", 1) is None:
        yield Need(NO_TOKEN)
    elif arguments.options("model", 1).values or not isinstance(arguments.node("model", 1), ast.Name):
        yield from _repositories(arguments.options("model", 1), "model")


def _inference(arguments: Arguments, places: tuple[str, ...]) -> Iterator[Need]:
    payers = arguments.options("bill_to").texts()
    payer = Entity("org", payers[0]) if len(payers) == 1 else Entity("user")
    for place in places:
        node = arguments.node(place, 0 if place == "model" else None)
        address = arguments.values.beginning(node)
        if web.is_endpoint(address):
            yield Need(web.ENDPOINT_CALL, Entity("user"))
            return
        if address.startswith("http") and not web.is_providers(address):
            return
    yield Need(web.INFERENCE, payer)


def _openai(arguments: Arguments) -> Iterator[Need]:
    for name in ("base_url", "openai_api_base", "api_base"):
        address = arguments.values.beginning(arguments.node(name))
        if web.is_providers(address) or web.is_endpoint(address):
            yield from web.request(address, "POST")


def _requested(name: str, arguments: Arguments) -> Iterator[Need]:
    position, method = 0, name.upper()
    if name in {"request", "stream"}:
        verbs = arguments.options("method", 0).texts()
        position, method = 1, (verbs[0].upper() if len(verbs) == 1 else "GET")
    elif name not in _METHODS:
        method = "POST" if arguments.has("data") else "GET"
    found = arguments.options("url", position)
    for text in found.texts():
        yield from (n if found.sure else n.doubted() for n in web.request(text, method))
    if not found.values:
        yield from _guessed(arguments.values.beginning(arguments.node("url", position)), method)


def _guessed(beginning: str, method: str) -> Iterator[Need]:
    if web.is_providers(beginning) or web.is_endpoint(beginning):
        yield from web.request(beginning, method)
    elif web.is_hub(beginning):
        yield Need(READ if method in {"GET", "HEAD"} else WRITE, None, "perhaps")


def _space(arguments: Arguments) -> Iterator[Need]:
    yield from _repositories(arguments.options("src", 0), "space")


def _shell(arguments: Arguments) -> Iterator[Need]:
    for text in arguments.options("command", 0).texts():
        yield from line_needs(text, arguments.values.budget)


def _command(arguments: Arguments) -> Iterator[Need]:
    node = arguments.node("args", 0)
    if isinstance(node, (ast.List, ast.Tuple)):
        words = [arguments.values.of(e).texts() for e in node.elts]
        yield from command_needs([w[0] if len(w) == 1 else None for w in words])
        return
    for text in arguments.options("args", 0).texts():
        yield from line_needs(text, arguments.values.budget)


def _file_system(name: str, arguments: Arguments) -> Iterator[Need]:
    found = arguments.options("path", 0)
    modes = arguments.options("mode", 1).texts()
    writes = name.startswith(_WRITERS) or (name == "open" and any(m[0] in "wax" for m in modes))
    if not found.values:
        yield Need(WRITE if writes else READ, None, "perhaps")
    for text in found.texts():
        entity = web.hf_url(text if text.startswith("hf://") else f"hf://{text}")
        if entity and not text.startswith("hf://"):
            yield Need(WRITE if writes else READ, entity, "needed" if found.sure else "perhaps")


def _addresses(name: str, arguments: Arguments) -> Iterator[Need]:
    """`hf://` and `hf-hub:` addresses passed to any library."""
    modes = arguments.options("mode", 1).texts() if name == "open" else ()
    writes = name.startswith(_WRITERS) or any(m[:1] in {"w", "a", "x"} for m in modes)
    for text in arguments.texts():
        for address in _HF_URL.findall(text):
            entity = web.hf_url(address)
            if entity:
                yield Need(WRITE if writes else READ, entity)
        timm = _TIMM.match(text)
        if timm:
            yield Need(READ, Entity("model", timm[1]))


_BY_NAME: dict[str, Callable[[Arguments], Iterator[Need]]] = {
    "transformers.pipeline": _pipeline,
    "gradio_client.Client": _space,
    "gradio.Client": _space,
    **dict.fromkeys(OPENAI, _openai),
    **dict.fromkeys((f"subprocess.{n}" for n in ("run", "call", "check_call", "check_output", "Popen")), _command),
    **dict.fromkeys(("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"), _shell),
}
