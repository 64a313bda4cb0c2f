"""CI expressions (`${{ … }}` and their like): what they take a value from, and whether they let it out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokenaudit.ci.shell import EXPRESSION

_SOURCE = re.compile(
    r"""(?<![\w.])(?P<context>secrets|env|vars|inputs|variables|parameters|pipeline\.parameters|github\.event\.inputs|
    matrix|steps\.[\w-]+\.outputs|needs\.[\w-]+\.outputs)
    (?:\.(?P<name>[\w-]+)|\[\s*['"](?P<quoted>[^'"]+)['"]\s*\])""",
    re.VERBOSE,
)
_COMPARED = re.compile(r"[!=]=|!\s*secrets\b|!\s*env\b|\bcontains\s*\(|\bstartsWith\s*\(")
_SWITCH = re.compile(r"(?:secrets|env|inputs)(?:\.[\w-]+|\[[^\]]+\])\s*&&")
_WHOLE = re.compile(r"toJSON\s*\(\s*secrets\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A value that an expression takes; `context` is `secrets`, `env`, `inputs` and so on."""

    context: str
    name: str


def sources(expression: str) -> tuple[Source, ...]:
    """What the value of an expression may be made of; nothing where it only tests or compares.

    `expression` is the text between the braces.
    """
    if _COMPARED.search(expression) or _SWITCH.search(expression):
        return ()
    return tuple(
        Source(match["context"].split(".")[0], match["name"] or match["quoted"])
        for match in _SOURCE.finditer(expression)
    )


def whole_context(expression: str) -> bool:
    """Whether the expression writes out every secret the workflow can see."""
    return _WHOLE.search(expression) is not None


def sources_in(value: str) -> tuple[str, ...]:
    """The names that the expressions within a value take their values from."""
    return tuple(source.name for match in EXPRESSION.finditer(value) for source in sources(match.group(1)))
