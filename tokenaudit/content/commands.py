"""Shell and PowerShell commands that run what they download, or read and send credentials.

Scripts, recipes, cards and arguments of calls are read line by line, without a shell grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tokenaudit.text import shorten

CommandKind: TypeAlias = Literal["process", "network", "credential", "execute"]

_LONGEST = 4_096
"""Characters of a line that are searched."""


@dataclass(frozen=True)
class HarmfulCommand:
    """A harmful command. `line` counts from 1, `text` is the line."""

    kind: CommandKind
    name: str
    message: str
    line: int
    text: str


_SHELLS = r"(?:sudo\s+(?:-\w+\s+)*)?(?:/(?:usr/)?bin/)?(?:env\s+)?(?:ba|z|da|k|fi)?sh\b"
_INTERPRETERS = rf"(?:{_SHELLS}|(?:sudo\s+)?(?:python[\d.]*|perl|ruby|node|php)\b)"
_RULES: tuple[tuple[CommandKind, str, str, str], ...] = (
    (
        "process",
        "download | sh",
        "runs what it downloads",
        rf"\b(?:curl|wget|fetch|aria2c)\b[^\n|;&]*\|\s*(?:[^\n|;]*\|\s*)?{_INTERPRETERS}",
    ),
    (
        "process",
        "sh <(download)",
        "runs what it downloads",
        rf"(?:{_INTERPRETERS}|source|\.|eval|exec)\s+(?:-\w+\s+)*[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b",
    ),
    (
        "process",
        "download && run",
        "runs what it downloads",
        rf"\b(?:curl|wget)\b[^\n]*(?:&&|;)[^\n]*(?:{_INTERPRETERS}\s+\S|chmod\s+\S*[+7]\S*|\./\w)",
    ),
    (
        "execute",
        "decode | sh",
        "runs what it decodes",
        rf"\b(?:base64\s+(?:-d|-D|--decode)|openssl\s+(?:enc|base64)|xxd\s+-r|gunzip|zcat)\b[^\n|]*\|\s*{_INTERPRETERS}",
    ),
    ("execute", "eval $(decode)", "runs what it decodes", r"\b(?:eval|exec)\b[^\n]*\b(?:base64|xxd|openssl|printf)\b"),
    (
        "process",
        "iex download",
        "runs what it downloads",
        r"(?i)\b(?:iex|invoke-expression)\b[^\n]*\b(?:iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring|curl|wget|webclient)\b|\b(?:iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring)\b[^\n]*\|\s*(?:iex|invoke-expression)\b",
    ),
    (
        "process",
        "download to file",
        "runs what it downloads",
        r"(?i)\b(?:downloadfile|start-bitstransfer|bitsadmin|certutil\s+-urlcache|iwr|invoke-webrequest)\b[^\n]*(?:start-process|\.exe\b|\.ps1\b|\.bat\b)",
    ),
    (
        "execute",
        "-EncodedCommand",
        "runs an encoded command",
        r"(?i)\b(?:powershell|pwsh)(?:\.exe)?\b[^\n]*\s-e(?:nc(?:odedcommand)?)?\s+[A-Za-z0-9+/=]{16,}",
    ),
    ("process", "mshta", "runs a remote script", r"(?i)\b(?:mshta|regsvr32|rundll32)\b[^\n]*(?:https?:|javascript:)"),
    (
        "network",
        "/dev/tcp",
        "opens a network connection",
        r"/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat|socat)\b[^\n]*\s(?:-\w*e\w*\s|-c\s|EXEC:|TCP)",
    ),
    (
        "credential",
        "stored credential",
        "reads stored credentials",
        r"(?:~|\$HOME|\$\{HOME\}|%USERPROFILE%|/root|/home/[\w.-]+)[/\\]\.?(?:ssh[/\\]|aws[/\\]|netrc|git-credentials|npmrc|pypirc|kube[/\\]|cache[/\\]huggingface[/\\](?:token|stored_tokens))|/proc/[\w$]+/environ|huggingface[/\\]+(?:token|stored_tokens)\b",
    ),
    (
        "credential",
        "token sent",
        "sends a token or the environment",
        r"(?i)\b(?:curl|wget|nc|iwr|irm|invoke-webrequest|invoke-restmethod)\b[^\n]*(?:\$\{?(?:env:)?(?:HF|HUGGING_?FACE)\w*(?:TOKEN|KEY)|\$\(\s*(?:env|printenv|set)\b|`env`|@-|@/)",
    ),
    (
        "credential",
        "environment sent",
        "sends the environment",
        r"\b(?:env|printenv|set|export\s+-p)\b\s*(?:\|[^\n|]*)*\|\s*(?:curl|wget|nc|ncat|base64|openssl)\b",
    ),
    (
        "credential",
        "hf token",
        "prints the stored token",
        r"\b(?:hf\s+auth\s+token|huggingface-cli\s+(?:auth\s+)?token)\b",
    ),
    (
        "process",
        "persistence",
        "adds a command that runs at the next login or start",
        r"(?:>>?|\btee\b[^\n]{0,100})\s*[\"']?(?:~|\$HOME|\$\{HOME\}|/etc|/root)?[/\\]?[\w./-]*(?:\.bashrc|\.profile|\.bash_profile|\.zshrc|authorized_keys|/etc/cron\S*|rc\.local)|\bcrontab\s+(?:-\s*$|-u|\S+\.|<)|\|\s*crontab\b|\bschtasks\b[^\n]*/create|\bsystemctl\s+(?:--user\s+)?enable\b",
    ),
)
_ANYTHING = r"[^\n]*"
"""Separates the parts of an expression, outside of brackets. Parts are searched one after the other, in linear time."""


def _split(pattern: str, separator: str) -> list[str]:
    """Splits an expression at a separator outside of brackets."""
    parts = [""]
    depth = at = 0
    while at < len(pattern):
        if pattern.startswith(separator, at) and depth == 0:
            parts.append("")
            at += len(separator)
            continue
        length = 2 if pattern[at] == "\\" else 1
        if pattern[at] == "[":
            length = pattern.index("]", at + 2) + 1 - at
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        parts[-1] += pattern[at : at + length]
        at += length
    return parts


def _compiled(pattern: str) -> tuple[tuple[re.Pattern[str], ...], ...]:
    flags = re.IGNORECASE if pattern.startswith("(?i)") else 0
    alternatives = _split(pattern.removeprefix("(?i)"), "|")
    return tuple(tuple(re.compile(part, flags) for part in _split(one, _ANYTHING)) for one in alternatives)


COMMAND_RULES = tuple((kind, name, message, _compiled(pattern)) for kind, name, message, pattern in _RULES)
"""Kind, name, message, and alternatives: expressions that a line matches in this order."""


def _matches(alternatives: tuple[tuple[re.Pattern[str], ...], ...], line: str) -> bool:
    for parts in alternatives:
        at = 0
        for part in parts:
            found = part.search(line, at)
            if found is None:
                break
            at = found.end()
        else:
            return True
    return False


_DOWNLOAD = re.compile(
    r"\b(?:curl|wget)\b[^\n]*?\s(?:-o|-O|--output|--output-document)[= ]?\s*(?P<out>[^\s;|&'\"]+)|\b(?:curl\s[^\n]*?-\w*O\w*|wget)\s[^\n]*?/(?P<last>[\w.-]+)(?=[\s'\"]|$)"
)
_CONTINUED = re.compile(r"[\\`^]\r?\n[ \t]*")


def commands_in(text: str, first_line: int = 1) -> Iterator[HarmfulCommand]:
    """Harmful commands of a script. Continued lines count as one; comment lines are ignored."""
    downloaded: set[str] = set()
    for number, line in _logical_lines(text):
        stripped = line.strip()
        if stripped.startswith(("#", "::", "REM ", "rem ")) and not stripped.startswith("#!"):
            continue
        for kind, name, message, pattern in COMMAND_RULES:
            if _matches(pattern, line) and not (name == "token sent" and _stays(line)):
                yield HarmfulCommand(kind, name, message, first_line + number, stripped)
        for name in downloaded:
            if re.search(
                rf"(?:{_INTERPRETERS}|source|\.|chmod\s+\S+)\s+(?:\./)?{re.escape(name)}(?:\s|$)|(?:^|[\s;&])\./{re.escape(name)}\b",
                line,
            ):
                yield HarmfulCommand(
                    "process",
                    "download, then run",
                    "runs what an earlier line downloaded",
                    first_line + number,
                    stripped,
                )
        downloaded |= {(m["out"] or m["last"]).rpartition("/")[2] for m in _DOWNLOAD.finditer(line)}
        if len(downloaded) > _MOST_DOWNLOADS:
            downloaded.clear()


_MOST_DOWNLOADS = 50
_ADDRESS = re.compile(r"https?://[^\s'\"|;]+", re.IGNORECASE)
_OWN_HOST = re.compile(
    r"https?://(?:(?:[\w-]+\.)*(?:huggingface\.co|hf\.co|huggingface\.cloud)|localhost|127\.\d+\.\d+\.\d+)(?:[:/?#]|\Z)",
    re.IGNORECASE,
)


def _stays(line: str) -> bool:
    """Whether a token is sent only to the Hub or to this machine."""
    addresses = _ADDRESS.findall(line)
    return bool(addresses) and all(_OWN_HOST.match(address) for address in addresses)


def _searched(line: str) -> str:
    return line if len(line) <= _LONGEST else shorten(line, _LONGEST)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    number = 0
    for raw in _CONTINUED.sub("\0", text).splitlines():
        yield number, _searched(raw.replace("\0", " "))
        number += 1 + raw.count("\0")
