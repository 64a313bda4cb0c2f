"""JSON documents as text."""

from __future__ import annotations

import json

import msgspec

from tokenaudit.text import inert


def json_text(document: object, indent: int = 2) -> str:
    """`document` as indented JSON that ends in a line feed.

    The output can be printed in a CI log, where `##vso[…]` is a command anywhere in a line. Its first character is
    written as a JSON escape.
    """
    try:
        text = msgspec.json.format(msgspec.json.encode(document), indent=indent).decode()
    except UnicodeEncodeError:  # a lone surrogate: a byte of a file name that is not UTF-8
        text = json.dumps(msgspec.to_builtins(document), indent=indent)
    return inert(text, _escape) + "\n"


def _escape(sign: str) -> str:
    return f"\\u{ord(sign):04x}"
