"""The metadata at the beginning of a card: keys that lead elsewhere, and YAML that parsers read differently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenaudit.content.card_text import CardText
from tokenaudit.content.change import ContentFinding, RepositoryFacts
from tokenaudit.content.changed_content import ChangedContent, finding
from tokenaudit.content.structured_text import Entry, UnreadableTextError, duplicate_keys, is_python_tag, yaml_entries
from tokenaudit.model import Rule, Severity
from tokenaudit.text import size

REDIRECT = Rule(
    id="content-card-redirect",
    title="Card points to another model, license or form",
    severity=Severity.MEDIUM,
    why="The Hub shows `new_version`, `base_model`, the license and the gate's form from the card. One line there "
    "leads "
    "every visitor to another repository, or asks strangers for data.",
    remedy="Revert the key to its last good value.",
    bad="`new_version: mallory/m` added to the card of `acme/m`.",
    good="`new_version: acme/m-2`",
    references=("https://huggingface.co/docs/hub/model-cards",),
)
METADATA = Rule(
    id="content-card-metadata",
    title="Card metadata that programs read differently",
    severity=Severity.MEDIUM,
    why="Aliases can expand to gigabytes, parsers disagree on which of two equal keys counts, and tags make an unsafe "
    "loader run code.",
    remedy="Write each key once, without anchors, aliases and tags.",
    bad="Two `license` keys in the metadata of `README.md`.",
    good="Plain keys and values.",
)
RULES = (REDIRECT, METADATA)

_LARGEST = 128 << 10
"""Characters. The front matter of real cards is smaller, even with evaluation results."""


def metadata_findings(
    before: CardText, after: CardText, repository: RepositoryFacts, content: ChangedContent, *, has_before: bool
) -> Iterator[ContentFinding]:
    """What is new in the metadata of a card."""
    if after.matter is None or after.matter == before.matter:
        return
    if len(after.matter) > _LARGEST:
        message = f"{size(len(after.matter))} of metadata, more than the {size(_LARGEST)} of any real card"
        yield finding(METADATA, message, risk="misleads", line=1)
        content.skip("the card's metadata is too large to read")
        return
    try:
        entries = yaml_entries(after.matter, 2)
        twice = duplicate_keys(after.matter, 2)
    except UnreadableTextError as error:
        yield finding(METADATA, f"the metadata can't be read safely: {error}", risk="misleads", line=1)
        content.skip(f"card metadata: {error}")
        return
    earlier = _before(before)
    known = {one.path for one in _before_duplicates(before)}
    for one in twice:
        if one.path not in known:
            message = f"the key {'.'.join(one.path)} appears twice; programs disagree on which value counts"
            yield finding(METADATA, message, risk="misleads", line=one.line, names=(one.key,))
    for one in entries:
        if is_python_tag(one.tag):
            message = "a YAML tag constructs a Python object"
            yield finding(METADATA, message, risk="executes", severity=Severity.HIGH, line=one.line, evidence=one.tag)
    if has_before:
        yield from _redirects(entries, earlier, repository)


def _before(card: CardText) -> list[Entry]:
    try:
        return [] if card.matter is None else yaml_entries(card.matter, 2)
    except UnreadableTextError:
        return []


def _before_duplicates(card: CardText) -> list[Entry]:
    try:
        return [] if card.matter is None else duplicate_keys(card.matter, 2)
    except UnreadableTextError:
        return []


def _redirects(
    after: Sequence[Entry], before: Sequence[Entry], repository: RepositoryFacts
) -> Iterator[ContentFinding]:
    for entry in after:
        top = entry.path[0] if entry.path else ""
        earlier = [one.value for one in before if one.path == entry.path]
        if entry.value in earlier:
            continue
        found = _redirect(top, entry, earlier, repository)
        if found is not None:
            severity, message = found
            yield finding(
                REDIRECT,
                message,
                risk="misleads",
                severity=severity,
                line=entry.line,
                names=(".".join(entry.path),),
                evidence=entry.value,
            )


def _redirect(
    top: str, entry: Entry, earlier: Sequence[str], repository: RepositoryFacts
) -> tuple[Severity, str] | None:
    owner = entry.value.partition("/")[0].lower() if "/" in entry.value else ""
    owners = {value.partition("/")[0].lower() for value in earlier if "/" in value}
    if top == "new_version" and (owner != repository.owner.lower() or earlier):
        severity = Severity.HIGH if owner != repository.owner.lower() else Severity.LOW
        return severity, f"the model page sends visitors to {entry.value}"
    if top in {"base_model", "datasets"} and earlier and owner not in owners:
        severity = Severity.HIGH if top == "base_model" else Severity.LOW
        return severity, f"{top} is {entry.value} instead of {earlier[0]}"
    if top in {"license", "license_name", "license_link", "library_name", "pipeline_tag"} and earlier:
        severity = Severity.LOW if top in {"pipeline_tag", "license_name"} else Severity.MEDIUM
        return severity, f"{top} is {entry.value} instead of {earlier[0]}"
    if top.startswith("extra_gated"):
        return Severity.MEDIUM, f"the gate's form changed: {'.'.join(entry.path)}"
    return None
