"""New links and images in a card that lead to another host or owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from tokenaudit.content.card_text import CardLink, CardText
from tokenaudit.content.change import ContentFinding, RepositoryFacts
from tokenaudit.content.changed_content import finding
from tokenaudit.content.dependencies import is_one_edit
from tokenaudit.model import Rule, Severity

LINK = Rule(
    id="content-card-link",
    title="Link of a card leads elsewhere",
    severity=Severity.MEDIUM,
    why="Readers follow the links of a card they trust. A changed host or owner, a look-alike or an address that "
    "hides its target takes them to another model, page or form.",
    remedy="Revert the link. If the linked page asked for tokens or logins, tell readers to replace them.",
    bad="`[weights](https://huggingface.co/acme/m)` changed to `https://huggingface.co/acrne/m`.",
    good="The same host and owner as before.",
)
RULES = (LINK,)

_BADGES = re.compile(
    r"(?:[\w-]+\.)*(?:shields\.io|badgen\.net|badge\.fury\.io|githubusercontent\.com|github\.com|githubassets\.com|"
    r"github\.io|"
    r"huggingface\.co|hf\.co|hf\.space|colab\.research\.google\.com|kaggle\.com|arxiv\.org|wandb\.ai|"
    r"imgur\.com|gradio\.app|streamlit\.io|readthedocs\.(?:io|org)|zenodo\.org|discord\.com|discordapp\.com|"
    r"codecov\.io|"
    r"paperswithcode\.com|mybinder\.org|modelscope\.cn|gitee\.com|alicdn\.com|wikimedia\.org|googleusercontent\.com|"
    r"amazonaws\.com|cloudfront\.net|jsdelivr\.net|star-history\.com|contrib\.rocks|vercel\.app|medium\.com|twimg\.com|"
    r"ytimg\.com|youtube\.com|pypi\.org|pepy\.tech|lightning\.ai|runpod\.io|unsloth\.ai|nomic\.ai|postimg\.cc|"
    r"ibb\.co)\Z",
    re.IGNORECASE,
)
_SHORTENERS = re.compile(
    r"(?:www\.)?(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|is\.gd|ow\.ly|buff\.ly|rebrand\.ly|cutt\.ly|shorturl\.at|rb\.gy|"
    r"tiny\.cc|s\.id|v\.gd|t\.ly|bl\.ink|adf\.ly|grabify\.link|iplogger\.(?:org|com))\Z",
    re.IGNORECASE,
)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z|\[?[0-9a-f:]*:[0-9a-f:]+\]?\Z|0x[0-9a-f]+\Z|\d{8,10}\Z", re.IGNORECASE)
_HOSTS_WITH_OWNERS = frozenset(
    {"huggingface.co", "hf.co", "github.com", "gitlab.com", "www.github.com", "modelscope.cn"}
)
_SECTIONS = frozenset(
    {
        "datasets",
        "spaces",
        "models",
        "papers",
        "docs",
        "blog",
        "collections",
        "join",
        "settings",
        "posts",
        "chat",
        "learn",
        "tasks",
        "search",
    }
)
_TOKEN_BAIT = re.compile(
    r"\b(?:paste|enter|send|submit|share|provide|post|e-?mail|upload|type|copy|export|verify)\b[^.\n]{0,60}"
    r"\b(?:hugging ?face|hf|access|api|your|auth|write)\b[^.\n]{0,20}\b(?:token|api key|password|credentials?)\b",
    re.IGNORECASE,
)
_MOST_OWNERS = 100
"""Owners in a card, to compare new owners with."""
_TRUSTED = frozenset({"huggingface.co", "hf.co", "www.huggingface.co"})
_CONFUSABLE = str.maketrans("01\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u03bf\u0261", "oiaeopcyxiog")


def link_findings(
    before: CardText, after: CardText, repository: RepositoryFacts, *, has_before: bool
) -> Iterator[ContentFinding]:
    """Findings for links and images of `after` that `before` does not have."""
    known = {(link.text, link.url) for link in before.links}
    by_text: dict[str, list[str]] = {}
    for link in before.links:
        if link.text and not link.is_image:
            by_text.setdefault(link.text, []).append(link.url)
    still = {(link.text, link.url) for link in after.links}
    hosts = {_host(link.url) for link in before.links}
    owners = {repository.owner}
    owners |= set(sorted({owner for link in before.links if (owner := _owner(link.url))})[:_MOST_OWNERS])
    for link in dict.fromkeys(after.links):
        if (link.text, link.url) in known or not _host(link.url):
            continue
        suspicious = _suspicious(link, owners)
        earlier = [url for url in by_text.get(link.text, []) if (link.text, url) not in still]
        if suspicious is not None:
            message, severity = suspicious
        elif link.is_image:
            found = _picture(link, hosts, has_before=has_before)
            if found is None:
                continue
            message, severity = found
        elif earlier and not any(_same_place(link.url, url) for url in earlier):
            message, severity = (
                f'"{link.text}" leads to {_where(link.url)} instead of {_where(earlier[0])}',
                Severity.HIGH,
            )
        else:
            continue
        yield finding(LINK, message, risk="misleads", severity=severity, line=link.line, evidence=link.url)
    yield from _baits(before, after)


def _suspicious(  # noqa: C901, PLR0911 - one branch a trick
    link: CardLink, owners: set[str]
) -> tuple[str, Severity] | None:
    host = _host(link.url)
    parts = urlsplit(_clean(link.url))
    if "@" in parts.netloc:
        return f"the address hides its host {host} behind a user name", Severity.HIGH
    if _IP.match(host) and not host.startswith("127."):
        return f"the address has a number instead of a name: {host}", Severity.HIGH
    if "xn--" in host or not host.isascii():
        return f"the host {host} can be mistaken for another one", Severity.HIGH
    if _SHORTENERS.match(host):
        return f"the address hides its target behind {host}", Severity.MEDIUM
    shown = re.fullmatch(r"\s*(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:/\S*)?\s*", link.text, re.IGNORECASE)
    if (
        shown
        and not link.is_image
        and re.search(r"https?:|/|^www\.", link.text)
        and not _same_host(shown[1].lower(), host)
    ):
        return f"the text shows {shown[1].lower()}, but the address leads to {host}", Severity.HIGH
    for trusted in ("huggingface.co", "github.com"):
        if not _same_host(host, trusted) and _looks_like(_registered(host), trusted):
            return f"the host {host} looks like {trusted}", Severity.HIGH
    owner = _owner(link.url)
    if owner and owner not in owners:
        for known in sorted(owners):
            if _looks_like(owner, known):
                return f"the owner {owner} looks like {known}", Severity.HIGH
    return None


def _picture(link: CardLink, hosts: set[str], *, has_before: bool) -> tuple[str, Severity] | None:
    host = _host(link.url)
    if link.is_tiny:
        return f"an invisible image tells {host} who reads the card", Severity.HIGH
    if not has_before or host in hosts or _BADGES.match(host):
        return None
    return f"an image comes from {host}, which the card did not use before", Severity.LOW


def _baits(before: CardText, after: CardText) -> Iterator[ContentFinding]:
    known = {passage.text for passage in before.paragraphs}
    for passage in after.paragraphs:
        match = _TOKEN_BAIT.search(passage.text)
        if match is None or passage.text in known:
            continue
        near = [
            link for link in after.links if passage.line <= link.line <= passage.line + passage.text.count("\n") + 1
        ]
        addresses = [link.url for link in near if _host(link.url) and _host(link.url) not in _TRUSTED]
        addresses += re.findall(r"[\w.+-]+@[\w-]+\.[\w.]+|https?://(?!huggingface\.co|hf\.co)\S+", passage.text)
        if addresses:
            message = f"the text asks readers for a token and sends them to {_where(addresses[0])}"
            yield finding(LINK, message, risk="misleads", severity=Severity.HIGH, line=passage.line, evidence=match[0])


def _clean(url: str) -> str:
    return re.sub(r"[\x00-\x20]", "", unquote(url)).replace("\\", "/")


def _host(url: str) -> str:
    """The host in lower case; empty for a relative address or another scheme."""
    url = _clean(url)
    if url.startswith("//"):
        url = f"https:{url}"
    if not re.match(r"(?:https?|ftp)://", url, re.IGNORECASE):
        return ""
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return url.partition("://")[2].partition("/")[0].lower()


def _owner(url: str) -> str:
    """The owner in an address of the Hub or a forge, in lower case; empty where there is none."""
    if _host(url) not in _HOSTS_WITH_OWNERS:
        return ""
    try:
        parts = [part for part in urlsplit(_clean(url)).path.split("/") if part]
    except ValueError:
        return ""
    if parts and parts[0] in {"datasets", "spaces", "models"}:
        parts = parts[1:]
    return parts[0].lower() if len(parts) > 1 and parts[0] not in _SECTIONS else ""


def _where(url: str) -> str:
    owner = _owner(url)
    return f"{_host(url)}/{owner}" if owner else _host(url) or url


def _same_place(one: str, other: str) -> bool:
    """Whether a changed address is a correction: the same host and owner."""
    if not _host(other):
        return True  # a relative link became absolute, or the other way round
    return _same_host(_host(one), _host(other)) and _owner(one) == _owner(other)


def _same_host(one: str, other: str) -> bool:
    short = {"hf.co": "huggingface.co"}
    plain = [short.get(host.removeprefix("www."), host.removeprefix("www.")) for host in (one, other)]
    return plain[0] == plain[1] or plain[0].endswith(f".{plain[1]}") or plain[1].endswith(f".{plain[0]}")


def _registered(host: str) -> str:
    return ".".join(host.split(".")[-2:])


_SHORTEST = 4


def _looks_like(name: str, known: str) -> bool:
    known = known.lower()
    if name == known or len(known) < _SHORTEST:
        return False
    if _folded(name) == _folded(known):
        return True
    return (
        len(known) > _SHORTEST and is_one_edit(name, known) and name.rstrip("0123456789") != known.rstrip("0123456789")
    )


def _folded(name: str) -> str:
    return (
        name.lower()
        .translate(_CONFUSABLE)
        .replace("l", "i")
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("-", "")
        .replace("_", "")
    )
