"""Numbers as people say them."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """`1 credential`, `12,345 objects`, `2 repositories`."""
    if number == 1:
        return f"1 {noun}"
    ends_in_ies = noun.endswith("y") and noun[-2] not in "aeiou"
    return f"{number:,} {noun[:-1]}ies" if ends_in_ies else f"{number:,} {noun}s"
