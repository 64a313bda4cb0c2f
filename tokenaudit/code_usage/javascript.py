"""Needs of JavaScript and TypeScript, by imports and the text of calls.

There is no syntax tree, so everything that a call does not name as a literal is `perhaps`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from tokenaudit.code_usage import web
from tokenaudit.code_usage.calls import is_repository
from tokenaudit.code_usage.model import Need, Needs, unique
from tokenaudit.model import Entity
from tokenaudit.permissions import ANY_TOKEN, NO_TOKEN, READ, WRITE
from tokenaudit.work_budget import WorkBudget

_WORTH_READING = re.compile(r"@huggingface/|@gradio/client|huggingface\.co|hf\.co|endpoints\.huggingface\.cloud")
_COMMENT = re.compile(r"(?<![:\"'`/])//[^\n]*|/\*")
_PACKAGE = re.compile(r"['\"](?P<package>@huggingface/[\w./-]{1,80}|@gradio/client)['\"]")
_REQUIRES = re.compile(r"(?:await\s+)?(?:require|import)\s*\($")
_DECLARES = re.compile(r"\b(?:const|let|var)\b")
_CALL = re.compile(
    r"(?<![\w.$])(?P<name>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)?)(?:<[^<>()]{0,200}>)?\s*(?P<bracket>\()"
)
_BRACKET = re.compile(r"[()\[\]{}]")
_HUB = {
    READ: "downloadFile snapshotDownload listFiles fileExists fileDownloadInfo modelInfo datasetInfo spaceInfo "
    "pathsInfo listCommits parseSafetensorsMetadata checkRepoAccess repoExists",
    WRITE: "uploadFile uploadFiles uploadFilesWithProgress commit commitIter deleteFile deleteFiles deleteBranch "
    "createBranch",
    "job.write": "runJob listJobs getJob cancelJob createScheduledJob",
    "collection.write": "createCollection deleteCollection addCollectionItem deleteCollectionItem",
    NO_TOKEN: "listModels listDatasets listSpaces listCollections",
    ANY_TOKEN: "whoAmI",
}
_NEED_OF = {name: need for need, names in _HUB.items() for name in names.split()}
_OWNER = frozenset({"createRepo", "deleteRepo"})
_CLIENTS = frozenset({"HfInference", "InferenceClient", "HfInferenceEndpoint"})
_REPO = re.compile(
    r"\brepo\s*:\s*(?P<quote>['\"`])(?P<name>[^'\"`$]*)(?P=quote)|"
    r"\brepo\s*:\s*\{(?P<fields>[^}]*)\}|\brepo\b"
)
_FIELD = re.compile(r"\b(type|name)\s*:\s*['\"`]([^'\"`$]*)['\"`]")
_CONSTANT = re.compile(r"\bconst\s+(\w+)(?:\s*:\s*\w+)?\s*=\s*['\"`]([^'\"`$\n]*)['\"`]")
_FETCH = re.compile(
    r"\b(?:fetch|axios(?:\.(?P<verb>\w+))?|got|ky)\s*\(\s*['\"`](?P<url>https?://[^'\"`]*)['\"`](?P<rest>[^;]{0,300})"
)
_VERB = re.compile(r"\bmethod\s*:\s*['\"](\w+)['\"]")
_BASE_URL = re.compile(r"\bbaseURL\s*:\s*['\"`](https?://[^'\"`$]*)")
_PREFIX = re.compile(r"^(?:hf://)?(datasets|spaces|models|buckets)/")
_LONGEST_CALL = 2_000
"""Characters of the arguments of one call that are read."""
_LONGEST_IMPORT = 2_000
"""Characters before the name of a package that are searched for the imported names."""
_LONGEST_URL = 2_000
_SEARCHES = 4
"""How often the arguments of one call are searched."""


def javascript_needs(path: str, text: str, budget: WorkBudget) -> Needs:
    """What a JavaScript or TypeScript file needs.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    if not _WORTH_READING.search(text):
        return Needs()
    code = _without_comments(text)
    lines = [match.start() for match in re.finditer("\n", code)]
    evidence = [need.at(path, bisect_left(lines, start) + 1, what) for start, what, need in _found(code, budget)]
    return Needs(unique(evidence))


def _without_comments(text: str) -> str:
    """The text with blanks in the place of comments."""
    parts: list[str] = []
    at = done = 0
    while (comment := _COMMENT.search(text, at)) is not None:
        at = comment.end()
        if comment.group() == "/*":
            end = text.find("*/", at)
            if end < 0:
                break
            at = end + 2
        parts += [text[done : comment.start()], re.sub(r"[^\n]", " ", text[comment.start() : at])]
        done = at
    return "".join([*parts, text[done:]])


def _found(code: str, budget: WorkBudget) -> Iterator[tuple[int, str, Need]]:
    constants = dict(_CONSTANT.findall(code))
    names, packages = _imports(code, budget)
    ends = _bracket_ends(code) if names else {}
    for call in _CALL.finditer(code) if names else ():
        name = names.get(call["name"])
        if name is None:
            continue
        end = ends.get(call.start("bracket"), len(code))
        arguments = code[call.end() : min(end, call.end() + _LONGEST_CALL)]
        budget.spend(_SEARCHES * len(arguments))
        for need in _hub_call(name, arguments, constants) if name not in _CLIENTS else _client(arguments):
            yield call.start(), f"{name}({need.entity.name if need.entity and need.entity.name else '…'})", need
    yield from _requests(code)
    if "@gradio/client" in packages:
        for call in re.finditer(r"\b(?:Client\.connect|client|duplicate)\s*\(\s*['\"]([\w.-]+/[\w.-]+)['\"]", code):
            yield call.start(), f"Client.connect({call[1]})", Need(READ, Entity("space", call[1]))


def _requests(code: str) -> Iterator[tuple[int, str, Need]]:
    for call in _FETCH.finditer(code):
        verb = _VERB.search(call["rest"])
        method = (verb[1] if verb else call["verb"] if call["verb"] and call["verb"] != "request" else "GET").upper()
        if len(call["url"]) > _LONGEST_URL:
            continue
        url = re.sub(r"\$\{[^{}]*\}", "\ufffd", call["url"])
        for need in web.request(url, method):
            yield call.start(), f"{method} {web_name(url)}", need
    for call in _BASE_URL.finditer(code):
        if web.is_providers(call[1]) or web.is_endpoint(call[1]):
            yield call.start(), f"client of {web_name(call[1])}", next(iter(web.request(call[1], "POST")))


def web_name(url: str) -> str:
    """The host of a URL, for showing."""
    return url.split("/")[2].rsplit("@", 1)[-1] if url.count("/") > 1 else "the Hub"


def _imports(code: str, budget: WorkBudget) -> tuple[dict[str, str], set[str]]:
    """Imported names by their local alias (with `hub.` before members of a namespace import), and the packages."""
    names: dict[str, str] = {}
    packages = set()
    for found in _PACKAGE.finditer(code):
        budget.spend(_LONGEST_IMPORT)
        what = _imported(code[max(0, found.start() - _LONGEST_IMPORT) : found.start()].rstrip())
        if what is None:
            continue
        packages.add(found["package"])
        if found["package"] not in {"@huggingface/hub", "@huggingface/inference"}:
            continue
        for part in what[what.find("{") + 1 : what.rfind("}")].split(",") if "{" in what else ():
            name, _, alias = re.sub(r"\s+as\s+|\s*:\s*", "\0", part.strip().removeprefix("type ")).partition("\0")
            if name:
                names[alias or name] = name
        namespace = re.match(r"\s*(?:\*\s*as\s+)?(\w+)\s*$", what)
        if namespace:
            names |= {f"{namespace[1]}.{n}": n for n in (*_NEED_OF, *_OWNER, *_CLIENTS)}
    return names, packages


def _imported(before: str) -> str | None:
    """The imported names, by the text before the name of the package; None if it is not an import."""
    if before.endswith("from"):
        start = before.rfind("import")
        what = before[start + len("import") : -len("from")]
        return None if start < 0 or re.search(r"[;'\"()]", what) else what.strip().removeprefix("type ")
    required = _REQUIRES.search(before)
    if required is None:
        return None
    assigned = before[: required.start()].rstrip()
    declared = [match.end() for match in _DECLARES.finditer(assigned)]
    what = assigned[declared[-1] : -1] if declared and assigned.endswith("=") else "="
    return None if "=" in what or ";" in what else what


def _bracket_ends(code: str) -> dict[int, int]:
    """For each opening bracket the position of the closing one, of any kind."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for bracket in _BRACKET.finditer(code):
        if bracket.group() in "([{":
            opened.append(bracket.start())
        elif opened:
            ends[opened.pop()] = bracket.start()
    return ends


def _hub_call(name: str, arguments: str, constants: dict[str, str]) -> Iterator[Need]:
    if name in _OWNER:
        entity, _ = _repository(arguments, constants)
        if entity and entity.name:
            owner = Entity("namespace", entity.name.split("/")[0]) if "/" in entity.name else Entity("user")
            yield Need(WRITE, owner)
        else:
            yield Need(WRITE, None, "perhaps")
        return
    need = _NEED_OF.get(name)
    if need in {NO_TOKEN, ANY_TOKEN}:
        yield Need(str(need))
    elif need in {"job.write", "collection.write"}:
        yield Need(str(need), Entity("user"), "perhaps")
    elif need:
        entity, certain = _repository(arguments, constants)
        if need == WRITE and re.search(r"\bisPullRequest\s*:\s*true", arguments):
            need = "discussion.write"
        yield Need(need, entity, "needed" if certain else "perhaps")


def _repository(arguments: str, constants: dict[str, str]) -> tuple[Entity | None, bool]:
    found = _REPO.search(arguments)
    if not found:
        return None, False
    kind, name = "model", found["name"]
    if found["fields"]:
        fields = dict(_FIELD.findall(found["fields"]))
        kind, name = fields.get("type", "model"), fields.get("name")
        reference = re.search(r"\bname\b(?:\s*:\s*(\w+))?", found["fields"])
        if name is None and reference:
            name = constants.get(reference[1] or "name")
    elif name is None:
        reference = re.search(r"\brepo\s*:\s*(\w+)", arguments)
        name = constants.get(reference[1] if reference else "repo")
    prefix = _PREFIX.match(name or "")
    if prefix and name:
        kind, name = prefix[1].removesuffix("s"), name[prefix.end() :]
    if not name or not is_repository(name):
        return None, False
    return Entity(kind, name), True


def _client(arguments: str) -> Iterator[Need]:
    url = re.search(r"https?://[^'\"`\s]+", arguments)
    if url and web.is_endpoint(url[0]):
        yield Need(web.ENDPOINT_CALL, Entity("user"))
        return
    payer = re.search(r"\bbillTo\s*:\s*['\"]([\w.-]+)['\"]", arguments)
    yield Need(web.INFERENCE, Entity("org", payer[1]) if payer else Entity("user"))
