"""Chat templates, judged by the syntax tree of Jinja's parser. They are never rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from tokenaudit.content.change import ContentFinding, FileChange, FileVersion, RepositoryFacts, Risk
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.gguf import DamagedHeaderError, gguf_texts
from tokenaudit.model import Rule, Severity

RULE = Rule(
    id="content-template-code",
    title="Chat template that accesses code or inserts text",
    severity=Severity.CRITICAL,
    why="Some servers rendered chat templates without a sandbox (CVE-2024-34359, CVE-2026-5760), where a template that "
    "accesses Python attributes can run code. Even in a sandbox, it can insert instructions into every chat.",
    remedy="Restore the template of the last good revision, and configure your server with your own template.",
    bad="{{ messages.__class__.__mro__[1].__subclasses__() }}",
    good="{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}{% endfor %}",
    references=("https://arxiv.org/abs/2602.04653", "https://nvd.nist.gov/vuln/detail/CVE-2024-34359"),
)
RULES = (RULE,)

_TEMPLATE_NAMES = frozenset({".jinja", ".jinja2", ".j2"})
_GLOBALS = frozenset(
    {"cycler", "joiner", "lipsum", "self", "request", "url_for", "get_flashed_messages", "g", "session"}
)
_FUNCTIONS = frozenset({"namespace", "range", "dict", "raise_exception", "strftime_now"})
_PYTHON = re.compile(r"__[a-z]|[a-z]__(?![a-z])|\b_[a-z]+_\b", re.IGNORECASE)
_PYTHON_ATTRIBUTES = frozenset(
    [
        "mro",
        "popen",
        "subclasses",
        "func_globals",
        "gi_frame",
        "gi_code",
        "cr_frame",
        "f_globals",
        "f_builtins",
        "tb_frame",
    ]
)
_ATTRIBUTE_FILTERS = frozenset({"map", "selectattr", "rejectattr", "groupby", "sort", "unique", "sum", "max", "min"})
_URL = re.compile(r"https?://[^\s'\"<>]+|<!--|javascript:", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][\w ,.'-]{2,}")
_LONGEST = 200_000
_JOINED = "assembles the name of a Python attribute"
_PLANTED = 40
"""Letters of text in a branch for a certain word of a message, above which it is more than format markers."""


class _Generation(Extension):
    """`{% generation %}`, which transformers uses to mark the assistant's text."""

    tags = {"generation"}  # noqa: RUF012 - the base class's own type

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The content of the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_ENVIRONMENT = Environment(  # noqa: S701 - only its parser is used
    extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do", "jinja2.ext.i18n", _Generation]
)


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """Judges every new or changed template."""
    del repository
    version = change.after
    if version is None or not _may_hold(version.path, content):
        return
    before = {text for _, text in _templates(change.before, content)} if change.before else set()
    known = {reason for text in before for _, reason, _ in _judged(text)}
    for where, text in _templates(version, content):
        if text in before:
            continue
        if len(text) > _LONGEST:
            content.skip(f"{where} is longer than {_LONGEST:,} characters")
            continue
        try:
            reasons = list(_judge(text))
        except TemplateSyntaxError as error:
            content.skip(f"{where} can't be parsed: {error.message}")
            continue
        for risk, reason, line in reasons:
            if (reason in known and risk == "misleads") or not reason:
                continue
            severity = RULE.severity if risk == "executes" else Severity.MEDIUM
            at = line if PurePosixPath(version.path).suffix in _TEMPLATE_NAMES else None
            evidence = _line(text, line)
            yield finding(RULE, f"{where} {reason}", risk=risk, severity=severity, line=at, evidence=evidence)


def _may_hold(path: str, content: ChangedContent) -> bool:
    suffix = PurePosixPath(path).suffix.lower()
    return content.format == "gguf" or (content.format in {"config", "other"} and suffix in _TEMPLATE_NAMES | {".json"})


def _templates(version: FileVersion, content: ChangedContent) -> Iterator[tuple[str, str]]:
    """Every template of a version, with its location."""
    if content.head(version).startswith(b"GGUF"):
        try:
            for key, text in gguf_texts(version, content):
                if "chat_template" in key:
                    yield f"the key {key}", text
        except DamagedHeaderError as error:
            content.skip(str(error))
        return
    if PurePosixPath(version.path).suffix.lower() == ".json" and version.size > content.limits.text_bytes:
        # Vocabularies and weight maps contain no template, and files with a template are small.
        if "config" in PurePosixPath(version.path).name or "template" in version.path:
            content.text(version)
        return
    whole = content.text(version)
    if whole is None:
        return
    if PurePosixPath(version.path).suffix.lower() in _TEMPLATE_NAMES:
        yield "the template", whole
    elif "chat_template" in whole:
        yield from _json_templates(whole)


def _json_templates(text: str) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Readers disagree on which value of a repeated key counts.
        for key, value in pairs:
            if key == "chat_template":
                found.extend(_named(value))
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=collect)
    except ValueError:
        return  # the rules about configuration report invalid JSON
    yield from found


def _named(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "the chat template", value
    elif isinstance(value, dict):
        for name, text in value.items():
            if isinstance(text, str):
                yield f"the chat template {name}", text
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict) and isinstance(each.get("template"), str):
                yield f"the chat template {each.get('name', '')}", each["template"]


def _judged(text: str) -> list[tuple[Risk, str, int]]:
    if len(text) > _LONGEST:
        return []
    try:
        return list(_judge(text))
    except TemplateSyntaxError:
        return []


def _judge(text: str) -> Iterator[tuple[Risk, str, int]]:
    """The distinct reasons why the template is harmful.

    Raises:
        TemplateSyntaxError: Jinja can't parse it.
    """
    tree = _ENVIRONMENT.parse(text)
    seen: set[str] = set()
    folded: set[int] = set()
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Concat | nodes.Add) and id(node) not in folded:
            # The parts of a sum are sums themselves: only the whole is assembled.
            folded.update(id(each) for each in node.find_all((nodes.Concat, nodes.Add)))
            if _PYTHON.search(_folded(node)) and _JOINED not in seen:
                seen.add(_JOINED)
                yield "executes", _JOINED, node.lineno
        for risk, reason in (*_reaches(node), *_plants(node)):
            if reason not in seen:
                seen.add(reason)
                yield risk, reason, node.lineno


def _reaches(node: nodes.Node) -> Iterator[tuple[Risk, str]]:
    if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        yield "executes", "loads another template"
    elif isinstance(node, nodes.Getattr):
        if node.attr.startswith("_") or node.attr in _PYTHON_ATTRIBUTES:
            yield "executes", f"reads the attribute {node.attr}"
        elif isinstance(node.node, nodes.Name) and node.node.name in _GLOBALS | _FUNCTIONS:
            yield "executes", f"reads an attribute of {node.node.name}"
    elif isinstance(node, nodes.Getitem):
        yield from _item(node)
    elif isinstance(node, nodes.Filter | nodes.Test):
        yield from _filtered(node)
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in _GLOBALS:
        yield "executes", f"calls {node.node.name}"
    elif isinstance(node, nodes.Const) and isinstance(node.value, str) and _PYTHON.search(node.value):
        yield "executes", "contains the name of a Python attribute as text"


def _item(node: nodes.Getitem) -> Iterator[tuple[Risk, str]]:
    key, target = node.arg, node.node
    if isinstance(key, nodes.Const):
        if isinstance(key.value, str) and (key.value.startswith("_") or key.value in _PYTHON_ATTRIBUTES):
            yield "executes", f"reads the item {key.value}"
        return
    if isinstance(key, nodes.Slice):
        return
    if _made_of_text(key):
        yield "executes", "reads an item with an assembled name"
    elif isinstance(target, nodes.Const | nodes.TemplateData | nodes.List | nodes.Tuple | nodes.Dict) and not _counted(
        key
    ):
        yield "executes", "reads an item of a constant with a computed name"
    elif isinstance(target, nodes.Name) and target.name in _GLOBALS | _FUNCTIONS:
        yield "executes", f"reads an item of {target.name}"


def _made_of_text(key: nodes.Node) -> bool:
    """Whether a key is text that is assembled with `~`, `+`, `%`, a filter or a method."""
    if isinstance(key, nodes.Concat):
        return True
    if not isinstance(key, nodes.Add | nodes.Mod | nodes.Mul | nodes.Filter | nodes.Call | nodes.CondExpr):
        return False
    return any(isinstance(each.value, str) for each in key.find_all(nodes.Const)) and not isinstance(
        key, nodes.CondExpr
    )


def _counted(key: nodes.Node) -> bool:
    return any(isinstance(each, nodes.Name) and each.name == "loop" for each in key.find_all(nodes.Name)) or isinstance(
        key, nodes.Name | nodes.Sub | nodes.Neg
    )


def _filtered(node: nodes.Filter | nodes.Test) -> Iterator[tuple[Risk, str]]:
    if node.name == "attr":
        yield "executes", "uses the filter attr"
        return
    if node.name not in _ATTRIBUTE_FILTERS:
        return
    arguments = [*node.args, *(pair.value for pair in node.kwargs)]
    for argument in arguments:
        if isinstance(argument, nodes.Const):
            if isinstance(argument.value, str) and (
                any(part.startswith("_") for part in argument.value.split(".")) or argument.value == "attr"
            ):
                yield "executes", f"uses the filter {node.name} with {argument.value}"
        elif _made_of_text(argument):
            yield "executes", f"uses the filter {node.name} with an assembled name"


def _folded(node: nodes.Node) -> str:
    """The constant texts of an expression, joined."""
    return "".join(each.value for each in node.find_all(nodes.Const) if isinstance(each.value, str))


def _plants(node: nodes.Node) -> Iterator[tuple[Risk, str]]:
    text = node.data if isinstance(node, nodes.TemplateData) else node.value if isinstance(node, nodes.Const) else None
    if isinstance(text, str) and (found := _URL.search(text)):
        yield "misleads", f"writes {found[0]} into the chat"
    if isinstance(node, nodes.If):
        tests = [node.test, *node.test.find_all(nodes.Compare)]
        words = [word for test in tests if isinstance(test, nodes.Compare) for word in _looked_for(test)]
        planted = sum(len(text) for each in node.body for text in _written(each) if len(text) >= _PLANTED)
        if words and planted:
            yield "misleads", f"writes text into the chat when a message contains {words[0]!r}"


def _looked_for(compare: nodes.Compare) -> Iterator[str]:
    """The words that a condition searches for in the content of a message."""
    for operand in compare.ops:
        if operand.op not in {"in", "eq"} or not isinstance(compare.expr, nodes.Const):
            continue
        about = {each.attr for each in operand.expr.find_all(nodes.Getattr)}
        about |= {each.value for each in operand.expr.find_all(nodes.Const) if isinstance(each.value, str)}
        if isinstance(operand.expr, nodes.Getattr):
            about.add(operand.expr.attr)
        if isinstance(operand.expr, nodes.Getitem) and isinstance(operand.expr.arg, nodes.Const):
            about.add(str(operand.expr.arg.value))
        if isinstance(operand.expr, nodes.Name):
            about.add(operand.expr.name)
        word = compare.expr.value
        if "content" in about and isinstance(word, str) and _WORD.fullmatch(word):
            yield word


def _written(node: nodes.Node) -> Iterator[str]:
    own = [node] if isinstance(node, nodes.TemplateData) else []
    for each in (*own, *node.find_all(nodes.TemplateData)):
        yield each.data.strip()
    for constant in node.find_all(nodes.Const):
        if isinstance(constant.value, str):
            yield constant.value.strip()


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
