"""Names of variables and secrets that hold a Hugging Face credential."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tokenaudit.ci.shell import EXPRESSION

# One pattern for the official names and for those in common use; it accepts prefixes such as NEXT_PUBLIC_ and TF_VAR_,
# and rejects settings such as HF_TOKEN_PATH, HF_OIDC_ID_TOKEN or HF_HUB_DISABLE_IMPLICIT_TOKEN.
_NAME = re.compile(
    r"(?:[A-Z0-9]+_)*(?:HF|HUGGING_?FACE)(?:_?HUB)?_?"
    r"(?:USER_|PERSONAL_|READ_|WRITE_|ACCESS_|API_|AUTH_|BEARER_|INFERENCE_|ORG_|BOT_|CI_)*"
    r"(?:TOKEN|KEY|PAT|SECRET)(?:_(?:READ|WRITE|RO|RW|PROD|DEV|STAGING|[0-9]+))?",
    re.IGNORECASE,
)
_SHORT_LIVED = frozenset({"HF_OIDC_ID_TOKEN"})
_CLIENT_PREFIX = re.compile(
    r"(?:NEXT_PUBLIC_|VITE_|REACT_APP_|EXPO_PUBLIC_|PUBLIC_|GATSBY_|NUXT_PUBLIC_|VUE_APP_)", re.IGNORECASE
)
_SEPARATORS = str.maketrans({"-": "_", ".": "_", "/": "_"})
_HINT = re.compile(rb"hf|hugging.?face", re.IGNORECASE)
_LONGEST = 80
_MOST_KNOWN = 10_000


class Names:
    """The names that count as Hugging Face credentials in one run: the documented pattern and the user's own."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._more = frozenset(name.upper() for name in more)
        self._hints = tuple(name.upper().encode() for name in self._more)
        self._known: dict[str, bool] = {}

    def match(self, name: str) -> bool:
        """Whether a variable, secret, input or key of that name holds a Hugging Face credential.

        Dashes, dots and slashes count as underscores: `hf-token`, `huggingface.token`.
        """
        if len(name) > _LONGEST:
            return False
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[name] = self._matches(name)
        return found

    def _matches(self, name: str) -> bool:
        if name.upper() in self._more:
            return True
        flat = name.translate(_SEPARATORS).lstrip("_")
        return flat.upper() not in _SHORT_LIVED and _NAME.fullmatch(flat) is not None

    def may_name(self, data: bytes) -> bool:
        """False only where no name in `data` can match: a scan at memory speed before any parsing."""
        if _HINT.search(data):
            return True
        return bool(self._hints) and any(hint in data.upper() for hint in self._hints)


def for_browsers(name: str) -> bool:
    """Whether a build tool puts a variable of that name into the code it ships to browsers."""
    return _CLIENT_PREFIX.match(name) is not None


_STANDIN = re.compile(
    r"(?i)(?:|null|none|~|true|false|(?:dummy|fake|test|placeholder|example|changeme|change-me|replace|your|todo).*|"
    r"x{3,}|\*{3,}|<[^>]*>|not[-_ ]?set|unset|secret|token|\.\.\.|"
    r"hf_(?:x+|(?:your|dummy|test|fake|placeholder|example).*|\.\.\.|…|<.*>))"
)


def is_placeholder(value: str) -> bool:
    """Whether a literal value is evidently no credential: empty, `dummy`, `hf_xxxx`, `<your token>`."""
    return _STANDIN.fullmatch(value.strip().strip("\"'")) is not None


_SOURCE = re.compile(
    r"""(?<![\w.])(?P<context>secrets|env|vars|inputs|variables|parameters|pipeline\.parameters|github\.event\.inputs|
    matrix|steps\.[\w-]+\.outputs|needs\.[\w-]+\.outputs)
    (?:\.(?P<name>[\w-]+)|\[\s*['"](?P<quoted>[^'"]+)['"]\s*\])""",
    re.VERBOSE,
)
_COMPARED = re.compile(r"[!=]=|!\s*secrets\b|!\s*env\b|\bcontains\s*\(|\bstartsWith\s*\(")
_SWITCH = re.compile(r"(?:secrets|env|inputs)(?:\.[\w-]{1,200}|\[[^\]]{1,200}\])\s*&&")
_WHOLE = re.compile(r"toJSON\s*\(\s*secrets\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class ExpressionSource:
    """A value that an expression takes; `context` is `secrets`, `env`, `inputs` and so on."""

    context: str
    name: str


def sources(expression: str) -> tuple[ExpressionSource, ...]:
    """What the value of an expression may be made of; nothing where it only tests or compares.

    `expression` is the text between the braces.
    """
    if _COMPARED.search(expression) or _SWITCH.search(expression):
        return ()
    return tuple(
        ExpressionSource(match["context"].split(".")[0], match["name"] or match["quoted"])
        for match in _SOURCE.finditer(expression)
    )


def whole_context(expression: str) -> bool:
    """Whether the expression writes out every secret the workflow can see."""
    return _WHOLE.search(expression) is not None


def sources_in(value: str) -> tuple[str, ...]:
    """The names that the expressions within a value take their values from."""
    return tuple(source.name for match in EXPRESSION.finditer(value) for source in sources(match.group(1)))
