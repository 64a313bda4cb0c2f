"""JSON documents as text."""

from __future__ import annotations

import json

import msgspec

from tokenaudit.text import inert


def json_text(document: object, indent: int = 2) -> str:
    """`document` as indented JSON that ends in a line feed.

    The output of a command can end up in a CI system's log, where `##vso[…]` is a command wherever it is in a line. In
    JSON its first sign can be written as an escape that means the same.
    """
    try:
        text = msgspec.json.format(msgspec.json.encode(document), indent=indent).decode()
    except UnicodeEncodeError:  # a lone surrogate: a byte of a file name that is not UTF-8
        text = json.dumps(msgspec.to_builtins(document), indent=indent)
    return inert(text, _escape) + "\n"


def _escape(sign: str) -> str:
    return f"\\u{ord(sign):04x}"
