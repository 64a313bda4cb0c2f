"""What a Python module does that model code does not need: credentials, processes, network, hidden code."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tokenaudit.content.commands import HarmfulCommand, commands_in
from tokenaudit.content.import_time import ImportTime
from tokenaudit.content.python_names import PythonNames
from tokenaudit.content.python_tables import (
    CLIENTS,
    CODE_OBJECTS,
    CODE_URL,
    COMPUTED_OWNERS,
    COOKIE,
    CREDENTIAL_PATH,
    DATA_ARGUMENTS,
    DROPS,
    ENVIRONMENT_READS,
    ENVIRONMENT_SAFE,
    ENVIRONMENTS,
    EXECUTION,
    HOOK_CALLS,
    HOOKS,
    HUB_TOKEN_VARIABLE,
    INVISIBLE,
    IP_HOST,
    LOCAL_HOST,
    LONG_LITERAL,
    NATIVE_PROCESSES,
    PARTNERS,
    PERSISTENCE,
    PLAIN_COOKIES,
    PRIVATE_TOKEN_READS,
    PROCESSES,
    SECRET_VARIABLE,
    SENDING,
    SITE_PACKAGES,
    SOCKETS,
    TEXT_EXECUTION,
    TOKEN_READS,
    TRUSTED_HOST,
    TYPES,
    UPLOADS,
    URL,
    IndicatorKind,
)
from tokenaudit.content.text_folding import DECODERS
from tokenaudit.work_budget import WorkBudget

_NESTED = 3
"""Maximum depth of executed texts within executed texts."""


@dataclass(frozen=True)
class Indicator:
    """One thing that code does.

    With `alone` it is a finding without any other indicator. `key` identifies it across versions: its kind and the
    whole call, with constants resolved. `at_import` is whether importing the module runs it. `encoded` is whether its
    code was in a text that is decoded and executed.
    """

    kind: IndicatorKind
    name: str
    message: str
    line: int
    key: str
    alone: bool = True
    at_import: bool = False
    encoded: bool = False
    weak: bool = False
    """Whether the finding is less severe than usual, such as installing a named package."""


class NotPythonError(Exception):
    """The text is not valid Python; the message says why."""


def python_indicators(data: bytes | str, owner: str = "", *, depth: int = 0) -> list[Indicator]:
    """What the module does. `owner` is the namespace of its repository, to which uploads are expected.

    Raises:
        NotPythonError: the module can't be parsed.
        WorkLimitError: the module takes more work than its size justifies.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = f"not valid Python{line}; its code was not examined"
        raise NotPythonError(reason) from error
    reader = _Reader(module, owner, len(data), depth)
    found = [*reader.read(), *_in_bytes(data)]
    return sorted(dict.fromkeys(found), key=lambda one: (one.line, one.kind, one.name))


def _in_bytes(data: bytes | str) -> Iterator[Indicator]:
    """What only the text shows: an unusual encoding, and characters that change the displayed order."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    for match in INVISIBLE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        code = f"U+{ord(match[0]):04X}"
        yield Indicator("decode", code, f"{code} hides or reorders displayed code", line, code)
    cookie = COOKIE.match(data) if isinstance(data, bytes) else None
    if cookie is not None:
        name = re.sub(rb"[-_. ]", b"", cookie[1].lower())
        if name not in PLAIN_COOKIES:
            shown = cookie[1].decode("ascii", "replace")
            yield Indicator("decode", shown, f"the file declares the encoding {shown}, which hides its code", 1, shown)


class _Reader:
    def __init__(self, module: ast.Module, owner: str, size: int, depth: int) -> None:
        self._module = module
        self._owner = owner.lower()
        self._names = PythonNames(module, WorkBudget(size))
        self._texts = self._names.texts
        self._depth = depth
        self._docstrings = _docstrings(module)
        self._import_time = ImportTime(module, self._names)

    def read(self) -> Iterator[Indicator]:  # noqa: C901 - one branch a kind of node
        """Every indicator, in no particular order."""
        for alias, name in self._names.imported:
            if name in PROCESSES or name in TOKEN_READS or (name in CODE_OBJECTS and name not in TYPES):
                yield from self._reference(alias, name)
        for node in ast.walk(self._module):
            if isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Subscript) and self._names.of(node.value) & ENVIRONMENTS:
                yield from self._variable(node, node.slice) if isinstance(node.ctx, ast.Load) else ()
            if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
                if isinstance(getattr(node, "ctx", None), ast.Store):
                    yield from self._stored(node)
                    continue
                for name in sorted(self._names.of(node)):
                    yield from self._reference(node, name)
            elif isinstance(node, ast.Constant) and node not in self._docstrings:
                yield from self._constant(node)
            elif isinstance(node, (ast.BinOp, ast.JoinedStr)):
                yield from self._path(node)

    def _made(
        self, kind: IndicatorKind, name: str, message: str, node: ast.AST, *, alone: bool = True, weak: bool = False
    ) -> Indicator:
        context = self._context(node)
        key = f"{kind} {name} {ast.unparse(context)} {self._behind(context)}"
        return Indicator(
            kind,
            name,
            message,
            getattr(node, "lineno", 1),
            key,
            alone=alone,
            at_import=self._import_time.runs(node),
            weak=weak,
        )

    def _context(self, node: ast.AST) -> ast.AST:
        """The call that a name is part of, or the name."""
        parent = self._names.parents.get(node)
        while isinstance(parent, (ast.Attribute, ast.Subscript)) or (
            isinstance(parent, ast.Call) and parent.func is node
        ):
            node, parent = parent, self._names.parents.get(parent)
        return node if not isinstance(node, ast.alias) else ast.Name(id=node.name)

    def _behind(self, node: ast.AST) -> str:
        if not isinstance(node, ast.Call):
            return ""
        texts = [self._texts.of(value).values for value in (*node.args, *(k.value for k in node.keywords))]
        return hashlib.sha256(str(texts).encode("utf-8", "surrogatepass")).hexdigest()

    def _reference(self, node: ast.AST, name: str) -> Iterator[Indicator]:  # noqa: C901, PLR0912 - one branch a table
        if name in PROCESSES or NATIVE_PROCESSES.match(name):
            yield from self._process(node, name)
        elif name in ENVIRONMENTS:
            if self._is_dump(node):
                yield self._made("credential", name, f"reads the whole environment ({name})", node)
        elif name.startswith(("os.environ.", "os.environb.")):
            attribute = name.rpartition(".")[2]
            if attribute not in ENVIRONMENT_SAFE and "(" not in name and name not in ENVIRONMENT_READS:
                yield self._made("credential", name, f"reads the whole environment ({name})", node)
        elif name in TOKEN_READS:
            yield self._made("credential", name, f"reads a stored credential ({name})", node)
        elif name in SOCKETS:
            yield self._made("network", name, f"opens a network connection ({name})", node)
        elif name in CODE_OBJECTS and (name not in TYPES or self._is_called(node)):
            yield self._made("execute", name, f"creates code from data ({name})", node)
        elif name in SITE_PACKAGES:
            yield self._made("process", name, f"finds the folder of installed packages ({name})", node, weak=True)
        elif PRIVATE_TOKEN_READS.match(name):
            yield self._made("credential", name, f"reads a stored credential ({name})", node)
        elif name in HOOK_CALLS:
            yield self._made("execute", name, f"changes how Python runs code ({name})", node)
        elif name in PARTNERS:
            yield self._made(PARTNERS[name], name, f"uses {name}", node, alone=False)
        elif name in EXECUTION and not isinstance(self._names.parents.get(node), ast.Call):
            yield self._made("execute", name, f"passes {name} on without calling it", node)

    def _is_called(self, node: ast.AST) -> bool:
        parent = self._names.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def _process(self, node: ast.AST, name: str) -> Iterator[Indicator]:
        call = self._context(node)
        command = " ".join(t for a in (call.args if isinstance(call, ast.Call) else []) for t in self._words(a))
        weak = bool(re.search(r"\bpip3? install\b", command)) and not re.search(r"https?:|git\+|index-url", command)
        detail = f": {command}" if command else ""
        yield self._made("process", name, f"starts a process ({name}){detail}", node, weak=weak)
        if command:
            yield from (self._from_command(found, node) for found in commands_in(command))

    def _words(self, node: ast.expr) -> list[str]:
        if isinstance(node, (ast.List, ast.Tuple)):
            return [text for element in node.elts for text in self._texts.of(element).texts()[:1]]
        found = self._texts.of(node).values[:1]
        if found and isinstance(found[0], tuple):
            return [part for part in found[0] if isinstance(part, str)]
        return [text for text in found if isinstance(text, str)]

    def _from_command(self, found: HarmfulCommand, node: ast.AST) -> Indicator:
        return self._made(found.kind, found.name, f"a command {found.message}", node)

    def _is_dump(self, node: ast.AST) -> bool:
        """Whether the whole environment is used, not one variable."""
        parent = self._names.parents.get(node)
        if isinstance(parent, ast.Subscript):
            return parent.value is not node
        if isinstance(parent, (ast.Attribute, ast.alias)) or isinstance(node, ast.alias):
            return False
        if isinstance(parent, ast.Compare):
            return parent.left is node
        if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            return isinstance(getattr(parent, "targets", [None])[0], (ast.Attribute, ast.Subscript))
        if isinstance(parent, ast.Call):
            called = self._names.of(parent.func)
            getters = {
                "builtins.getattr",
                "builtins.isinstance",
                "builtins.hasattr",
                "builtins.len",
                "builtins.id",
                "builtins.type",
            }
            return not called & getters and not self._is_environment_lookup(parent)
        return not isinstance(parent, (ast.Expr, ast.Delete))

    def _is_environment_lookup(self, call: ast.Call) -> bool:
        return bool(self._names.of(call.func) & {"operator.itemgetter()", "operator.getitem"})

    def _stored(self, node: ast.AST) -> Iterator[Indicator]:
        if isinstance(node, ast.Subscript):
            owners = self._names.of(node.value)
            if "sys.modules" in owners and "__name__" not in ast.unparse(node.slice):
                yield self._made("execute", "sys.modules", "replaces an imported module (sys.modules)", node)
        elif isinstance(node, ast.Attribute):
            for owner in sorted(self._names.of(node.value)):
                if owner == "builtins" or f"{owner}.{node.attr}" in HOOKS:
                    name = f"{owner}.{node.attr}"
                    yield self._made("execute", name, f"replaces {name} for all code in the process", node)

    def _call(self, node: ast.Call) -> Iterator[Indicator]:
        names = self._names.of(node.func)
        yield from self._executed(node, names)
        if names & ENVIRONMENT_READS:
            yield from self._variable(node, node.args[0] if node.args else None)
        if names & DECODERS or any(
            isinstance(node.func, ast.Attribute) and name.endswith(".decode") for name in names & {"codecs.decode"}
        ):
            longest = max(
                (len(t) for a in node.args for t in self._texts.of(a).values if isinstance(t, (str, bytes))), default=0
            )
            if longest > LONG_LITERAL:
                name = min(names & DECODERS, default="codecs.decode")
                yield self._made(
                    "decode", name, f"decodes a literal of {longest:,} characters ({name})", node, alone=False
                )
        yield from self._network(node, names)
        yield from self._computed(node, names)
        if any(name.rpartition(".")[0] in HOOKS for name in names) and isinstance(node.func, ast.Attribute):
            name = min(name.rpartition(".")[0] for name in names if name.rpartition(".")[0] in HOOKS)
            yield self._made("execute", name, f"changes how modules are imported ({name})", node)
        if (
            names & {"builtins.setattr", "builtins.delattr"}
            and node.args
            and "builtins" in self._names.of(node.args[0])
        ):
            yield self._made("execute", "builtins", "replaces a built-in function for all code in the process", node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"subprocess_exec", "subprocess_shell"}:
            yield self._made("process", node.func.attr, f"starts a process (loop.{node.func.attr})", node)
        if (
            names & {"pickle.loads", "dill.loads", "cloudpickle.loads"}
            and node.args
            and self._texts.of(node.args[0]).values
        ):
            yield self._made("execute", min(names), f"loads a pickle that is in the code ({min(names)})", node)
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "__subclasses__"
            and _walks_classes(node.func.value)
        ):
            yield self._made("execute", "__subclasses__", "reaches names through the classes of an object", node)
        yield from self._path(node)

    def _executed(self, node: ast.Call, names: frozenset[str]) -> Iterator[Indicator]:
        for name in sorted(names & EXECUTION):
            argument = node.args[0] if node.args else next((k.value for k in node.keywords), None)
            if argument is None:
                continue
            texts = [v for v in self._texts.of(argument).values if isinstance(v, (str, bytes))]
            literal = isinstance(argument, ast.Constant)
            inner = self._nested(texts, node) if name in TEXT_EXECUTION else None
            if inner is not None:
                yield from inner
            if (not literal or inner is None) and not self._is_compiled(argument):
                message = f"runs code that is {'put together or decoded' if texts else 'computed'} ({name})"
                yield self._made("execute", name, message, node)

    def _is_compiled(self, argument: ast.expr) -> bool:
        return isinstance(argument, ast.Call) and "builtins.compile" in self._names.of(argument.func)

    def _nested(self, texts: list[str | bytes], node: ast.Call) -> list[Indicator] | None:
        """What code in a known, executed text does; None if it can't be parsed or is unknown."""
        if not texts or self._depth >= _NESTED:
            return None
        found: list[Indicator] = []
        for text in texts:
            try:
                inner = python_indicators(text, self._owner, depth=self._depth + 1)
            except NotPythonError:
                return None
            at_import = self._import_time.runs(node)
            found += [
                replace(one, line=node.lineno, encoded=True, at_import=at_import and one.at_import) for one in inner
            ]
        return found

    def _variable(self, node: ast.AST, argument: ast.expr | None) -> Iterator[Indicator]:
        for text in self._texts.of(argument).texts() if argument is not None else ():
            if HUB_TOKEN_VARIABLE.search(text):
                yield self._made("credential", text, f"reads the environment variable {text}", node)
            elif SECRET_VARIABLE.search(text):
                yield self._made("credential", text, f"reads the environment variable {text}", node, alone=False)

    def _constant(self, node: ast.Constant) -> Iterator[Indicator]:
        if isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield from self._in_text(text, node)

    def _path(self, node: ast.expr) -> Iterator[Indicator]:
        """Texts and paths that are assembled."""
        parent = self._names.parents.get(node)
        if isinstance(node, (ast.BinOp, ast.JoinedStr)) and isinstance(
            parent, (ast.BinOp, ast.JoinedStr, ast.FormattedValue)
        ):
            return
        folded = self._texts.of(node).texts()
        seen = {text for text in folded if len(text) < LONG_LITERAL}
        if isinstance(node, (ast.BinOp, ast.JoinedStr)) or (isinstance(node, ast.Call) and _joins(node)):
            seen.add(self._texts.path(node))
        for text in sorted(seen):
            yield from self._in_text(text, node)

    def _in_text(self, text: str, node: ast.AST) -> Iterator[Indicator]:
        if len(text) > LONG_LITERAL * 20:
            return
        path = CREDENTIAL_PATH.search(text)
        if path is not None:
            shown = path[0].strip("~/\\'\" =")
            yield self._made("credential", shown, f"names a file with credentials ({shown})", node)
        place = PERSISTENCE.search(text)
        if place is not None:
            shown = place[0].strip("~/\\")
            yield self._made("process", shown, f"names a file whose code runs later ({shown})", node)

    def _network(self, node: ast.Call, names: frozenset[str]) -> Iterator[Indicator]:
        for name in sorted(names):
            if UPLOADS.search(name):
                yield self._upload(node, name)
            client = CLIENTS.match(name)
            if client is not None:
                yield from self._request(node, name, client)

    def _upload(self, node: ast.Call, name: str) -> Indicator:
        arguments = [k.value for k in node.keywords if k.arg in {"repo_id", "bucket_id"}]
        arguments += node.args[:1] if not arguments else []
        owners = {t.partition("/")[0].lower() for a in arguments for t in self._texts.of(a).texts() if "/" in t}
        foreign = sorted(owners - {self._owner})
        whose = f" of {foreign[0]}" if foreign else ""
        return self._made("network", name, f"writes to a repository{whose} ({name})", node, alone=bool(foreign))

    def _request(self, node: ast.Call, name: str, client: re.Match[str]) -> Iterator[Indicator]:
        verb = client["verb"] or client["raw"] or ""
        arguments = [*node.args, *(k.value for k in node.keywords if k.arg in {"url", "fullurl", "base_url"})]
        urls = [
            u for a in arguments[:3] for u in (*self._texts.of(a).texts(), self._texts.beginning(a)) if URL.match(u)
        ]
        first = self._texts.of(node.args[0]).texts() if node.args else ()
        if verb in {"request", "stream"} and first:
            verb = first[0].lower()
        if any(LOCAL_HOST.match(u) for u in urls):
            return
        given = {k.arg for k in node.keywords} & DATA_ARGUMENTS or (
            verb in {"", "urlopen"} and len(node.args) > 1 and client["opener"]
        )
        sends = verb in SENDING or bool(given)
        foreign = next((u for u in urls if not TRUSTED_HOST.match(u)), None)
        if urls and foreign is None:
            return
        if client["space"] or client["reader"]:
            if foreign or client["space"]:
                yield self._made("network", name, f"reads from another host ({name})", node, alone=False)
            return
        where = foreign.split("/")[2] if foreign else "an unknown address"
        suspicious = foreign is not None and (
            IP_HOST.match(foreign) or DROPS.search(foreign) or CODE_URL.search(foreign)
        )
        carries = foreign is not None and self._carries(node, foreign)
        message = f"{'sends data to' if sends or carries else 'reads from'} {where} ({name})"
        alone = bool(suspicious) or sends or carries
        yield self._made("network", name, message, node, alone=alone, weak=not suspicious)

    def _carries(self, node: ast.Call, url: str) -> bool:
        """Whether the address contains a value: `f"https://host/?q={value}"`."""
        if "?" not in url:
            return False
        first = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "url"), None)
        return first is not None and not self._texts.of(first).texts()

    def _computed(self, node: ast.Call, names: frozenset[str]) -> Iterator[Indicator]:
        if "builtins.getattr" in names and len(node.args) > 1 and not self._texts.of(node.args[1]).texts():
            owners = self._names.of(node.args[0]) & COMPUTED_OWNERS
            for owner in sorted(owners):
                yield self._made(
                    "execute", f"getattr({owner}, …)", f"accesses a computed name of {owner}", node, weak=True
                )
        imports = names & {"builtins.__import__", "importlib.import_module", "importlib.__import__"}
        if imports and node.args and not self._texts.of(node.args[0]).texts():
            yield self._made(
                "execute", min(imports), f"imports a module with a computed name ({min(imports)})", node, alone=False
            )
        if any(
            isinstance(k.value, ast.Constant) and k.arg == "trust_remote_code" and k.value.value is True
            for k in node.keywords
        ):
            yield from self._trusting(node)

    def _trusting(self, node: ast.Call) -> Iterator[Indicator]:
        for text in self._texts.of(node.args[0]).texts() if node.args else ():
            owner, slash, _ = text.partition("/")
            if slash and owner.lower() != self._owner and re.fullmatch(r"[\w.-]+/[\w.-]+", text):
                message = f"loads code from the repository {text}"
                yield self._made("execute", text, message, node, weak=True)


def _walks_classes(node: ast.expr) -> bool:
    """Whether classes are accessed through the bases of another one: `().__class__.__base__`."""
    return any(
        isinstance(one, ast.Attribute) and one.attr in {"__base__", "__bases__", "__mro__"} for one in ast.walk(node)
    )


def _joins(node: ast.Call) -> bool:
    name = (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )
    return name in {"join", "joinpath", "Path", "expanduser", "PurePath"}


def _docstrings(module: ast.Module) -> set[ast.AST]:
    """Texts that are statements: docstrings, not data."""
    return {
        node.value for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
