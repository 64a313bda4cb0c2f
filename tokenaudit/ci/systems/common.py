"""What the parsers of YAML-based systems share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tokenaudit.ci import bash, batch, powershell
from tokenaudit.ci.model import Binding, BindingKind, BindingScope, Kind, Pipeline, Step, sources_in
from tokenaudit.ci.shell import Script, Segment, SpanText
from tokenaudit.ci.yaml_document import Mapping, Node, ParseError, Scalar, Sequence, YamlDocument, documents, walk
from tokenaudit.work_budget import WorkBudget

SourcesOf = Callable[[str], tuple[str, ...]]
Rewrite = Callable[[str], str]
_VARIABLE = re.compile(r"(?<!\$)\$\{?([A-Za-z_]\w*)")


def yaml_pipeline(
    path: str, text: str, budget: WorkBudget, system: str, kind: Kind = "pipeline"
) -> tuple[Pipeline, Mapping]:
    """A pipeline without jobs yet, and the mapping that the first document of the file must be.

    Raises:
        UnreadableError: the file is not YAML, or not a mapping.
        WorkLimitError: more work than `budget` allows.
    """
    found = documents(text, budget)
    root = found[0].root if found else None
    if not isinstance(root, Mapping):
        reason = "not a mapping, so not a configuration file of this kind"
        raise ParseError(reason, 1)
    pipeline = Pipeline(path, system, kind, text, budget, root=root)
    note_document(pipeline, found[0])
    return pipeline, root


def note_document(pipeline: Pipeline, document: YamlDocument) -> None:
    """Stores duplicate keys and every scalar of a document."""
    for key, line in document.duplicates:
        pipeline.notes.append((line, f"duplicate key {key!r} in a mapping; parsers disagree on which one counts"))
    for node in walk(document.root):
        if isinstance(node, Scalar):
            pipeline.texts.append(node.text)
        elif isinstance(node, Mapping):
            pipeline.texts.extend(key.text for key, _ in node.entries)


def bindings(
    node: Node | None,
    way: BindingKind,
    level: BindingScope,
    sources_of: SourcesOf = sources_in,
    *,
    dynamic_sign: str = "${{",
) -> list[Binding]:
    """The entries of an `env`-like mapping, or of a list of `NAME=value` or of `{name: …, value: …}`."""
    return list(_bindings(node, way, level, sources_of, dynamic_sign))


def _bindings(
    node: Node | None, way: BindingKind, level: BindingScope, sources_of: SourcesOf, sign: str
) -> Iterator[Binding]:
    if isinstance(node, Mapping):
        for key, value in node.entries:
            yield from _entry(key, value, way, level, sources_of, sign)
    elif isinstance(node, Sequence):
        for item in node.items:
            if isinstance(item, Mapping):
                yield from _listed(item, way, level, sources_of, sign)
            elif isinstance(item, Scalar) and "=" in item.value:
                name, _, rest = item.value.partition("=")
                text = SpanText(rest, item.text.where, ((0, *item.text.at(len(name) + 1)),))
                yield _made(name.strip(), text, item, way, level, sources_of, sign)


def _entry(
    key: Scalar, value: Node, way: BindingKind, level: BindingScope, sources_of: SourcesOf, sign: str
) -> Iterator[Binding]:
    if isinstance(value, Scalar):
        yield _made(key.value, value.text, key, way, level, sources_of, sign)
    elif isinstance(value, Mapping):
        secret = value.scalar("from_secret") or value.scalar("secure")
        if secret is not None:
            yield Binding(key.value, secret.text, way, level, key.line, key.column, (secret.value,), dynamic=True)
        elif (inner := value.scalar("value")) is not None:
            yield _made(key.value, inner.text, key, way, level, sources_of, sign)


def _listed(
    item: Mapping, way: BindingKind, level: BindingScope, sources_of: SourcesOf, sign: str
) -> Iterator[Binding]:
    name, value = item.scalar("name"), item.scalar("value")
    if name is not None and value is not None:
        yield _made(name.value, value.text, value, way, level, sources_of, sign)
    elif name is None:
        for key, inner in item.entries:
            yield from _entry(key, inner, way, level, sources_of, sign)


def _made(
    name: str, text: SpanText, at: Scalar, way: BindingKind, level: BindingScope, sources_of: SourcesOf, sign: str
) -> Binding:
    found = sources_of(text.value)
    return Binding(name, text, way, level, at.line, at.column, found, dynamic=bool(found) or sign in text.value)


def variables(value: str) -> tuple[str, ...]:
    """The variables that `$NAME` and `${NAME…}` put into a value."""
    return tuple(_VARIABLE.findall(value))


def scalars(*nodes: Node | None) -> list[Scalar]:
    """Every scalar in lists of any depth, in order; mappings are ignored."""
    found: list[Scalar] = []
    pending = [node for node in reversed(nodes) if node is not None]
    while pending:
        one = pending.pop()
        if isinstance(one, Sequence):
            pending.extend(reversed(one.items))
        elif isinstance(one, Scalar):
            found.append(one)
    return found


def joined(lines: list[Scalar], where: str) -> SpanText:
    """Consecutive lines of one shell as one text, in which each line keeps its position."""
    offset = 0
    segments: list[Segment] = []
    for line in lines:
        segments.extend((offset + start, at, column) for start, at, column in line.text.segments)
        offset += len(line.value) + 1
    return SpanText("\n".join(line.value for line in lines), where, tuple(segments) or ((0, 1, 1),))


def script_step(
    lines: list[Scalar],
    where: str,
    budget: WorkBudget,
    env: list[Binding] | None = None,
    *,
    rewrite: Rewrite | None = None,
    language: str = "bash",
) -> list[Step]:
    """A step that runs the lines in one shell; none if there are no lines.

    `rewrite` changes the system's syntax for variables to that of the shell, without moving any character.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    if not lines:
        return []
    text = joined(lines, lines[0].text.where if len(lines) == 1 else where)
    if rewrite is not None:
        text = SpanText(rewrite(text.value), text.where, text.segments)
    script = parse_script(text, budget, language)
    return [Step(where, lines[0].line, lines[0].column, env=env or [], script=script)]


_POWERSHELL = re.compile(
    r"(?im)\$\{?env:\w|^[ \t]*(?:Write-(?:Host|Output)|Set-Content|Out-File|Invoke-\w+|New-Item|Remove-Item|Get-\w+|"
    r"Set-\w+|\$\w+[ \t]*=)[ \t]|\.ps1\b"
)
_CMD = re.compile(
    r"(?im)^[ \t]*(?:@echo[ \t]+off|call[ \t]|set[ \t]+\w+=|if[ \t]+(?:not[ \t]+)?(?:exist|defined)[ \t])|"
    r"(?-i:%[A-Z_][A-Z0-9_]{2,}%)"
)


def detect_language(lines: list[Scalar], otherwise: str = "bash") -> str:
    """The language of commands in a system where the machine that runs them decides it."""
    if any(_POWERSHELL.search(line.value) for line in lines):
        return "powershell"
    return "cmd" if any(_CMD.search(line.value) for line in lines) else otherwise


_POWERSHELL_NAMES = frozenset({"pwsh", "powershell", "pwsh-preview"})
_SHELLS = frozenset({"bash", "sh", "dash", "ash", "zsh", "ksh"})


def language_of(shell: str) -> str:
    """The language of the shell or interpreter that a system is configured to run: `pwsh -File {0}`, `/bin/bash -e`.

    The commands of `bash`, `powershell` and `cmd` are parsed; of any other language only the text is searched.
    """
    words = shell.replace("\\", "/").lower().split(maxsplit=2)
    if len(words) > 1 and words[0].endswith("/env"):
        del words[0]
    name = words[0].rsplit("/", 1)[-1].removesuffix(".exe") if words else ""
    if name in _POWERSHELL_NAMES:
        return "powershell"
    return "bash" if name in _SHELLS or not name else name


def parse_script(text: SpanText, budget: WorkBudget, language: str = "bash") -> Script:
    """The commands of a script; none for a language other than a shell: only its text is searched.

    Raises:
        WorkLimitError: more work than `budget` allows.
    """
    if language == "bash":
        return bash.parse(text, budget)
    if language == "powershell":
        return powershell.parse(text, budget)
    if language == "cmd":
        return batch.parse(text, budget)
    return Script(text, (), language)
