"""Changed Python, notebooks and scripts: code that reads credentials, starts processes, sends data or hides itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.commands import commands_in
from tokenaudit.content.python_indicators import Indicator, NotPythonError, python_indicators
from tokenaudit.content.python_tables import HUB_TOKEN_VARIABLE
from tokenaudit.content.remote_code import runs_on_load
from tokenaudit.model import Rule, Severity
from tokenaudit.text import size
from tokenaudit.work_budget import WorkLimitError

_REMEDY = (
    "Review the change. If it is not yours, revert to the last good revision, revoke the token that pushed it, "
    "and "
    "tell those who have loaded the repository since."
)
CREDENTIALS = Rule(
    id="content-python-credentials",
    title="Changed code reads credentials",
    severity=Severity.HIGH,
    why="Model code does not need tokens, key files or the whole environment. Of 1,503 published files, none reads "
    "them.",
    remedy=_REMEDY,
    bad="`requests.post(url, json=dict(os.environ))` added to `modeling_acme.py`.",
    good="Code that takes a token as an argument.",
    references=("https://huggingface.co/docs/hub/security-tokens",),
)
PROCESS = Rule(
    id="content-python-process",
    title="Changed code starts a process",
    severity=Severity.HIGH,
    why="Loading a model does not need another program. A process runs any command, with the rights of the user.",
    remedy=_REMEDY,
    bad='`subprocess.run(["sh", "-c", …])` added to `modeling_acme.py`.',
    good="Tensor code only.",
)
NETWORK = Rule(
    id="content-python-network",
    title="Changed code sends data or opens connections",
    severity=Severity.HIGH,
    why="Code that is loaded with a model can send prompts, files and tokens to others, or fetch more code.",
    remedy=_REMEDY,
    bad="`socket.create_connection((host, 443))` added to `handler.py`.",
    good="Downloads from the Hub by `hf_hub_download` with a pinned revision.",
)
OBFUSCATED = Rule(
    id="content-python-obfuscated",
    title="Changed code hides what it does",
    severity=Severity.HIGH,
    why="Code that is decoded or computed and then executed can't be reviewed. A model has no reason to do this.",
    remedy=_REMEDY,
    bad="`exec(base64.b64decode(…))` added to `__init__.py`.",
    good="The same code, written plainly.",
)
RULES = (CREDENTIALS, PROCESS, NETWORK, OBFUSCATED)

_RULE_OF = {
    "credential": CREDENTIALS,
    "process": PROCESS,
    "network": NETWORK,
    "decode": OBFUSCATED,
    "execute": OBFUSCATED,
}
_PYTHON = (".py", ".pyw", ".pyi", ".pyx")
_SCRIPTS = (".sh", ".bash", ".zsh", ".ksh", ".bat", ".cmd", ".ps1", ".psm1", ".command")
_DOCKER = re.compile(r"(?:dockerfile|containerfile)(?:\..*)?|.*\.dockerfile", re.IGNORECASE)
_SHEBANG = re.compile(rb"#![^\n]*\b(?:(?P<python>python[\d.]*)|(?:ba|z|da|k)?sh)\b")
_LARGEST = 4 << 20
"""Size in bytes of the largest source file that is parsed."""


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Findings for new code in a file."""
    if change.after is None:
        return
    kind = _kind(change.after, content)
    if kind is None:
        return
    if change.after.size > _LARGEST:
        content.skip(f"{size(change.after.size)} of source code, more than the {size(_LARGEST)} that are parsed")
        return
    after = _indicators(kind, content.read(change.after, 0, _LARGEST), repository, content)
    before: list[Indicator] = []
    if change.before is not None and change.before.size <= _LARGEST:
        before = _indicators(kind, content.read(change.before, 0, _LARGEST), repository, None)
    yield from _judged(after, before, runs_on_load(change.path, repository))


def _kind(version: FileVersion, content: ChangedContent) -> str | None:
    name = PurePosixPath(version.path).name.lower()
    if name.endswith(_PYTHON):
        return "python"
    if name.endswith(".ipynb"):
        return "notebook"
    if name.endswith(_SCRIPTS):
        return "script"
    if _DOCKER.fullmatch(name):
        return "docker"
    shebang = _SHEBANG.match(content.head(version))
    if shebang is None:
        return None
    return "python" if shebang["python"] else "script"


def _indicators(kind: str, data: bytes, repository: RepositoryFacts, content: ChangedContent | None) -> list[Indicator]:
    """The indicators of one version. Without `content`, as for the version before, unparsable code counts as empty."""
    try:
        if kind == "notebook":
            return list(_in_notebook(data, repository.owner, content))
        if kind in {"script", "docker"}:
            return list(_in_script(data, docker=kind == "docker"))
        found = python_indicators(data, repository.owner)
        return [_in_space(one) for one in found] if repository.type == "space" else found
    except (NotPythonError, WorkLimitError) as error:
        reason = error.reason if isinstance(error, WorkLimitError) else str(error)
        if content is not None:
            content.skip(reason)
        return []


def _in_space(one: Indicator) -> Indicator:
    """A Space can read its token and call services: in a Space, each is a finding only together with the other."""
    own = one.kind == "credential" and (HUB_TOKEN_VARIABLE.search(one.name) or one.name.startswith("huggingface_hub."))
    service = one.kind == "network" and one.weak and not one.encoded
    return replace(one, alone=False) if own or service else one


def _in_script(data: bytes, *, docker: bool) -> Iterator[Indicator]:
    for found in commands_in(data.decode("utf-8", "replace")):
        at_import = docker
        yield Indicator(
            found.kind, found.name, found.message, found.line, f"{found.name} {found.text}", at_import=at_import
        )


_MAGIC = re.compile(r"(\s*)[!%]")
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script|system|cmd|powershell|!)")
_SHELL_LINE = re.compile(r"\s*(?:\w+\s*=\s*)?(?:!|%sx\s|%system\s|%pip\s)(.*)")


def _in_notebook(data: bytes, owner: str, content: ChangedContent | None) -> Iterator[Indicator]:
    """The code cells; lines count from the start of the cell."""
    try:
        notebook: Any = json.loads(data)
        cells = notebook["cells"] if "cells" in notebook else [c for w in notebook["worksheets"] for c in w["cells"]]
        sources = [_source(c.get("source", c.get("input", ""))) for c in cells if c.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        if content is not None:
            content.skip("not a valid notebook; not examined")
        return
    for number, source in enumerate(sources, start=1):
        if _SHELL_CELL.match(source):
            yield from _in_script(source.encode("utf-8", "surrogatepass"), docker=False)
            continue
        shell = [match[1] for line in source.split("\n") if (match := _SHELL_LINE.match(line))]
        yield from _in_script("\n".join(shell).encode("utf-8", "surrogatepass"), docker=False)
        try:
            code = "\n".join(_MAGIC.sub(r"\1pass  #", line, count=1) for line in source.split("\n"))
            yield from python_indicators(code, owner)
        except NotPythonError:
            if content is not None:
                content.skip(f"code cell {number} is not valid Python; not examined")


def _source(source: Any) -> str:  # noqa: ANN401 - a node of a JSON document
    return source if isinstance(source, str) else "".join(source)


def _judged(after: Sequence[Indicator], before: Sequence[Indicator], on_load: str | None) -> Iterator[ContentFinding]:
    """Findings for what is new in `after`. An indicator that needs another one finds it in either version."""
    known = Counter(one.key for one in before)
    names = {(one.kind, one.name) for one in before if one.alone}
    new: list[Indicator] = []
    for one in after:
        if known[one.key] > 0:
            known[one.key] -= 1
        else:
            new.append(one)
    for one in _without_repeats(new):
        partners = [other for other in after if other.kind != one.kind and not _same_place(other, one)]
        severity = _severity(one, partners, is_new=(one.kind, one.name) not in names)
        if severity is not None:
            when = " when the file is imported" if one.at_import else ""
            with_others = _together(one, partners)
            yield finding(
                _RULE_OF[one.kind],
                f"{one.message}{when}{with_others}; {on_load or 'nothing loads this file automatically'}",
                risk="executes",
                severity=severity,
                line=one.line,
                names=(one.name,),
            )


def _without_repeats(found: Iterable[Indicator]) -> Iterator[Indicator]:
    """One indicator per kind and line: the first that is a finding alone."""
    best: dict[tuple[str, int], Indicator] = {}
    for one in found:
        key = one.kind, one.line
        if key not in best or (one.alone and not best[key].alone) or (best[key].weak and not one.weak and one.alone):
            best[key] = one
    yield from best.values()


def _same_place(one: Indicator, other: Indicator) -> bool:
    return one.key == other.key


_RISKY_PAIRS = frozenset(
    {
        frozenset({"credential", "network"}),
        frozenset({"decode", "execute"}),
        frozenset({"decode", "process"}),
        frozenset({"network", "execute"}),
        frozenset({"network", "process"}),
    }
)


def _severity(one: Indicator, partners: Sequence[Indicator], *, is_new: bool) -> Severity | None:
    """The indicator, or None if it needs another one that is missing."""
    risky = [p for p in partners if frozenset((p.kind, one.kind)) in _RISKY_PAIRS]
    strong = [p for p in risky if p.alone]
    if not one.alone:
        return Severity.HIGH if strong else Severity.MEDIUM if _suspicious_pair(one, risky) else None
    if one.encoded:
        return Severity.CRITICAL
    if one.weak and not strong:
        return Severity.MEDIUM
    if strong or (one.kind in {"process", "execute"} and one.at_import and not one.weak):
        return Severity.CRITICAL
    return Severity.HIGH if is_new else Severity.MEDIUM


def _suspicious_pair(one: Indicator, risky: Sequence[Indicator]) -> bool:
    """Whether two indicators that are harmless alone are a finding together, such as a secret and a connection."""
    return any({p.kind, one.kind} == {"credential", "network"} for p in risky)


def _together(one: Indicator, partners: Sequence[Indicator]) -> str:
    found = sorted(
        {p.message for p in partners if frozenset((p.kind, one.kind)) in _RISKY_PAIRS and (p.alone or one.alone)}
    )
    return f"; the file also {found[0]}" if found else ""
