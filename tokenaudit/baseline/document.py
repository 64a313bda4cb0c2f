"""The baseline file: read with its errors explained, written the way detect-secrets writes it."""

from __future__ import annotations

import json
import os
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tokenaudit.errors import ConfigurationError
from tokenaudit.file_access import read_argument
from tokenaudit.redaction import masked
from tokenaudit.text import visible

if TYPE_CHECKING:
    from pathlib import Path

OURS = "tokenaudit"
"""The key under which findings stand that detect-secrets has no place for."""


@dataclass(frozen=True)
class Baseline:
    """A baseline's document and what it knows.

    `values` holds (file, SHA-1 of the value), `harmless` the SHA-1s that an audit labelled as no secrets. `elsewhere`
    holds (fingerprint, place) of findings outside of present files, `problems` the identities of configuration
    problems.
    """

    document: dict[str, Any] = field(default_factory=dict)
    values: frozenset[tuple[str, str]] = frozenset()
    harmless: frozenset[str] = frozenset()
    elsewhere: frozenset[tuple[str, str]] = frozenset()
    problems: frozenset[str] = frozenset()


def load(path: Path) -> Baseline:
    """The baseline in `path`.

    Raises:
        ConfigurationError: it can't be read or is no baseline.
    """
    shown = visible(str(path))
    try:
        document = masked(json.loads(read_argument(path)))
    except FileNotFoundError:
        message = f"baseline {shown} does not exist; --update-baseline writes it"
        raise ConfigurationError(message) from None
    except OSError as error:
        message = f"baseline {shown} can't be read: {error.strerror}"
        raise ConfigurationError(message) from None
    except (ValueError, RecursionError):
        message = f"baseline {shown} is no JSON; write it again with --update-baseline or detect-secrets scan"
        raise ConfigurationError(message) from None
    try:
        return of_document(document)
    except (KeyError, TypeError, AttributeError):
        message = (
            f"baseline {shown} is not in detect-secrets' format: it needs results with hashed_secret for each file"
        )
        raise ConfigurationError(message) from None


def of_document(document: dict[str, Any]) -> Baseline:
    """The baseline that a parsed document is. A wrong shape raises KeyError, TypeError or AttributeError."""
    values = set()
    harmless = set()
    for name, entries in document["results"].items():
        for entry in entries:
            digest = entry["hashed_secret"].lower()
            values.add((normal(name), digest))
            if entry.get("is_secret") is False:
                harmless.add(digest)
    ours = document.get(OURS, {})
    elsewhere = {(entry["fingerprint"].lower(), entry["place"]) for entry in ours.get("credentials", ())}
    problems = {problem["id"].lower() for problem in ours.get("problems", ())}
    return Baseline(document, frozenset(values), frozenset(harmless), frozenset(elsewhere), frozenset(problems))


def save(baseline: Baseline, path: Path) -> None:
    """Writes `baseline`, whole or not at all.

    Raises:
        ConfigurationError: the file can't be written.
    """
    text = json.dumps(masked(baseline.document), indent=2) + "\n"
    path = path.resolve()  # a link stays one: what it leads to is replaced
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        message = f"baseline {visible(str(path))} can't be written: {error.strerror}"
        raise ConfigurationError(message) from None


def normal(name: str) -> str:
    """A file's name as both `./x` and `x` (and `x` with backslashes) give it."""
    return posixpath.normpath(name.replace("\\", "/"))
