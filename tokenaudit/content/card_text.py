"""A card as its readers see it: paragraphs, links, images and HTML for people, hidden text for programs.

Markdown is parsed with markdown-it-py, HTML with the standard library's parser. Nothing is rendered.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tokenaudit.content.structured_text import UnreadableTextError, front_matter
from tokenaudit.text import size

LARGEST = 512 << 10
"""Characters of a card that are parsed."""

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_UNSHOWN = frozenset({"template", "noscript", "noembed", "noframes", "title", "head", "datalist"})
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*(?:0*(?:\.0[0-4]?\d*)?|0*\.?)%?\s*(?:;|!|"
    r"$)|"
    r"font-size\s*:\s*(?:0*(?:\.0*)?(?:px|pt|em|rem|%)?|[01](?:\.\d+)?(?:px|pt)|0?\.[01]\d*(?:em|rem|px|pt)|"
    r"[0-9]%)\s*(?:;|!|$)|"
    r"(?:left|top|right|bottom|text-indent|margin-left)\s*:\s*-\s*\d{3,}|max-height\s*:\s*0|"
    r"clip\s*:\s*rect\(\s*0|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)|transform\s*:\s*scale\(\s*0|"
    r"(?:^|;)\s*(?:height|width)\s*:\s*0(?:px)?\s*(?:;|$)",
    re.IGNORECASE,
)
_LIGHT = re.compile(
    r"(?:^|;|\s)color\s*:\s*(?:white|transparent|#f{3,8}\b|#fefefe\b|rgba?\(\s*25[0-5]\s*,\s*25[0-5]\s*,\s*25[0-5]\b|"
    r"rgba\([^)]*,\s*0(?:\.0*)?\s*\))",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background", re.IGNORECASE)
_SMALL = re.compile(r"\s*[01](?:\.\d+)?\s*(?:px)?\s*\Z")


@dataclass(frozen=True)
class CardLink:
    """A link or image. `text` is what a reader sees."""

    text: str
    url: str
    line: int
    is_image: bool = False
    is_tiny: bool = False


@dataclass(frozen=True)
class Element:
    """An HTML tag with its attributes; names are in lower case."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    line: int


@dataclass(frozen=True)
class Passage:
    """Text at a line. `quoted` is whether it is shown as an example: code, a table cell or a quotation."""

    text: str
    line: int
    quoted: bool = False


@dataclass
class CardText:
    """The parts of a card. Lines count from 1 in the file."""

    lines: list[str]
    matter: str | None = None
    body_line: int = 1
    paragraphs: list[Passage] = field(default_factory=list)
    code: list[Passage] = field(default_factory=list)
    links: list[CardLink] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    comments: list[Passage] = field(default_factory=list)
    hidden: list[Passage] = field(default_factory=list)
    """Elements whose text a page does not show."""


_MOST_IN_A_PARAGRAPH = (("[", 5_000), ("<!--", 500), ("<", 20_000))
"""Brackets in one paragraph, above which a Markdown parser becomes slow."""


def parse_card(text: str) -> CardText:
    """Parses a card.

    Raises:
        UnreadableTextError: the card is larger than `LARGEST` characters, or too slow to parse.
    """
    if len(text) > LARGEST:
        message = f"a card of {size(len(text))}, more than the {size(LARGEST)} that are parsed"
        raise UnreadableTextError(message)
    for paragraph in re.split(r"\n\s*\n", text):
        if any(paragraph.count(sign) > most for sign, most in _MOST_IN_A_PARAGRAPH):
            message = "a paragraph has too many brackets to parse"
            raise UnreadableTextError(message)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    matter = front_matter(text)
    start = 0 if matter is None else matter[0].count("\n") + 3
    card = CardText(lines, None if matter is None else matter[0], start + 1)
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])
    _Walk(card, start).take(parser.parse("\n".join(lines[start:])))
    return card


class _Walk:
    """Reads the tokens of a Markdown document, with one HTML parser for all of them."""

    def __init__(self, card: CardText, start: int) -> None:
        self._card = card
        self._html = _Html(card)
        self._line = start + 1
        self._start = start
        self._quotes = 0
        self._cells = 0

    def take(self, tokens: Sequence[Token]) -> None:
        """Adds all tokens of a document to the card."""
        for token in tokens:
            if token.map is not None:
                self._line = self._start + token.map[0] + 1
            self._html.at = self._line
            self._block(token)
        self._html.end()

    def _block(self, token: Token) -> None:
        if token.type in {"fence", "code_block"}:
            self._card.code.append(Passage(f"{token.info}\n{token.content}", self._line, quoted=True))
            self._html.text("", self._line)
        elif token.type == "html_block":
            self._html.feed_at(token.content, self._line)
        elif token.type == "inline":
            quoted = self._quotes > 0 or self._cells > 0
            self._card.paragraphs.append(Passage(_shown(token.children or []), self._line, quoted=quoted))
            self._inline(token.children or [])
        elif token.type in {"blockquote_open", "blockquote_close"}:
            self._quotes += token.nesting
        elif token.type in {"td_open", "td_close"}:
            self._cells += token.nesting

    def _inline(self, tokens: Sequence[Token]) -> None:
        opened: list[tuple[str, list[Token]]] = []
        line = self._line
        for token in tokens:
            if token.type in {"softbreak", "hardbreak"}:
                line += 1
            for _, inner in opened:
                inner.append(token)
            if token.type == "link_open":
                opened.append((str(token.attrs.get("href", "")), []))
            elif token.type == "link_close" and opened:
                url, inner = opened.pop()
                self._card.links.append(CardLink(_shown(inner[:-1]).strip(), url, line))
            elif token.type == "image":
                self._card.links.append(CardLink(token.content, str(token.attrs.get("src", "")), line, is_image=True))
            elif token.type == "html_inline":
                self._html.feed_at(token.content, line)
            elif token.type in {"text", "code_inline"}:
                self._html.text(token.content, line)


def _shown(tokens: Sequence[Token]) -> str:
    parts = []
    for token in tokens:
        if token.type == "code_inline":
            parts.append(f"`{token.content}`")
        elif token.type in {"text", "image"}:
            parts.append(token.content)
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append("\n")
    return "".join(parts)


@dataclass
class _Open:
    """An element that is still open; `hidden` collects its text if a page does not show it."""

    tag: str
    hides: bool
    line: int
    hidden: list[str] = field(default_factory=list)
    url: str = ""
    text: list[str] = field(default_factory=list)


class _Html(HTMLParser):
    """Collects tags, comments and hidden text of the HTML in a card, across blocks of Markdown."""

    def __init__(self, card: CardText) -> None:
        super().__init__(convert_charrefs=True)
        self.at = 1
        self._card = card
        self._open: list[_Open] = []
        self._base = (1, 1)

    def feed_at(self, text: str, line: int) -> None:
        """Feeds HTML that begins on `line` of the file."""
        self._base = (line, self.getpos()[0])
        self.feed(text)

    def end(self) -> None:
        """Ends the document and closes all open elements."""
        self.close()
        while self._open:
            self._closed(self._open.pop())

    def text(self, text: str, line: int) -> None:
        """Adds plain text."""
        self.at = line
        for element in self._open:
            element.text.append(text)
            if element.hides:
                element.hidden.append(text)

    def _line(self) -> int:
        base, own = self._base
        return base + max(self.getpos()[0] - own, 0)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes an opening tag."""
        line = self._line()
        attributes = tuple((name.lower(), value or "") for name, value in attrs)
        self._card.elements.append(Element(tag, attributes, line))
        given = dict(attributes)
        hides = hides_content(tag, given)
        if tag in {"img", "source", "video", "audio", "input"}:
            url = given.get("src") or given.get("srcset", "").split(" ")[0]
            tiny = hides or any(_SMALL.match(given.get(side, "x")) for side in ("width", "height"))
            if url:
                alternative = given.get("alt", "")
                self._card.links.append(CardLink(alternative, url, line, is_image=True, is_tiny=tiny))
        if tag not in _VOID:
            self._open.append(_Open(tag, hides, line, url=given.get("href", "") if tag == "a" else ""))
            if len(self._open) > _DEEPEST:
                self._closed(self._open.pop(0))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes a self-closing tag, which browsers treat as an opening one."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Takes a closing tag; one without an opening tag is ignored."""
        for number in range(len(self._open) - 1, -1, -1):
            if self._open[number].tag == tag:
                for element in reversed(self._open[number:]):
                    self._closed(element)
                del self._open[number:]
                return

    def handle_data(self, data: str) -> None:
        """Takes text between tags."""
        self.text(data, self._line())

    def handle_comment(self, data: str) -> None:
        """Takes a comment."""
        self._card.comments.append(Passage(data.strip(), self._line()))

    def handle_decl(self, decl: str) -> None:
        """Takes a declaration, which no page shows."""
        self._card.comments.append(Passage(decl, self._line()))

    def unknown_decl(self, data: str) -> None:
        """Takes a section such as CDATA, which no page shows."""
        self._card.comments.append(Passage(data, self._line()))

    def handle_pi(self, data: str) -> None:
        """Takes a processing instruction, which no page shows."""
        self._card.comments.append(Passage(data, self._line()))

    def _closed(self, element: _Open) -> None:
        hidden = " ".join("".join(element.hidden).split())
        if hidden:
            self._card.hidden.append(Passage(hidden, element.line))
        if element.url:
            self._card.links.append(CardLink(" ".join("".join(element.text).split()), element.url, element.line))


_DEEPEST = 200


def hides_content(tag: str, attributes: dict[str, str]) -> bool:
    """Whether a page hides the content of a tag."""
    style = html.unescape(attributes.get("style", ""))
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    if tag in _UNSHOWN or "hidden" in attributes or _HIDING.search(style):
        return True
    color = attributes.get("color", "").strip().lower() if tag == "font" else ""
    light = color in {"white", "#fff", "#ffffff", "transparent"} or bool(_LIGHT.search(style))
    return light and not _BACKGROUND.search(style)
